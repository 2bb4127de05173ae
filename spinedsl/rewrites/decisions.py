"""What rewrites did and what they left alone, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from spinedsl.graph.program import Function, Node
from spinedsl.records import record
from spinedsl.source import Span


@record
class Decision:
    """One place at which a rewrite could have worked.

    Attributes:
        rewrite: its name.
        function: where; `main`, or the name of a function that is called.
        node: the operator there.
        applied: whether it was rewritten.
        reason: why, or why not, as a clause: “behind conv2: 4.1 ms became 2.6 ms”.
        span: the place in the language it comes from.
    """

    rewrite: str
    function: str
    node: str
    applied: bool
    reason: str
    span: Span | None = field(default=None, compare=False, repr=False)


class Decisions:
    """Collects what one rewrite decides."""

    def __init__(self, rewrite: str) -> None:
        self.rewrite = rewrite
        self.made: list[Decision] = []

    def applied(self, function: Function, node: Node, reason: str) -> None:
        """It was rewritten."""
        self._add(function, node, True, reason)

    def declined(self, function: Function, node: Node, reason: str) -> None:
        """It was left as it was."""
        self._add(function, node, False, reason)

    def _add(self, function: Function, node: Node, applied: bool, reason: str) -> None:
        self.made.append(Decision(self.rewrite, function.name, node.output, applied, reason, node.span))


def decisions_text(decisions: Iterable[Decision]) -> str:
    """A line for each: `+ late_upsampling  cross_scale_3.upsample1: behind conv2 …`; `-` where declined."""
    lines = [f"{'+' if d.applied else '-'} {d.rewrite}  {d.function}.{d.node}: {d.reason}" for d in decisions]
    return "\n".join(lines) + "\n" if lines else "nothing to rewrite\n"
