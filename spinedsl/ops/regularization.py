"""Operators that act in training only."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from spinedsl.ops.base import Operator
from spinedsl.ops.types import Shape
from spinedsl.records import record


@record
class DropPath(Operator):
    """Stochastic depth (Huang et al. 2016): drops a whole sample's branch, scales the kept ones.

    The chance is `fraction` times the network's rate; at inference it is the identity.
    """

    fraction: Fraction

    label: ClassVar[str] = "drop_path"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the input."""
        return inputs[0]
