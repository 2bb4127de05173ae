"""Reading a .safetensors file from a stranger: nothing in it is believed before it is checked.

The format is eight bytes (length of the header), a JSON header (name → dtype, shape, range of
bytes), and the tensors' bytes. Nothing in it can execute. It is read here, and not by the
safetensors library, because that has no bfloat16 for numpy and maps the file: a file that shrinks
while it is mapped ends the process.
Source: https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""

DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2,
    "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8,
}  # fmt: skip
FLOATS = ("F32", "F16", "BF16", "F64")
"""What can become float32."""


class FileProblem(Exception):
    """A file that is no whole safetensors file; the message says why, in half a sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the header says of one tensor; `start` counts from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


class SafetensorsFile:
    """An open file whose header fits it.

    Attributes:
        entries: every tensor by name, in the order of the header.

    Raises:
        FileProblem: it can't be read, or it lies about itself.
    """

    def __init__(self, path: Path) -> None:
        self._file = _open(path)
        try:
            self.entries = _header(self._file, os.fstat(self._file.fileno()).st_size)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor as float32.

        float16 and bfloat16 convert exactly: a bfloat16 is the upper half of a float32. float64
        is rounded to the nearest; what is too large becomes infinite, which the caller sees.

        Raises:
            FileProblem: the file ends early, or the tensor isn't of floats.
        """
        entry = self.entries[name]
        data = bytearray(entry.length)
        try:
            self._file.seek(entry.start)
            count = self._file.readinto(data)  # type: ignore[attr-defined]
        except OSError as problem:
            raise FileProblem(str(problem.strerror).lower()) from None
        if count != entry.length:
            raise FileProblem("it ends in the middle of a tensor")
        return _to_float32(data, entry.dtype).reshape(entry.shape)


def _to_float32(data: bytearray, dtype: str) -> NDArray[np.float32]:
    match dtype:
        case "F32":
            return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
        case "F16":
            return np.frombuffer(data, "<f2").astype(np.float32)
        case "BF16":
            return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        case "F64":
            with np.errstate(over="ignore"):
                return np.frombuffer(data, "<f8").astype(np.float32)
    raise FileProblem(f"{dtype} numbers are no weights")


def _open(path: Path) -> BinaryIO:
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as problem:
        raise FileProblem((getattr(problem, "strerror", None) or str(problem)).lower()) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileProblem("not a regular file")
    return os.fdopen(descriptor, "rb")


def _header(file: BinaryIO, size: int) -> dict[str, Entry]:
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, MAX_HEADER_BYTES):
        raise FileProblem("it is no safetensors file, or it is cut short: its header isn't all there")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise FileProblem("its header isn't JSON") from None
    if not isinstance(header, dict):
        raise FileProblem("its header isn't a table of tensors")
    header.pop("__metadata__", None)
    entries = {name: _entry(name, value, 8 + length) for name, value in header.items()}
    _see_that_all_is_covered(entries, 8 + length, size)
    return entries


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise FileProblem("its header names a tensor twice")
    return table


def _entry(name: str, value: Any, origin: int) -> Entry:
    match value:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]} if (
            dtype in DTYPE_BYTES
            and all(type(n) is int and n >= 0 for n in (*shape, begin, end))
            and end - begin == math.prod(shape) * DTYPE_BYTES[dtype]
        ):
            return Entry(dtype, tuple(shape), origin + begin, end - begin)
    raise FileProblem(f"what its header says of “{name[:80]}” contradicts itself")


def _see_that_all_is_covered(entries: dict[str, Entry], origin: int, size: int) -> None:
    """Tensors follow each other without gap or overlap up to the file's end, as the format demands."""
    place = origin
    for entry in sorted(entries.values(), key=lambda e: (e.start, e.length)):
        if entry.start != place:
            raise FileProblem("its tensors overlap, or leave gaps")
        place += entry.length
    if place > size:
        raise FileProblem(f"it is cut short: {place - size:,} bytes are missing")
    if place < size:
        raise FileProblem(f"{size - place:,} bytes at its end belong to no tensor")
