"""Changes of resolution without parameters."""

from __future__ import annotations

from typing import ClassVar, Literal

from spinedsl.ops.base import Operator, ShapeError
from spinedsl.ops.types import Shape
from spinedsl.records import record


@record
class Upsample(Operator):
    """Enlargement: by the nearest neighbour, output row i reading input row floor(i · H / H'), or
    bilinear, between the centres of pixels.

    With `factor`, H' = factor · H at every size; without, the extents are fixed.
    Source: https://onnx.ai/onnx/operators/onnx__Resize.html (nearest, asymmetric, floor; linear,
    half_pixel)
    """

    height: int
    width: int
    factor: int | None
    method: Literal["nearest", "bilinear"] = "nearest"

    label: ClassVar[str] = "upsample"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (C, H', W')."""
        (shape,) = inputs
        if self.height < shape.height or self.width < shape.width:
            raise ShapeError(f"can't enlarge {shape.height} x {shape.width} to {self.height} x {self.width}")
        return Shape(shape.channels, self.height, self.width)


@record
class SpaceToDepth(Operator):
    """Blocks of `block` × `block` pixels become channels, in the order row, column, channel.

    Source: https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html (TensorFlow's order)
    """

    block: int

    label: ClassVar[str] = "space_to_depth"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (C · block², H / block, W / block)."""
        (shape,) = inputs
        if shape.height % self.block or shape.width % self.block:
            raise ShapeError(
                f"{shape.height} x {shape.width} doesn't divide into {self.block} x {self.block}"
            )
        return Shape(shape.channels * self.block**2, shape.height // self.block, shape.width // self.block)
