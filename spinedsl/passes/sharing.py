"""What the levels of a head share, they must share wholly.

1. Nodes of one name run one operator, or functions that are alike node by node. An enlargement by
   one factor is the same operator at every extent.
2. What keeps no parameters may differ from level to level, outside of parts.
3. Parameters of every level apart stand in a level.

Requires: a lowered head, or network.
Ensures: one layer of a module can do for all nodes of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from spinedsl.diagnostics import DiagnosticError, Diagnostics, Label, fail
from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import Operator, Upsample
from spinedsl.records import record


def refuse_unequal(program: Program, user: Label | None) -> None:
    """See that nodes of one name in `main` can be one layer: rules 1 and 2.

    Raises:
        DiagnosticError: they can't (SP044).
    """
    first: dict[str, Node] = {}
    for node in program.main.nodes:
        known = first.setdefault(node.name, node)
        if known is node or not (_keeps(known) or _keeps(node)):
            continue
        difference = _Comparison(program.functions).difference(known, node, node.name)
        if difference is not None:
            raise _unequal(program.name, difference, (known.instance, node.instance), user)


def refuse_levelled(program: Program, help: str, user: Label | None = None) -> None:
    """See that nothing outside of levels has parameters for each of them: rule 3.

    Args:
        help: what to do about it, in the user's words.

    Raises:
        DiagnosticError: something has (SP031).
    """
    diagnostics = Diagnostics()
    for node in program.main.nodes:
        levelled = isinstance(node.target, Call) and program.functions[node.target.function].levelled
        if not node.instance and (node.own or levelled):
            diagnostics.add(
                "SP031", f"“{node.owner}” has parameters for every level where there are no levels", node.span,
                secondary=[user] if user else [], help=help,
            )  # fmt: skip
    diagnostics.stop_on_errors()


def _keeps(node: Node) -> bool:
    """Whether a module would hold something under the node's name."""
    return isinstance(node.target, Call) or bool(node.target.parameters())


@record
class _Difference:
    """Two nodes of one dotted name that aren't alike."""

    name: str
    one: Node
    other: Node


@record
class _Comparison:
    """Node by node; pairs of functions that were looked at are not looked at again."""

    functions: Mapping[str, Function]
    seen: set[tuple[str, str]] = field(default_factory=set)

    def difference(self, one: Node, other: Node, name: str) -> _Difference | None:
        """The first two nodes, here or in what these call, that aren't alike."""
        if isinstance(one.target, Call) and isinstance(other.target, Call):
            pair = (one.target.function, other.target.function)
            if pair[0] == pair[1] or pair in self.seen:
                return None
            self.seen.add(pair)
            functions = self.functions[pair[0]], self.functions[pair[1]]
            return self._inside(functions, _Difference(name, one, other))
        if isinstance(one.target, Call) or isinstance(other.target, Call):
            return _Difference(name, one, other)
        alike = one.own == other.own and _alike(one.target, other.target)
        return None if alike else _Difference(name, one, other)

    def _inside(self, functions: tuple[Function, Function], around: _Difference) -> _Difference | None:
        one, other = functions
        if [_wiring(node) for node in one.nodes] != [_wiring(node) for node in other.nodes]:
            return around
        for a, b in zip(one.nodes, other.nodes, strict=True):
            found = self.difference(a, b, f"{around.name}.{a.name}")
            if found is not None:
                return found
        return None if one.outputs == other.outputs else around


def _wiring(node: Node) -> tuple[str, tuple[str, ...]]:
    return node.name, node.inputs


def _alike(one: Operator, other: Operator) -> bool:
    if isinstance(one, Upsample) and isinstance(other, Upsample) and one.factor is not None:
        return (one.factor, one.method) == (other.factor, other.method)
    return one == other


def _unequal(
    head: str, difference: _Difference, levels: tuple[str, str], user: Label | None
) -> DiagnosticError:
    name = f"{head}.{difference.name}"
    parameter = _reshaped(difference)
    if parameter is not None:
        message = f"the levels share “{name}.{parameter}”, but would need it in several shapes"
        help = "bring the levels to one width first: `endpoints -> 256`"
    else:
        message = f"the levels share “{name}”, but at {levels[1]} it is not what it is at {levels[0]}"
        help = "let it do the same at all levels, or write what differs as parts of different names"
    return fail(
        "SP044", message, difference.other.span, secondary=[user] if user else [], help=help
    )  # fmt: skip


def _reshaped(difference: _Difference) -> str | None:
    """The parameter that would need another shape, if that is the difference."""
    one, other = difference.one.target, difference.other.target
    if isinstance(one, Call) or isinstance(other, Call) or type(one) is not type(other):
        return None
    for a, b in zip(one.parameters(), other.parameters(), strict=False):
        if a.shape != b.shape:
            return a.name
    return None
