"""Operators that join several features."""

from __future__ import annotations

from typing import ClassVar

from spinedsl.ops.base import ONES, Operator, Parameter, ShapeError, same_shape
from spinedsl.ops.types import Shape
from spinedsl.records import record


@record
class Add(Operator):
    """Sum of two or more features of one shape, from left to right.

    `in_place` says that it may write over its first input, which nothing else reads.
    """

    in_place: bool = False

    label: ClassVar[str] = "add"
    unsaid: ClassVar[tuple[str, ...]] = ("in_place",)

    @property
    def overwrites(self) -> bool:
        """As `in_place` says."""
        return self.in_place

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The common shape."""
        return same_shape(inputs, "a sum")


@record
class Multiply(Operator):
    """Product with a feature of the same shape, or with a gate of one pixel a channel."""

    label: ClassVar[str] = "multiply"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the first input."""
        if len(inputs) != 2:
            raise ShapeError(f"a product has two factors, not {len(inputs)}")
        first, second = inputs
        if second not in (first, Shape(first.channels, 1, 1)):
            raise ShapeError(f"a product needs equal shapes or one pixel a channel, not {first} and {second}")
        return first


@record
class Scale(Operator):
    """Product with one number, the same for every element."""

    factor: float

    label: ClassVar[str] = "scale"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the input."""
        return inputs[0]


@record
class WeightedAdd(Operator):
    """Fast normalised fusion: Σ wᵢ·xᵢ / (Σ wⱼ + eps) with wᵢ = relu(weightᵢ).

    Source: Tan et al., EfficientDet (arXiv 1911.09070), section 3.3
    """

    inputs: int
    eps: float

    label: ClassVar[str] = "fusion"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The common shape."""
        return same_shape(inputs, "a weighted sum")

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight`: one number an input."""
        return (Parameter("weight", (self.inputs,), ONES),)


@record
class Concat(Operator):
    """Channels of all inputs, one after the other."""

    label: ClassVar[str] = "concat"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(ΣC, H, W)."""
        if len({(s.height, s.width) for s in inputs}) > 1:
            raise ShapeError("a concatenation needs features of one height and width")
        return inputs[0]._replace(channels=sum(s.channels for s in inputs))
