"""The fully connected layer."""

from __future__ import annotations

from typing import ClassVar

from spinedsl.ops.base import TRUNCATED_NORMAL, ZEROS, Initial, Operator, Parameter, ShapeError
from spinedsl.ops.types import Shape
from spinedsl.records import record


@record
class Dense(Operator):
    """Every output channel reads all channels and pixels, in the order channel, row, column.

    Source: https://onnx.ai/onnx/operators/onnx__Gemm.html
    """

    in_features: int
    out_channels: int
    bias: bool = True
    initial: Initial = TRUNCATED_NORMAL
    initial_bias: Initial = ZEROS

    label: ClassVar[str] = "dense"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (out_channels, 1, 1)."""
        (shape,) = inputs
        if shape.elements != self.in_features:
            raise ShapeError(f"a dense layer over {self.in_features} features got {shape.elements}")
        return Shape(self.out_channels, 1, 1)

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight` (out, in), and `bias` (out) if there is one."""
        parameters = [Parameter("weight", (self.out_channels, self.in_features), self.initial)]
        if self.bias:
            parameters.append(Parameter("bias", (self.out_channels,), self.initial_bias))
        return tuple(parameters)

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """in · out."""
        return self.in_features * self.out_channels
