"""The stage table: every stage is a value one can stop at.

source → syntax → network (ir) → expanded → program (graph)
"""

from __future__ import annotations

from functools import cached_property

from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Program
from spinedsl.ir.expanded import ExpandedNetwork
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Network
from spinedsl.ir.resolve import resolve
from spinedsl.passes import EXPANSION, check_space, elaborate, lower
from spinedsl.records import record
from spinedsl.syntax import nodes

STAGES = ("syntax", "ir", "expanded", "graph")


@record
class Compilation:
    """One network on its way; each stage is made when it is first asked for.

    Every property raises DiagnosticError if its stage finds errors.

    Attributes:
        scope: what the network's file can name.
        syntax: the network as written.
        overrides: declarations laid over it (`--set`).
        given: a network that is resolved already; the three above are then not looked at.
    """

    scope: Scope | None = None
    syntax: nodes.Network | None = None
    overrides: tuple[nodes.Network, ...] = ()
    given: Network | None = None

    @cached_property
    def network(self) -> Network:
        """Resolved, validated, and a member of the space it claims."""
        if self.given is not None:
            return self.given
        assert self.scope is not None and self.syntax is not None
        return check_space(resolve(self.syntax, self.scope, self.overrides))

    def resized(self, height: int, width: int) -> Compilation:
        """The same network for another input size."""
        given = self.network.input.model_copy(update={"height": height, "width": width})
        return Compilation(given=self.network.model_copy(update={"input": given}))

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
