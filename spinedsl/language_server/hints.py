"""Output shapes behind the blocks of a network, where nobody wrote them."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.language_server.analysis import Analysis
from spinedsl.records import record
from spinedsl.syntax import nodes


@record
class Hint:
    """A remark behind a place.

    Attributes:
        text: short, e.g. `256×80×80`.
        more: what it says at length.
    """

    offset: int
    text: str
    more: str


def shape_hints(analysis: Analysis, start: int, end: int) -> Iterator[Hint]:
    """Channels, height and width of what each block between two offsets puts out."""
    for item in analysis.items:
        if not isinstance(item, nodes.Network) or item.span.end < start or item.span.start > end:
            continue
        summary = analysis.summaries.get(item.name.text)
        if summary is None:
            continue
        rows = {row.name: row for row in summary.rows}
        for block in _blocks(item):
            row = rows.get(block.name.text)
            if row is None or not start <= block.span.end <= end:
                continue
            shape = f"{row.shape.channels}×{row.shape.height}×{row.shape.width}"
            yield Hint(
                block.span.end,
                shape,
                f"{block.name}: {shape} (channels × height × width), {row.parameters:,} parameters",
            )


def _blocks(network: nodes.Network) -> Iterator[nodes.Block]:
    for declaration in network.declarations:
        if isinstance(declaration, nodes.Block):
            yield declaration
        elif isinstance(declaration, nodes.Stem):
            yield from (item for item in declaration.items if isinstance(item, nodes.Block))
