"""Where everything is drawn: positions as data, in pixels, y downwards.

One block a row, the first at the bottom, all centred on one column; the lower the level, the wider.
A connection to the next row is a straight line; any other is an arc of three pieces, out to a lane
beside the column, up, and back in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from spinedsl.diagnostics import fail
from spinedsl.emit.draw.diagram import Diagram
from spinedsl.emit.draw.lanes import LEFT, RIGHT, SIDES, Lane, assign
from spinedsl.emit.draw.routing import Box, Route, routes_of
from spinedsl.emit.draw.shapes import room, shape_of, shapes_of
from spinedsl.records import record

MAX_BLOCKS = 2_000
MAX_CONNECTIONS = 8_000
"""More can neither be read nor laid out in a second."""

MARGIN = 28.0
HEAD = 92.0
"""Height of title and facts."""
LEGEND = 236.0
LEGEND_LINE = 22.0
MOST_KINDS = 14
"""Kinds of block that the legend names."""
PITCH, DENSE_PITCH = 46.0, 41.0
DENSE = 32
"""Blocks from which on rows lie closer."""
PART_GAP = 22.0
"""Between the parts of a model."""
PART_MARGIN = 22.0
"""Left of the lanes, for the names of a model's parts."""
HALF_HEIGHT = 14.0
NARROWEST, WIDEST = 46.0, 118.0
"""Half widths of the highest and of the lowest level."""
CLEARANCE = 18.0
"""From the column to the first lane."""
LANE = 13.0
MOST_SPACED = 40
"""Lanes of a side that have all the room; more of them come closer."""
LETTER = 7.4
"""Width of an average letter of a label, on the safe side."""


@record
class Part:
    """The rows of a part of a model."""

    label: str
    top: float
    bottom: float


@record
class Layout:
    """A diagram with its positions.

    Attributes:
        boxes: one for each block, in its order.
        routes: one for each connection, in its order.
        legend: x of the legend.
    """

    diagram: Diagram
    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    parts: tuple[Part, ...]
    legend: float


def layout_of(diagram: Diagram) -> Layout:
    """Lay out a diagram.

    Raises:
        DiagnosticError: it is too large to be drawn (SP002).
    """
    _limit(diagram)
    lanes = _lanes(diagram)
    counts = {
        side: max((x.number + 1 for x in lanes.values() if x.side == side), default=0) for side in SIDES
    }
    step = LANE * min(1.0, MOST_SPACED / max(1, *counts.values()))
    half_widths = _half_widths(diagram)
    first = max(half_widths, default=0.0) + CLEARANCE
    reach = {side: first + step * max(0, count - 1) for side, count in counts.items()}
    named = any(block.part for block in diagram.blocks)
    centre = MARGIN + (PART_MARGIN if named else 0) + reach[LEFT]
    heights = _heights(diagram)
    height = max(
        HEAD + heights[-1] + PITCH / 2 + MARGIN, HEAD + LEGEND_LINE * _legend_lines(diagram) + MARGIN
    )
    boxes = tuple(_boxes(diagram, centre, [height - up for up in heights], half_widths))
    x_of = {index: centre + lane.side * (first + step * lane.number) for index, lane in lanes.items()}
    legend = centre + reach[RIGHT] + MARGIN + 14
    return Layout(
        diagram,
        width=legend + LEGEND,
        height=height,
        boxes=boxes,
        routes=tuple(routes_of(diagram, boxes, lanes, x_of)),
        parts=tuple(_parts(diagram, boxes)),
        legend=legend,
    )


def _limit(diagram: Diagram) -> None:
    for count, most, noun in (
        (len(diagram.blocks), MAX_BLOCKS, "blocks"),
        (len(diagram.connections), MAX_CONNECTIONS, "connections"),
    ):
        if count > most:
            raise fail(
                "SP002", f"a drawing of {count:,} {noun} can't be read; at most {most:,} are drawn",
                help="draw a part of it, or write it for another tool with `spinec draw --format dot`",
            )  # fmt: skip


def _lanes(diagram: Diagram) -> dict[int, Lane]:
    """The lanes of all connections that skip a row."""
    arcs = [i for i, c in enumerate(diagram.connections) if c.target - c.source > 1]
    spans = [(diagram.connections[i].source, diagram.connections[i].target) for i in arcs]
    return dict(zip(arcs, assign(spans), strict=True))


def _half_widths(diagram: Diagram) -> list[float]:
    """By level, wide enough for the labels as far as that is reasonable."""
    longest = max(
        (len(b.label) + len(f" @{b.level}") for b in diagram.blocks if b.level is not None), default=0
    )
    narrowest = max(NARROWEST, min(2 * NARROWEST, longest * LETTER / room("diamond", 1.0)))
    widest = max(WIDEST, narrowest + 50)
    numbers = [level.number for level in diagram.levels]
    low, high = (numbers[0], numbers[-1]) if numbers else (0, 0)
    step = (widest - narrowest) / max(1, high - low)
    return [widest if b.level is None else widest - step * (b.level - low) for b in diagram.blocks]


def _heights(diagram: Diagram) -> list[float]:
    """How far above the lower border the middle of every block is."""
    heights: list[float] = []
    up = MARGIN + HALF_HEIGHT
    part = diagram.blocks[0].part
    pitch = PITCH if len(diagram.blocks) < DENSE else DENSE_PITCH
    for block in diagram.blocks:
        if block.part != part:
            part = block.part
            up += PART_GAP
        heights.append(up)
        up += pitch
    return heights


def _legend_lines(diagram: Diagram) -> int:
    """Lines of the legend: headings, gaps and marks take eight."""
    return len(diagram.levels) + min(len(diagram.kinds), MOST_KINDS) + 8


def _boxes(diagram: Diagram, x: float, rows: Sequence[float], half_widths: Sequence[float]) -> Iterator[Box]:
    shapes = shapes_of(diagram.kinds)
    for block, y, half_width in zip(diagram.blocks, rows, half_widths, strict=True):
        shape = shape_of(block, shapes)
        # A diamond needs more height for the same text.
        yield Box(x, y, half_width, HALF_HEIGHT + (3 if shape == "diamond" else 0), shape)


def _parts(diagram: Diagram, boxes: Sequence[Box]) -> Iterator[Part]:
    for label, group in groupby(zip(diagram.blocks, boxes, strict=True), key=lambda pair: pair[0].part):
        own = [box for _, box in group]
        if label:
            yield Part(label, own[-1].y - HALF_HEIGHT - 2, own[0].y + HALF_HEIGHT + 2)
