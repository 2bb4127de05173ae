"""Whether a network still computes the same from the same weights.

Every value gets a number: equal for values of both networks that are computed alike from inputs and
weights of the same names. Left out is what acts in training only (drop path, a norm's momentum, how
weights are drawn), and the order in which numbers are added, which only rounds otherwise.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields

from spinedsl.comparison.places import Places
from spinedsl.comparison.weights import nodes_of
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Label
from spinedsl.graph.inline import InlinedNode
from spinedsl.ops import Add, DropPath, Operator
from spinedsl.pipeline import AnyCompilation, ModelCompilation

_TRAINING_ONLY = frozenset({"momentum", "initial", "initial_bias", "in_place"})
MOST_TERMS = 64
"""Numbers that are added in any order; a longer sum is taken as it stands."""


def broken_results(before: AnyCompilation, after: AnyCompilation) -> Iterator[Diagnostic]:
    """SP205, at the first part that computes something else; both have the same inputs and weights."""
    size = before.network.input
    if (size.height, size.width) != (after.network.input.height, after.network.input.width):
        # At one size: pads and extents would differ.
        with suppress(DiagnosticError):
            after = after.resized(size.height, size.width)
    numbers = _Numbers()
    old, new = numbers.of_values(before), numbers.of_values(after)
    was, now = _outputs(before, old), _outputs(after, new)
    wrong = [name for name, number in now.items() if was.get(name, number) != number]
    if not wrong:
        return
    known = set(old.values())
    owner = next((n.owner for n in nodes_of(after) if new[n.name] not in known), "")
    place = Places(after).of(owner)
    first = f", beginning with “{owner}”" if owner else ""
    shown = ", ".join(f"“{name}”" for name in wrong[:3]) + (", …" if len(wrong) > 3 else "")
    yield Diagnostic(
        "SP205",
        f"“{after.subject.name}” makes something else of the same weights in {shown}{first}",
        primary=Label(place) if place else None,
        help="take the change back, or train anew: old weights load, but give other results",
    )


def _outputs(compilation: AnyCompilation, numbers: dict[str, int]) -> dict[str, int]:
    """The number of everything that leaves the network, or that regions are cut from."""
    found = {name: numbers[value] for name, value in compilation.inlined.outputs.items()}
    if isinstance(compilation, ModelCompilation) and compilation.regions:
        values = compilation.inlined.values
        found |= {name: numbers[values[v]] for name, v in compilation.assembly.features.items()}
        for part, inlined in compilation.regions:
            found |= {f"{part.name}.{name}": numbers[value] for name, value in inlined.outputs.items()}
    return found


@dataclass
class _Numbers:
    """The numbers of values, by how they are computed."""

    known: dict[Hashable, int] = field(default_factory=dict)
    terms: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def of_values(self, compilation: AnyCompilation) -> dict[str, int]:
        """The number of every value, by its name."""
        found: dict[str, int] = {}
        for port in compilation.program.main.inputs:
            found[port.name] = self._number(("input", port.name))
        self._add(compilation.inlined.nodes, found)
        if isinstance(compilation, ModelCompilation):
            for part, inlined in compilation.regions:
                own = {p.name: self._number(("region", part.name, p.name)) for p in part.program.main.inputs}
                self._add(inlined.nodes, own)
                found |= {node.name: own[node.name] for node in inlined.nodes}
        return found

    def _add(self, nodes: Iterable[InlinedNode], found: dict[str, int]) -> None:
        for node in nodes:
            inputs = tuple(found[name] for name in node.inputs)
            if isinstance(node.operator, DropPath):
                found[node.name] = inputs[0]
            elif isinstance(node.operator, Add):
                found[node.name] = self._sum(inputs)
            else:
                holder = node.holder if node.operator.parameters() else ""
                found[node.name] = self._number((_essence(node.operator), holder, inputs))

    def _sum(self, inputs: tuple[int, ...]) -> int:
        terms = tuple(sorted(term for number in inputs for term in self.terms.get(number, (number,))))
        number = self._number(("sum", terms if len(terms) <= MOST_TERMS else inputs))
        if len(terms) <= MOST_TERMS:
            self.terms[number] = terms
        return number

    def _number(self, key: Hashable) -> int:
        return self.known.setdefault(key, len(self.known))


def _essence(operator: Operator) -> Hashable:
    """An operator without what acts in training only."""
    values = (getattr(operator, f.name) for f in fields(operator) if f.name not in _TRAINING_ONLY)
    return (type(operator).__name__, *values)
