"""What the marks of a drawing mean: levels, kinds, outputs, repeats, unread blocks."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.emit.draw import palette
from spinedsl.emit.draw.diagram import Diagram
from spinedsl.emit.draw.layout import LEGEND_LINE, MOST_KINDS
from spinedsl.emit.draw.marks import number, shape, text, way
from spinedsl.emit.draw.shapes import shapes_of
from spinedsl.emit.draw.wording import shortened

_ICON = 38.0


def lines(diagram: Diagram, x: float, y: float) -> Iterator[str]:
    """The legend, from its upper left corner, an element a line."""
    yield '<g class="legend">'
    for icon, name, detail in _entries(diagram):
        if not icon and not name:
            y += LEGEND_LINE / 2
            continue
        if icon:
            yield f'<g transform="translate({number(x + 15)} {number(y)})">{icon}</g>'
        at = x + _ICON if icon else x
        kind = "entry" if icon else "heading"
        yield text(at, y + 4, name, kind)
        if detail:
            yield text(at + 10 + 8 * len(name), y + 4, detail, "quiet")
        y += LEGEND_LINE
    yield "</g>"


def _entries(diagram: Diagram) -> Iterator[tuple[str, str, str]]:
    """Icon, name and details of every line; a gap if all are empty."""
    if diagram.levels:
        yield "", "Levels", "stride, size, channels"
    for level in diagram.levels:
        icon = f'<g class="{palette.tint_class(level.number)}">{shape("rectangle", 13, 7)}</g>'
        height, width = level.size
        channels = shortened(", ".join(map(str, level.channels)), 14)
        yield icon, f"@{level.number}", f"/{1 << level.number} · {height} × {width} · {channels}"
    yield "", "", ""
    yield "", "Kinds of block", ""
    shapes = shapes_of(diagram.kinds)
    for kind in diagram.kinds[:MOST_KINDS]:
        yield f'<g class="neutral">{shape(shapes[kind], 15, 7)}</g>', shortened(kind, 26), ""
    if len(diagram.kinds) > MOST_KINDS:
        yield "", "", f"and {len(diagram.kinds) - MOST_KINDS} more"
    yield "", "", ""
    yield from _marks(diagram)


def _marks(diagram: Diagram) -> Iterator[tuple[str, str, str]]:
    if any(block.endpoint for block in diagram.blocks):
        yield f'<g class="neutral output">{shape("rectangle", 13, 7)}</g>', "output block", ""
    if any(block.repeat > 1 for block in diagram.blocks):
        stack = shape("rectangle", 9, 6, -4) + shape("rectangle", 13, 6, 1)
        yield f'<g class="neutral">{stack}</g>', "×n", "n in sequence"
    if any(connection.dangling for connection in diagram.connections):
        line = way(((-15, 0), (9, 0)))
        yield f'<g class="neutral dangling">{line}</g>', "unread block joins as it is", ""
    if diagram.removed:
        yield "", "", shortened(f"removed: {', '.join(diagram.removed)}", 34)
