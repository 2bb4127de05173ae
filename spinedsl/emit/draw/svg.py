"""A Layout as SVG.

Everything is placed already; here it gets its marks. Shapes, ways and texts carry classes, and the
colours come from a style sheet, so that one drawing has a light and a dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from spinedsl.emit.draw import legend, palette
from spinedsl.emit.draw.diagram import Block
from spinedsl.emit.draw.layout import HEAD, LETTER, MARGIN, Layout, Part
from spinedsl.emit.draw.marks import flag, number, point, shape, text, way
from spinedsl.emit.draw.routing import Box, Route
from spinedsl.emit.draw.shapes import room
from spinedsl.emit.draw.wording import description, escaped, shortened, told

Theme = Literal["auto", "light", "dark"]
"""`auto` follows the reader's preference."""

STYLE = """\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans','DejaVu Sans',sans-serif;font-size:13px}
.title{font-size:21px;font-weight:700}
.name{font-weight:600;text-anchor:middle}
.level{font-size:11px;font-weight:400}
.quiet{font-size:12px}
.heading{font-size:12px;font-weight:600}
.part{font-weight:600;text-anchor:middle}
.shape{stroke-width:1.5;stroke-linejoin:round}
.output .shape{stroke-width:2.75}
.way{fill:none;stroke-width:1.7}
.dangling .way{stroke-dasharray:6 4}
.mark text{font-size:10.5px;font-weight:700;text-anchor:middle}
.rule{fill:none;stroke-width:2;stroke-linecap:round}
"""
"""What doesn't depend on the theme."""


def svg_of(layout: Layout, theme: Theme, banner: Sequence[str]) -> str:
    """The drawing as a file of its own; equal layouts give equal bytes.

    Args:
        layout: what is drawn, and where.
        theme: whether the colours are fixed.
        banner: who made it, and of what.
    """
    levels = [level.number for level in layout.diagram.levels]
    style = STYLE + palette.rules("dark" if theme == "dark" else "light", levels)
    if theme == "auto":
        style += "@media (prefers-color-scheme:dark){\n" + palette.rules("dark", levels) + "}\n"
    width, height = number(layout.width), number(layout.height)
    comment = "\n".join(f"<!-- {escaped(line)} -->" for line in banner)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' role="img" aria-labelledby="title description">\n'
        f"{comment}\n"
        f'<title id="title">{escaped(layout.diagram.title)}</title>\n'
        f'<desc id="description">{escaped(description(layout.diagram))}</desc>\n'
        f"<style>\n{style}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f"{drawing(layout)}</svg>\n"
    )


def drawing(layout: Layout, interactive: bool = False) -> str:
    """What is inside the SVG element.

    Args:
        layout: what is drawn, and where.
        interactive: blocks are elements to focus, with labels instead of titles.
    """
    return "".join(f"{line}\n" for line in _lines(layout, interactive))


def _lines(layout: Layout, interactive: bool) -> Iterator[str]:
    diagram = layout.diagram
    letters = int((layout.width - 2 * MARGIN) / 12)
    yield text(MARGIN, 44, shortened(diagram.title, letters), "title")
    yield text(MARGIN, 66, shortened(diagram.facts, 2 * letters), "quiet")
    for part in layout.parts:
        yield from _part(part)
    yield '<g class="connections">'
    for route in layout.routes:
        yield _connection(layout, route)
    yield '</g>\n<g class="blocks">'
    for place, (block, box) in enumerate(zip(diagram.blocks, layout.boxes, strict=True)):
        yield from _block(block, box, place, interactive)
    yield "</g>"
    yield from legend.lines(diagram, layout.legend, HEAD)


def _part(part: Part) -> Iterator[str]:
    """A line beside the rows of a part of a model, and its name along it."""
    yield f'<path class="rule" d="M{point(MARGIN, part.top)}V{number(part.bottom)}"/>'
    # “heads” may be a little longer than the row of one head.
    letters = max(6, int((part.bottom - part.top) / LETTER))
    label = escaped(shortened(part.label, letters))
    middle = point(MARGIN - 8, (part.top + part.bottom) / 2)
    yield f'<text class="part quiet" transform="translate({middle}) rotate(-90)">{label}</text>'


def _connection(layout: Layout, route: Route) -> str:
    connection = layout.diagram.connections[route.connection]
    tint = palette.tint_class(layout.diagram.blocks[connection.source].level)
    kind = " dangling" if connection.dangling else ""
    return (
        f'<g class="connection {tint}{kind}" data-from="{connection.source}" data-to="{connection.target}">'
        f"{way(route.points)}</g>"
    )


def _block(block: Block, box: Box, place: int, interactive: bool) -> Iterator[str]:
    output = " output" if block.endpoint else ""
    label = escaped(told(block))
    access = f' tabindex="-1" role="button" aria-label="{label}"' if interactive else ""
    yield (
        f'<g class="block {palette.tint_class(block.level)}{output}" data-block="{place}"{access}'
        f' transform="translate({number(box.x)} {number(box.y)})">'
    )
    if not interactive:
        yield f"<title>{label}</title>"
    for behind in range(min(2, block.repeat - 1), 0, -1):
        yield shape(box.shape, box.half_width - 5 * behind, box.half_height, -4.0 * behind)
    yield shape(box.shape, box.half_width, box.half_height)
    level = "" if block.level is None else f"@{block.level}"
    letters = int((room(box.shape, box.half_width) - len(level) * 6) / LETTER)
    name = escaped(shortened(block.label, letters))
    detail = f'<tspan class="level" dx="5">{level}</tspan>' if level or interactive else ""
    yield f'<text class="name" y="4.5">{name}{detail}</text>'
    corner, top = _corner(box)
    if block.endpoint:
        yield flag(corner, top, shortened(block.endpoint, 8), "flag")
    if block.repeat > 1:
        yield flag(-corner, top, f"×{block.repeat}", "count")
    yield "</g>"


def _corner(box: Box) -> tuple[float, float]:
    """Where a flag in the upper right corner is."""
    if box.shape == "diamond":
        return box.half_width * 0.64, -box.half_height * 0.5
    return box.half_width - 19, -box.half_height
