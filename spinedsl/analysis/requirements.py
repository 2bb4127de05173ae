"""What a space requires of its members, checked with the exact cost model before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spinedsl.analysis.costs import CostModel, Costs
from spinedsl.diagnostics import Diagnostics, Label
from spinedsl.ir.expressions import evaluate
from spinedsl.ir.model import Network, Requirement, Space
from spinedsl.ir.space_rules import QUANTITIES, quantities_in
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes, printer


@record
class Violation:
    """A requirement that a network doesn't meet.

    Attributes:
        condition: as it is written.
        actual: what the network has of everything the condition speaks of: `macs(640) = 38,214,000,000`.
    """

    condition: str
    actual: tuple[str, ...]
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.condition}: {', '.join(self.actual)}"


def refuse_unmet(
    network: Network, requirements: Requirements, space: Space, diagnostics: Diagnostics
) -> None:
    """Record what a network doesn't meet of what a space requires (SP039)."""
    for violation in requirements.violations(network):
        diagnostics.add(
            "SP039", f"“{network.name}” doesn't meet `{violation.condition}`", network.span,
            f"it has {', '.join(violation.actual)}",
            secondary=[Label(violation.span, "required here")] if violation.span else [],
            help=f"change it, or loosen what “{space.name}” requires",
        )  # fmt: skip


@dataclass
class Requirements:
    """The requirements of a space, asked of many networks; it remembers what pieces of them cost.

    Attributes:
        conditions: all of them hold of a network that meets them.
    """

    conditions: Sequence[Requirement]
    model: CostModel = field(default_factory=CostModel)

    @classmethod
    def of(cls, space: Space, further: Sequence[Requirement] = ()) -> Requirements:
        """Those of a space, and some more."""
        return cls((*space.requirements, *further))

    def costs(self, network: Network) -> Costs:
        """What a network costs at its own input size."""
        return self.model.of(network)

    def violations(self, network: Network) -> tuple[Violation, ...]:
        """The requirements that a network doesn't meet.

        Raises:
            DiagnosticError: it doesn't compile, or a condition has no value.
        """
        if not self.conditions:
            return ()
        measured = _Measured(network, self.model)
        found = []
        for requirement in self.conditions:
            if not evaluate(measured.filled_in(requirement.condition), {}):
                asked = dict.fromkeys(quantities_in(requirement.condition))
                actual = tuple(f"{printer.expression(q)} = {measured.value(q):,}" for q in asked)
                found.append(Violation(printer.expression(requirement.condition), actual, requirement.span))
        return tuple(found)

    def excess(self, network: Network) -> float:
        """How far a network is from meeting all: the sum of relative distances; 0 if it does."""
        measured = _Measured(network, self.model)
        return sum(_excess(measured.filled_in(each.condition)) for each in self.conditions)

    def met(self, network: Network) -> bool:
        """Whether a network meets all of them."""
        return not self.violations(network)


class _Measured:
    """The quantities of one network, each measured when a condition asks for it."""

    def __init__(self, network: Network, model: CostModel) -> None:
        self.network, self.model = network, model
        self._costs: dict[tuple[int, ...], Costs] = {}

    def filled_in(self, node: nodes.Expression) -> nodes.Expression:
        """A condition with numbers in the place of quantities."""
        if isinstance(node, nodes.Reference | nodes.Apply) and _name(node) in QUANTITIES:
            return nodes.Number(str(self.value(node)), span=node.span)
        if isinstance(node, nodes.Apply):
            operands = tuple(self.filled_in(operand) for operand in node.operands)
            return nodes.Apply(node.function, operands, depth=node.depth, span=node.span)
        return node

    def value(self, node: nodes.Reference | nodes.Apply) -> int:
        """What the network has of a quantity."""
        operands = node.operands if isinstance(node, nodes.Apply) else ()
        size = tuple(int(evaluate(operand, {})) for operand in operands)
        match _name(node):
            case "params":
                return self._at().parameters
            case "macs":
                return self._at(*size).macs
            case "memory":
                return self._at(*size).activation_bytes
            case "depth":
                return self._at().depth
            case "levels":
                return len({block.level for block in self.network.blocks})
        # A repeated block counts once.
        return sum(not size or block.level == size[0] for block in self.network.blocks)

    def _at(self, *size: int) -> Costs:
        """The costs at an input size: none for its own, one for both extents, or height and width."""
        if size not in self._costs:
            network = self.network
            if size:
                given = network.input.model_copy(update={"height": size[0], "width": size[-1]})
                network = network.model_copy(update={"input": given})
            self._costs[size] = self.model.of(network)
        return self._costs[size]


def _name(node: nodes.Reference | nodes.Apply) -> str:
    return node.name if isinstance(node, nodes.Reference) else node.function


def _excess(node: nodes.Expression) -> float:
    """How far from true a condition is: 0 if it is, else the relative distance of what it compares."""
    if evaluate(node, {}):
        return 0.0
    assert isinstance(node, nodes.Apply)
    if node.function == "and":
        return sum(_excess(operand) for operand in node.operands)
    if node.function == "or":
        return min(_excess(operand) for operand in node.operands)
    if node.function in ("<", "<=", ">", ">=", "==") and len(node.operands) == 2:
        left, right = (float(evaluate(operand, {})) for operand in node.operands)
        # Something is missing even where a bound is just not to be reached.
        return abs(left - right) / max(abs(left), abs(right), 1.0) + 1e-9
    return 1.0
