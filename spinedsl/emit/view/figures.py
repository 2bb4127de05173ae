"""What the page knows of a network, as JSON: its blocks in numbers, who reads whom, and where they stand."""

from __future__ import annotations

from typing import Any

from spinedsl.analysis.summary import Row, Summary
from spinedsl.emit.draw.diagram import Block, Diagram
from spinedsl.emit.draw.palette import tint_class
from spinedsl.emit.draw.wording import shortened
from spinedsl.source import Span

Json = dict[str, Any]
MOST_LETTERS = 200
"""Of a line of the source."""


def figures_of(diagram: Diagram, summary: Summary) -> Json:
    """The data of one network; blocks are in the order of the diagram, and are meant by their places.

    Bytes of activations count every result; endpoints' operators are the block's that feeds them.
    """
    rows = _Rows(summary)
    return {
        "title": diagram.title,
        "totals": _costs(summary),
        "blocks": [_block(block, rows) for block in diagram.blocks],
        "connections": [[c.source, c.target] for c in diagram.connections],
    }


class _Rows:
    """The summary's rows by name. A head may be called like a block or an endpoint."""

    def __init__(self, summary: Summary) -> None:
        self.blocks = {row.name: row for row in summary.rows if row.kind not in ("endpoint", "head")}
        self.endpoints = {row.name: row for row in summary.rows if row.kind == "endpoint"}
        self.heads = {row.name: row for row in summary.rows if row.kind == "head"}

    def of(self, block: Block) -> Row | None:
        """The row of a block; inputs have none."""
        return (self.heads if block.role == "head" else self.blocks).get(block.name)

    def endpoint_of(self, block: Block) -> Row | None:
        """The row of the endpoint that a block feeds."""
        if block.endpoint is None:
            return None
        neck, dot, _ = block.name.rpartition(".")
        return self.endpoints.get(f"{neck}{dot}{block.endpoint}")


def _block(block: Block, rows: _Rows) -> Json:
    row, endpoint = rows.of(block), rows.endpoint_of(block)
    found: Json = {
        "name": block.name,
        "head": block.role == "head",
        "label": block.label,
        "kind": block.kind,
        "level": block.level,
        "tint": tint_class(block.level),
        "repeat": block.repeat,
        "part": "" if block.role == "head" else block.part,
    }
    if row is not None:
        found |= {"shape": list(row.shape), **_costs(row)}
    if endpoint is not None:
        found["endpoint"] = {"name": endpoint.name, "shape": list(endpoint.shape), **_costs(endpoint)}
    if block.span is not None:
        found["source"] = _source(block.span)
    return found


def _costs(counted: Row | Summary) -> Json:
    return {
        "parameters": counted.parameters,
        "macs": counted.macs,
        "memory": counted.activation_bytes,
    }


def _source(span: Span) -> Json:
    line = span.line
    text = shortened(span.source.line(line).strip(), MOST_LETTERS)
    return {"place": f"{span.source.name}:{line}", "text": text}
