"""numpy's files from a stranger: the header is looked at before anything is believed or read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.ops import Shape
from spinedsl.runtime.images import MAX_PIXELS


def read_array(path: Path, name: str, shape: Shape, *, floats: bool = True) -> NDArray[Any]:
    """A `.npy` file as an image (bytes, rows x columns x 3) or as a network's input (floats).

    Args:
        name, shape: of the input: channels, height and width.
        floats: whether the input itself may be given.

    Raises:
        DiagnosticError: it is neither, or damaged (SP057).
    """
    try:
        with path.open("rb") as file:
            return _array(path, file, name, shape, images=shape[0] == 3, floats=floats)
    except OSError as problem:
        raise _damaged(path, problem) from None


def read_archive(path: Path, inputs: Mapping[str, Shape]) -> dict[str, NDArray[Any]]:
    """A `.npz` file that holds every input by its name.

    Raises:
        DiagnosticError: an input is missing or of another shape, or the file is damaged (SP057).
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name, shape in inputs.items():
                with archive.open(f"{name}.npy") as file:
                    found[name] = _array(path, file, name, shape, images=False, floats=True)
    except KeyError:
        names = ", ".join(f"{name}=…" for name in inputs)
        raise fail(
            "SP057", f"“{path}” holds no array “{name}”", help=f"save one for each input: numpy.savez(path, {names})"
        ) from None  # fmt: skip
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as problem:
        # The last two: a compression that isn't built in, an archive with a password.
        raise _damaged(path, problem) from None
    return found


def _array(
    path: Path, file: IO[bytes], name: str, shape: Shape, *, images: bool, floats: bool
) -> NDArray[Any]:
    try:
        extents, by_columns, dtype = _header(file)
        is_image = images and dtype == np.uint8 and len(extents) == 3 and extents[2] == 3
        is_input = floats and dtype.kind == "f" and extents in (shape, (1, *shape))
        if not is_input and not (is_image and 0 < extents[0] * extents[1] <= MAX_PIXELS):
            allowed = [f"floats, {_shown(shape)}"] if floats else []
            allowed += ["bytes, rows x columns x 3"] if images else []
            raise fail(
                "SP057", f"“{path}” holds {dtype} {_shown(extents)}, which can't be “{name}”",
                help=f"save {', or '.join(allowed)}",
            )  # fmt: skip
        count = math.prod(extents)
        array = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise _damaged(path, problem) from None
    if not np.isfinite(array).all():
        raise fail(
            "SP057", f"“{path}” holds numbers that are not finite", help="leave it out, or save it anew"
        )
    return array.reshape(extents, order="F" if by_columns else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Extents, whether columns come first, and the type.

    Raises:
        ValueError: it is no header, or one of a version that only holds named fields.
    """
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version[0]}.{version[1]} of the format isn't read")
    try:
        return read(file)
    except Exception as problem:
        # numpy reads it with Python's tokenizer and parser, which raise errors of their own.
        raise ValueError(f"its header can't be read: {str(problem).splitlines()[0]}") from None


def _damaged(path: Path, problem: Exception) -> DiagnosticError:
    reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return fail(
        "SP057",
        f"“{path}” is damaged, or no array of numpy's: {reason}",
        help="save it anew, or leave it out",
    )


def _shown(extents: tuple[int, ...]) -> str:
    return " x ".join(map(str, extents)) or "(a single number)"
