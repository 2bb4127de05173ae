"""Batch normalisation."""

from __future__ import annotations

from typing import ClassVar

from spinedsl.ops.base import ONES, ZEROS, Operator, Parameter, ShapeError
from spinedsl.ops.types import Shape
from spinedsl.records import record


@record
class BatchNorm(Operator):
    """Batch normalisation (Ioffe & Szegedy 2015).

    `momentum` is the papers' and Keras's: the part of the running statistics that is kept
    (torch calls 1 - momentum by that name).
    Source: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
    """

    channels: int
    eps: float
    momentum: float

    label: ClassVar[str] = "norm"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the input."""
        (shape,) = inputs
        if shape.channels != self.channels:
            raise ShapeError(f"a norm over {self.channels} channels got {shape.channels}")
        return shape

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight` and `bias` are trained, `running_mean` and `running_var` are counted."""
        extent = (self.channels,)
        return (
            Parameter("weight", extent, ONES),
            Parameter("bias", extent, ZEROS),
            Parameter("running_mean", extent, ZEROS, trainable=False),
            Parameter("running_var", extent, ONES, trainable=False),
        )
