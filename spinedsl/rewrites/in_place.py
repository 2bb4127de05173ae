"""Let activations and sums write over what they read, so that no memory is fetched for their results.

1. Activations whose derivative follows from their result: ReLU and ReLU6; where there is no training, the
   others that torch has in place, too. Sums, whose derivative needs neither: over their first operand, or
   over the second, which then becomes the first.
2. Where what they write over was made anew, by an operator whose derivative doesn't need its result.
   Drop path may hand its input on: what it makes is new if its input is. Without training, activations
   make new memory as well.
3. Where nothing else reads that, and it isn't returned.

Requires: the runtime does as it is told (`Profile.in_place`).
Ensures: the same values, bit for bit, and the same gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Dense,
    DropPath,
    GlobalPool,
    Multiply,
    Pool,
    Scale,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.activation import SIXTH
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import reads

FUNCTIONS = ("relu", "relu6")
UNTRAINED = ("hard_sigmoid", "hard_swish", "swish")
"""Activations that are in place at inference only."""

FRESH = (
    Add, BatchNorm, Concat, Convolution, Deconvolution, Dense, Multiply, Pool, Scale, Upsample, WeightedAdd,
)  # fmt: skip
"""Operators that always make memory of their own, and never look at it again for a derivative."""


def in_place(program: Program, inference: bool, decisions: Decisions) -> Program:
    """The program with activations and sums in place where that can't be seen."""
    new: dict[str, bool] = {}
    functions: dict[str, Function] = {}
    for name, function in program.functions.items():
        ((_, value),) = function.outputs
        # A call may return what something inside of it still needs.
        values = _Values(function, new, inference)
        new[name] = values.obstacle(value) is None
        functions[name] = _rewritten(function, values, decisions)
    main = _rewritten(program.main, _Values(program.main, new, inference), decisions)
    return replace(program, functions=functions, main=main)


def _rewritten(function: Function, values: _Values, decisions: Decisions) -> Function:
    nodes = []
    for node in function.nodes:
        operator = node.target
        if isinstance(operator, Activation | Add) and not operator.in_place:
            place, reason = _place(node, operator, values)
            if place is None:
                decisions.declined(function, node, reason)
            else:
                decisions.applied(function, node, f"over {node.inputs[place]}")
                inputs = (node.inputs[place], *node.inputs[:place], *node.inputs[place + 1 :])
                node = replace(node, target=replace(operator, in_place=True), inputs=inputs)
        nodes.append(node)
    return replace(function, nodes=tuple(nodes))


def _place(node: Node, operator: Activation | Add, values: _Values) -> tuple[int | None, str]:
    """Which operand may be written over; or why none may."""
    if isinstance(operator, Activation) and not values.writes_over(operator):
        return None, f"the derivative of {operator.function} needs its input"
    obstacles = [values.obstacle(value) for value in node.inputs[:2]]
    place = next((index for index, obstacle in enumerate(obstacles) if obstacle is None), None)
    return place, "; ".join(filter(None, obstacles))


@dataclass
class _Values:
    """Which values of a function may be written over."""

    function: Function
    new: Mapping[str, bool]
    inference: bool

    def __post_init__(self) -> None:
        self.made = {node.output: node for node in self.function.nodes}
        self.counts = reads(self.function)

    def writes_over(self, operator: Activation) -> bool:
        """Whether an activation may write over its input."""
        if self.inference and operator.function in UNTRAINED:
            return operator.slope == SIXTH  # others are written as arithmetic
        return operator.function in FUNCTIONS

    def obstacle(self, value: str) -> str | None:
        """Why the one who reads a value may not write over it; None if it may."""
        while True:
            node = self.made.get(value)
            if node is None:
                return f"{value} is the caller's"
            if self.counts[value] > 1:
                return f"{value} is read {self.counts[value]} times"
            if not isinstance(node.target, DropPath):
                break
            value = node.inputs[0]
        if self._is_fresh(node):
            return None
        return f"{value} may be another value, or is needed for its derivative"

    def _is_fresh(self, node: Node) -> bool:
        if isinstance(node.target, Call):
            return self.new[node.target.function]
        # The derivative of a maximum over everything looks for where the result stands.
        averages = isinstance(node.target, GlobalPool) and node.target.kind == "average"
        untrained = self.inference and isinstance(node.target, Activation | GlobalPool)
        return averages or untrained or isinstance(node.target, FRESH)
