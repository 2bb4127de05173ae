"""What changed in the connections of one block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from spinedsl.comparison.changes import Change
from spinedsl.ir.model import Block, Connection
from spinedsl.ir.writing import call_text
from spinedsl.records import record


@record
class Edge:
    """A connection: what it reads, under its newer name, and the rule of its own.

    Attributes:
        gone: whether it reads a block that only the older network has.
    """

    source: str
    via: str
    gone: bool = False

    @property
    def text(self) -> str:
        """As it would be written."""
        return f"{self.source} via {self.via}" if self.via else self.source


def edge_changes(before: Block, after: Block, newer: Mapping[str, str]) -> Iterator[Change]:
    """What a block reads otherwise than before.

    Args:
        newer: name before → name now.
    """
    old = [_edge(c, newer.get(c.source, c.source), c.source not in newer) for c in before.inputs]
    new = [_edge(c, c.source) for c in after.inputs]
    gone, fresh = _without(old, new), _without(new, old)
    name = after.name
    for edge in list(gone):
        other = next((o for o in fresh if o.source == edge.source and not edge.gone), None)
        if other is not None:
            gone.remove(edge)
            fresh.remove(other)
            yield Change("edge-rule", name, edge.text, other.text)
    rerouted = min(len(gone), len(fresh))
    for edge, other in zip(gone[:rerouted], fresh[:rerouted], strict=True):
        yield Change("edge-rerouted", name, edge.text, other.text)
    for edge in gone[rerouted:]:
        yield Change("edge-removed", name, edge.text, None)
    for edge in fresh[rerouted:]:
        yield Change("edge-added", name, None, edge.text)
    if not gone and not fresh and [e.source for e in old] != [e.source for e in new]:
        yield Change("edge-order", name, ", ".join(e.text for e in old), ", ".join(e.text for e in new))


def _edge(connection: Connection, source: str, gone: bool = False) -> Edge:
    return Edge(source, call_text(connection.via) if connection.via else "", gone)


def _without(edges: Sequence[Edge], others: Sequence[Edge]) -> list[Edge]:
    """The edges that others lack, in their order; equal ones count."""
    spare = Counter(others)
    found = []
    for edge in edges:
        if spare[edge]:
            spare[edge] -= 1
        else:
            found.append(edge)
    return found
