"""Pointwise activation functions."""

from __future__ import annotations

from typing import ClassVar

from spinedsl.ops.base import Operator
from spinedsl.ops.types import Shape
from spinedsl.records import record

FUNCTIONS: dict[str, str] = {
    "relu": "max(x, 0)",
    "relu6": "min(max(x, 0), 6)",
    "swish": "x · sigmoid(x)",
    "hard_swish": "x · min(max(x + 3, 0), 6) / 6",
    "sigmoid": "1 / (1 + exp(-x))",
    "hard_sigmoid": "min(max(x + 3, 0), 6) · slope, slope = 1/6 unless stated",
}
"""Every activation function with its formula."""

SIXTH = 1 / 6


@record
class Activation(Operator):
    """One of `FUNCTIONS`, applied to every element.

    `slope` is the constant of `hard_sigmoid`: the published mobile network multiplies by 0.16667.
    `in_place` says that it may write over its input, which nothing else reads.
    """

    function: str
    slope: float = SIXTH
    in_place: bool = False

    label: ClassVar[str] = "act"
    unsaid: ClassVar[tuple[str, ...]] = ("in_place",)

    @property
    def overwrites(self) -> bool:
        """As `in_place` says."""
        return self.in_place

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the input."""
        return inputs[0]
