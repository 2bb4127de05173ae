"""Convolution, plain, depthwise and transposed."""

from __future__ import annotations

from typing import ClassVar

from spinedsl.ops.base import TRUNCATED_NORMAL, ZEROS, Initial, Operator, Parameter, ShapeError
from spinedsl.ops.types import NO_PADS, Pads, Shape, window_output
from spinedsl.records import record


@record
class TakenNorm:
    """A norm that a layer took in.

    Attributes:
        name: its node's, beside the layer's.
        biased: whether the layer had a bias before.
    """

    name: str
    eps: float
    biased: bool

    def __str__(self) -> str:
        return self.name


@record
class Convolution(Operator):
    """Two-dimensional convolution; depthwise where `groups` equals the channels.

    `norm` says that its weights and bias are made of its own before and of a norm's.

    Source: https://onnx.ai/onnx/operators/onnx__Conv.html
    """

    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    pads: Pads = NO_PADS
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    initial: Initial = TRUNCATED_NORMAL
    initial_bias: Initial = ZEROS
    norm: TakenNorm | None = None

    label: ClassVar[str] = "conv"
    unsaid: ClassVar[tuple[str, ...]] = ("norm",)

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (out_channels, H', W')."""
        (shape,) = inputs
        if shape.channels != self.in_channels:
            raise ShapeError(f"a convolution over {self.in_channels} channels got {shape.channels}")
        height, width = window_output(shape, self.kernel, self.stride, self.pads, self.dilation)
        if height < 1 or width < 1:
            raise ShapeError(
                f"a {self.kernel[0]}x{self.kernel[1]} window doesn't fit into {shape.height} x {shape.width}"
            )
        return Shape(self.out_channels, height, width)

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight` (out, in/groups, kh, kw), and `bias` (out) if there is one."""
        weight = (self.out_channels, self.in_channels // self.groups, *self.kernel)
        parameters = [Parameter("weight", weight, self.initial)]
        if self.bias:
            parameters.append(Parameter("bias", (self.out_channels,), self.initial_bias))
        return tuple(parameters)

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """out · H' · W' · kh · kw · in/groups."""
        window = self.kernel[0] * self.kernel[1] * (self.in_channels // self.groups)
        return output.elements * window


@record
class Deconvolution(Operator):
    """Transposed convolution whose windows don't overlap: every pixel becomes `stride` × `stride`.

    Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
    """

    in_channels: int
    out_channels: int
    stride: int
    bias: bool = False
    initial: Initial = TRUNCATED_NORMAL

    label: ClassVar[str] = "deconv"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(C, H, W) → (out_channels, stride · H, stride · W)."""
        (shape,) = inputs
        if shape.channels != self.in_channels:
            raise ShapeError(
                f"a transposed convolution over {self.in_channels} channels got {shape.channels}"
            )
        return Shape(self.out_channels, self.stride * shape.height, self.stride * shape.width)

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight` (in, out, stride, stride), and `bias` (out) if there is one."""
        weight = (self.in_channels, self.out_channels, self.stride, self.stride)
        parameters = [Parameter("weight", weight, self.initial)]
        if self.bias:
            parameters.append(Parameter("bias", (self.out_channels,), ZEROS))
        return tuple(parameters)

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """out · H' · W' · in: one weight an output pixel and input channel."""
        return output.elements * self.in_channels
