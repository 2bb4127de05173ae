"""How large the values of a network get on a folder of images.

1. `minmax` takes the smallest and the largest number seen.
2. `percentile` leaves out the outermost 0.001 % of the numbers, `entropy` cuts where the quantised
   distribution is nearest to the whole one (Kullback-Leibler), to half of the range at most. Both look at the images twice, first
   for the range of their histograms, so that the order of the images doesn't matter. The
   histograms are onnxruntime's.
3. A number that is not finite stops the calibration, with the value and the image it was seen in.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import Diagnostic, fail
from spinedsl.emit.precisions import CalibrationMethod
from spinedsl.records import record
from spinedsl.runtime.activations import Activations
from spinedsl.runtime.calibration_images import CalibrationFolder, usable

PERCENTILE = 99.999
"""Share of the numbers that stay in range: onnxruntime's default, too."""
BINS = {"percentile": 2048, "entropy": 256}
LEVELS = 128
"""Of a histogram, and of the quantised distribution that `entropy` compares it with. It cuts no further
than to LEVELS / BINS of the range; with more bins, it cut a detector's average precision by a third."""

Progress = Callable[[int, int], None]
"""Is told how many images of how many are done."""


@record
class Range:
    """The numbers that a value takes, from `lowest` to `highest`."""

    lowest: float
    highest: float


@record
class Calibration:
    """What was seen.

    Attributes:
        ranges: of each value, by name.
        images: the files that were used, in order.
        warnings: about files that were not.
    """

    ranges: dict[str, Range]
    images: tuple[Path, ...]
    warnings: tuple[Diagnostic, ...]


def calibrate(
    activations: Activations,
    folder: CalibrationFolder,
    method: CalibrationMethod = "minmax",
    *,
    symmetric: bool = False,
    progress: Progress | None = None,
) -> Calibration:
    """The ranges of the values that `activations` shows, and of the inputs.

    Args:
        symmetric: whether ranges will be made symmetric, which the histogram of `percentile` respects.
        progress: called after each image, and once before the first.

    Raises:
        DiagnosticError: no image can be used, or a number isn't finite (SP057).
    """
    passes = 1 if method == "minmax" else 2
    total, done = passes * len(folder.files), 0
    warnings: list[Diagnostic] = []

    def images() -> Iterator[tuple[Path, Mapping[str, NDArray[np.float32]]]]:
        nonlocal done
        for path, inputs in usable(folder, warnings):
            yield path, inputs
            done += 1
            tell(done)

    def tell(count: int) -> None:
        if progress is not None:
            progress(count, total)

    tell(0)
    ranges: dict[str, Range] = {}
    used = []
    for path, inputs in images():
        used.append(path)
        for name, value in _values(activations, inputs):
            if value.size:
                ranges[name] = _widened(ranges.get(name), name, value, path)
    found = tuple(warnings)
    if method != "minmax":
        done = len(folder.files)
        collector = _Histograms(method, symmetric, ranges)
        for _, inputs in images():
            for name, value in _values(activations, inputs):
                if value.size:
                    collector.add(name, value)
        ranges = collector.ranges()
    tell(total)
    return Calibration(ranges, tuple(used), found)


def _values(
    activations: Activations, inputs: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield from inputs.items()
    yield from activations.of(inputs)


def _widened(before: Range | None, name: str, value: NDArray[np.float32], path: Path) -> Range:
    lowest, highest = float(value.min()), float(value.max())
    if not np.isfinite([lowest, highest]).all():
        raise fail(
            "SP057",
            f"“{name}” is not finite on “{path}”: nothing can be calibrated on that",
            help="check the weights and how the image is normalised; `--precision fp32` writes the model as it is",
        )
    if before is None:
        return Range(lowest, highest)
    return Range(min(lowest, before.lowest), max(highest, before.highest))


class _Histograms:
    """onnxruntime's histograms, with ranges that are known beforehand."""

    def __init__(self, method: CalibrationMethod, symmetric: bool, ranges: Mapping[str, Range]) -> None:
        from onnxruntime.quantization.calibrate import HistogramCollector

        self._collector: Any = HistogramCollector(method, symmetric, BINS[method], LEVELS, PERCENTILE, "same")
        for name, seen in ranges.items():
            largest = max(abs(seen.lowest), abs(seen.highest))
            self.add(name, np.array([0.0, largest], np.float32))

    def add(self, name: str, value: NDArray[np.float32]) -> None:
        """Count the numbers of a value."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._collector.collect({name: value})

    def ranges(self) -> dict[str, Range]:
        """What each value should be cut to."""
        with contextlib.redirect_stdout(io.StringIO()):
            found = self._collector.compute_collection_result()
        return {name: Range(float(low), float(high)) for name, (low, high, *_) in found.items()}
