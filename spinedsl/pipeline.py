"""The stage table: every stage is a value one can stop at.

    source → syntax → network (ir) → expanded → program (graph)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Program
from spinedsl.ir.expanded import ExpandedNetwork
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Network
from spinedsl.ir.resolve import resolve
from spinedsl.passes import EXPANSION, check_space, elaborate, lower
from spinedsl.syntax import nodes

STAGES = ("syntax", "ir", "expanded", "graph")


@dataclass(frozen=True)
class Compilation:
    """One network on its way; each stage is made when it is first asked for.

    Every property raises DiagnosticError if its stage finds errors.
    """

    scope: Scope
    syntax: nodes.Network
    overrides: tuple[nodes.Network, ...] = ()

    @cached_property
    def network(self) -> Network:
        """Resolved, validated, and a member of the space it claims."""
        return check_space(resolve(self.syntax, self.scope, self.overrides))

    @cached_property
    def expanded(self) -> ExpandedNetwork:
        """Nothing implied any more: the passes of `EXPANSION`."""
        expanded = elaborate(self.network)
        for run in EXPANSION:
            expanded = run(expanded)
        return expanded

    @cached_property
    def program(self) -> Program:
        """Functions and calls."""
        return lower(self.expanded)

    @cached_property
    def inlined(self) -> Inlined:
        """The program without calls."""
        return inline(self.program)


def compile_network(
    scope: Scope, node: nodes.Network, overrides: Sequence[nodes.Network] = ()
) -> Compilation:
    """Start a compilation; nothing is computed yet."""
    return Compilation(scope, node, tuple(overrides))
