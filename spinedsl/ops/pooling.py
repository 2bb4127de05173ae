"""Pooling over windows and over the whole extent."""

from __future__ import annotations

from typing import ClassVar, Literal

from spinedsl.ops.base import Operator, ShapeError
from spinedsl.ops.types import Pads, Shape, window_output
from spinedsl.records import record


@record
class Pool(Operator):
    """Largest element (or mean of the real elements) of a sliding window; pads never count.

    Source: https://onnx.ai/onnx/operators/onnx__MaxPool.html
    """

    kind: Literal["max", "average"]
    kernel: tuple[int, int]
    stride: int
    pads: Pads

    label: ClassVar[str] = "pool"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (C, H', W')."""
        (shape,) = inputs
        height, width = window_output(shape, self.kernel, self.stride, self.pads)
        if height < 1 or width < 1:
            raise ShapeError(
                f"a {self.kernel[0]}x{self.kernel[1]} window doesn't fit into {shape.height} x {shape.width}"
            )
        tall, wide = self.kernel
        if max(self.pads.top, self.pads.bottom) >= tall or max(self.pads.left, self.pads.right) >= wide:
            raise ShapeError("a pool's pads must be smaller than its window")
        return Shape(shape.channels, height, width)


@record
class GlobalPool(Operator):
    """Largest element or mean over height and width.

    Source: https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
    """

    kind: Literal["max", "average"]

    label: ClassVar[str] = "pool"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (C, 1, 1)."""
        return Shape(inputs[0].channels, 1, 1)
