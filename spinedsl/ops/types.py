"""Shapes and paddings."""

from __future__ import annotations

from typing import Literal, NamedTuple

FLOAT_BYTES = 4
"""Of one float32 number."""


class Shape(NamedTuple):
    """Extents of a feature without its batch: channels × height × width."""

    channels: int
    height: int
    width: int

    @property
    def elements(self) -> int:
        """How many numbers one sample holds."""
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        return f"{self.channels} x {self.height} x {self.width}"


class Pads(NamedTuple):
    """Rows and columns added around a feature."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    @property
    def symmetric(self) -> bool:
        """Whether opposite sides agree, as `padding=` of a torch layer needs."""
        return self.top == self.bottom and self.left == self.right

    def __str__(self) -> str:
        return ",".join(str(side) for side in self)


NO_PADS = Pads()

Padding = Literal["symmetric", "same"]


def pads_for(padding: Padding, shape: Shape, kernel: tuple[int, int], stride: int, dilation: int = 1) -> Pads:
    """The pads a windowed operator gets under a padding rule.

    `symmetric` adds dilation·(kernel-1)//2 on every side, and nothing to an even kernel as large as
    its stride, whose windows don't overlap. `same` is TensorFlow's rule: the output has
    ceil(extent/stride) rows, and an odd total puts the larger half behind.
    """
    if padding == "symmetric":
        top, left = (0 if k % 2 == 0 and k == stride else dilation * (k - 1) // 2 for k in kernel)
        return Pads(top, left, top, left)
    top, bottom = _same(shape.height, kernel[0], stride, dilation)
    left, right = _same(shape.width, kernel[1], stride, dilation)
    return Pads(top, left, bottom, right)


def _same(extent: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    window = dilation * (kernel - 1) + 1
    total = max((-(-extent // stride) - 1) * stride + window - extent, 0)
    return total // 2, total - total // 2


def window_output(
    shape: Shape, kernel: tuple[int, int], stride: int, pads: Pads, dilation: int = 1
) -> tuple[int, int]:
    """Height and width behind a window that slides over a padded feature."""
    heights = shape.height + pads.top + pads.bottom - dilation * (kernel[0] - 1) - 1
    widths = shape.width + pads.left + pads.right - dilation * (kernel[1] - 1) - 1
    return heights // stride + 1, widths // stride + 1
