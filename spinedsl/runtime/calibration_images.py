"""A folder of images as the inputs of a model, one at a time.

1. Files are taken in the order of their paths, those of subfolders too; what doesn't end like an
   image or an array is passed over.
2. An image lies at the top left of the network's input, as large as fits, interpolated bilinearly,
   normalised, and the rest is zero: as the pipelines that spinec writes do it.
3. A pipeline gets the images as they are.
4. A `.npy` file is an image if it holds bytes, rows x columns x 3; floats are the network's input as
   they are. A `.npz` file names an array for every input: the only way for networks over features.
5. Files that can't be used are left out, with one warning. Without a single usable one, it is an
   error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity, fail
from spinedsl.graph.tasks import Preprocessing
from spinedsl.ops import Shape
from spinedsl.records import record
from spinedsl.runtime.calibration_arrays import read_archive, read_array
from spinedsl.runtime.images import Image, load_image

IMAGES = frozenset({
    ".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp",
})  # fmt: skip
ARRAY, ARCHIVE = ".npy", ".npz"
SHOWN = 3
"""How many files a warning names."""

Inputs = dict[str, NDArray[Any]]
"""A model's inputs by name, each with a batch of one."""


@record
class CalibrationFolder:
    """Where inputs come from, and what they have to be.

    Attributes:
        files: in order.
        inputs: name → channels, height and width of each of the network's inputs.
        preprocessing: how pixels become numbers.
        raw: name of a pipeline's input, which takes images as they are; None without a pipeline.
    """

    folder: Path
    files: tuple[Path, ...]
    inputs: Mapping[str, Shape]
    preprocessing: Preprocessing
    raw: str | None = None

    def read(self, path: Path) -> Inputs:
        """One file as inputs.

        Raises:
            DiagnosticError: it can't be used (SP001, SP002, SP054, SP057), or pillow isn't installed
                (SP052).
        """
        ending = path.suffix.lower()
        if ending == ARCHIVE:
            arrays = read_archive(path, self.inputs)
            return {name: _as_input(array, self.inputs[name]) for name, array in arrays.items()}
        ((name, shape),) = self.inputs.items()
        if ending == ARRAY:
            image = read_array(path, name, shape, floats=self.raw is None)
        else:
            image = load_image(path)
        if self.raw is not None:
            return {self.raw: image[np.newaxis]}
        if image.dtype != np.uint8:
            return {name: _as_input(image, shape)}
        return {name: letterboxed(image, shape[1:], self.preprocessing)}


def calibration_folder(
    folder: Path,
    inputs: Mapping[str, Shape],
    preprocessing: Preprocessing | None = None,
    raw: str | None = None,
) -> CalibrationFolder:
    """Find the files of a folder that could be a model's inputs; arguments as there.

    Raises:
        DiagnosticError: there is no such folder, or nothing in it that could be (SP057).
    """
    endings = _endings(inputs, raw is not None)
    try:
        if not folder.is_dir():
            raise fail(
                "SP057", f"there is no folder “{folder}” to calibrate with",
                help="give a folder of images like those the network will see; some hundred are enough",
            )  # fmt: skip
        paths = sorted(folder.rglob("*"))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise fail(
            "SP057", f"can't look into the folder “{folder}”: {reason.lower()}", help="check its permissions"
        ) from None
    files = tuple(path for path in paths if path.suffix.lower() in endings and path.is_file())
    if not files:
        state = "holds nothing to calibrate with" if paths else "is empty"
        raise fail(
            "SP057", f"the folder “{folder}” {state}", help=f"put files into it: {', '.join(endings)}"
        )  # fmt: skip
    return CalibrationFolder(folder, files, inputs, preprocessing or Preprocessing(), raw)


def _endings(inputs: Mapping[str, Shape], raw: bool) -> list[str]:
    """Of the files that could be a model's inputs: images only where it reads three channels."""
    if raw:
        return [*sorted(IMAGES), ARRAY]
    if len(inputs) > 1:
        return [ARCHIVE]
    ((channels, _, _),) = inputs.values()
    return [*(sorted(IMAGES) if channels == 3 else ()), ARRAY, ARCHIVE]


def usable(folder: CalibrationFolder, warnings: list[Diagnostic]) -> Iterator[tuple[Path, Inputs]]:
    """Every file that can be used, with its inputs; a warning tells of the others.

    Raises:
        DiagnosticError: none can be used (SP057), or pillow isn't installed (SP052).
    """
    problems: list[Diagnostic] = []
    for path in folder.files:
        try:
            inputs = folder.read(path)
        except DiagnosticError as error:
            if any(problem.code == "SP052" for problem in error.diagnostics):
                raise
            problems.extend(error.diagnostics)
            continue
        yield path, inputs
    if problems:
        _tell(folder, problems, warnings)


def _tell(folder: CalibrationFolder, problems: list[Diagnostic], warnings: list[Diagnostic]) -> None:
    reasons = "; ".join(problem.message for problem in problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
    total = f"{len(folder.files):,} files in “{folder.folder}”"
    if len(problems) == len(folder.files):
        raise fail("SP057", f"none of the {total} can be used: {reasons}{more}", help=problems[0].help)
    message = f"{len(problems):,} of the {total} can't be used, and were left out: {reasons}{more}"
    warnings.append(Diagnostic("SP057", message, Severity.WARNING, help=problems[0].help))


def letterboxed(image: Image, size: tuple[int, int], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """An image as the network's input, 1 x 3 x height x width (rule 2)."""
    (rows, columns), (height, width) = image.shape[:2], size
    tall = min(height, max(1, (2 * rows * width + columns) // (2 * columns)))
    wide = min(width, max(1, (2 * columns * height + rows) // (2 * rows)))
    resized = _interpolated(_interpolated(image, tall, axis=0), wide, axis=1) / np.float32(255)
    mean, std = (np.array(values, np.float32) for values in (preprocessing.mean, preprocessing.std))
    made = np.zeros((1, 3, height, width), np.float32)
    made[0, :, :tall, :wide] = ((resized - mean) / std).transpose(2, 0, 1)
    return made


def _interpolated(array: NDArray[Any], extent: int, axis: int) -> NDArray[np.float32]:
    """Linear between pixel centres along one axis; the border's pixels reach to the border."""
    before = array.shape[axis]
    place = np.clip((np.arange(extent) + 0.5) * before / extent - 0.5, 0, before - 1)
    low = np.floor(place).astype(np.int64)
    share = (place - low).astype(np.float32)
    share = share.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    first = array.take(low, axis).astype(np.float32)
    second = array.take(np.minimum(low + 1, before - 1), axis).astype(np.float32)
    made: NDArray[np.float32] = first + (second - first) * share
    return made


def _as_input(array: NDArray[Any], shape: Shape) -> NDArray[np.float32]:
    return array.astype(np.float32).reshape(1, *shape)
