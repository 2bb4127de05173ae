"""What numbers a file of weights holds, and how two files differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spinedsl.records import record
from spinedsl.weights.files import FLOATS, TensorFile
from spinedsl.weights.types import Array


@record
class Statistics:
    """One tensor in numbers.

    Attributes:
        dtype: as safetensors calls it.
        bytes: in the file.
        lowest, highest, mean: of the finite numbers, or None if there are none, or if they aren't floats.
        bad: how many numbers are not finite.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    lowest: float | None = None
    highest: float | None = None
    mean: float | None = None
    bad: int = 0

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape, dtype=object))


@record
class Difference:
    """A tensor that two files hold with different numbers.

    Attributes:
        largest: the largest difference; infinite where one number is finite and the other isn't.
        relative: that, divided by the largest magnitude on the left; infinite if that is zero.
    """

    name: str
    largest: float
    relative: float


@record
class Comparison:
    """Two files of weights against each other.

    Attributes:
        left, right: names on that side only.
        shapes: names with both shapes, where they differ.
        differences: tensors of one shape whose numbers differ.
        compared: how many tensors both have in one shape.
        skipped: names of tensors that hold other numbers than floats on a side: counters, mostly.
        metadata: what the files record differently: key, left, right.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    shapes: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    differences: tuple[Difference, ...]
    compared: int
    skipped: tuple[str, ...]
    metadata: tuple[tuple[str, str | None, str | None], ...]

    @property
    def equal(self) -> bool:
        """Whether both hold the same tensors; what they record of themselves doesn't count."""
        return not (self.left or self.right or self.shapes or self.differences)


def statistics(file: TensorFile) -> Iterator[Statistics]:
    """Every tensor in numbers, in the order of the file.

    Raises:
        DiagnosticError: bytes are missing or damaged (SP051).
    """
    for name, entry in file.entries.items():
        plain = Statistics(name, entry.shape, entry.dtype, entry.length)
        yield _with_numbers(plain, file.tensor(name)) if entry.dtype in FLOATS else plain


def compare_files(left: TensorFile, right: TensorFile, tolerance: float = 0.0) -> Comparison:
    """Both files against each other, one tensor at a time.

    Args:
        left, right: the files.
        tolerance: relative difference up to which numbers count as the same.

    Raises:
        DiagnosticError: bytes are missing or damaged (SP051).
    """
    common = [name for name in left.entries if name in right.entries]
    other = [n for n in common if not {left.entries[n].dtype, right.entries[n].dtype} <= {*FLOATS}]
    shaped = [n for n in common if left.entries[n].shape == right.entries[n].shape]
    alike = [name for name in shaped if name not in set(other)]
    differences = (_difference(name, left.tensor(name), right.tensor(name)) for name in alike)
    keys = sorted(left.metadata.keys() | right.metadata.keys())
    return Comparison(
        tuple(name for name in left.entries if name not in right.entries),
        tuple(name for name in right.entries if name not in left.entries),
        tuple((n, left.entries[n].shape, right.entries[n].shape) for n in common if n not in set(shaped)),
        tuple(difference for difference in differences if difference.relative > tolerance),
        len(alike),
        tuple(other),
        tuple(
            (key, left.metadata.get(key), right.metadata.get(key))
            for key in keys
            if left.metadata.get(key) != right.metadata.get(key)
        ),
    )


def _with_numbers(plain: Statistics, array: Array) -> Statistics:
    finite = array[np.isfinite(array)]
    lowest, highest, mean = None, None, None
    if finite.size:
        lowest, highest = float(finite.min()), float(finite.max())
        mean = float(finite.mean(dtype=np.float64))
    bad = array.size - finite.size
    return Statistics(plain.name, plain.shape, plain.dtype, plain.bytes, lowest, highest, mean, bad)


def _difference(name: str, left: Array, right: Array) -> Difference:
    if np.array_equal(left, right, equal_nan=True):
        return Difference(name, 0.0, 0.0)
    with np.errstate(invalid="ignore"):
        apart = np.abs(left.astype(np.float64) - right)
    # Infinities of one sign and two NaNs are equal; one alone is infinitely far from anything.
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    apart = np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))
    largest = float(apart.max())
    finite = np.abs(left[np.isfinite(left)], dtype=np.float64)
    scale = float(finite.max()) if finite.size else 0.0
    return Difference(name, largest, largest / scale if scale else np.inf)
