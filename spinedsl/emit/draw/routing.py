"""The ways of connections: straight lines upwards, and arcs from port to port by a lane.

A port is the place on a block's outline where an arc starts or ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from spinedsl.emit.draw.diagram import Diagram
from spinedsl.emit.draw.lanes import Lane
from spinedsl.emit.draw.shapes import Point, Shape, edge
from spinedsl.records import record

TIP = 6.0
"""Length of an arrow's tip, as far as ways end before it."""
FAN = 9.0
"""How far from a diamond's corner its arcs are apart."""
PORTS = 12.0
"""How far from a block's middle ports may be, upwards and downwards."""
STRAIGHT = 46.0
"""How much of a block's breadth straight lines share."""


@record
class Box:
    """A block's outline around its centre."""

    x: float
    y: float
    half_width: float
    half_height: float
    shape: Shape


@record
class Route:
    """A connection's way, from its source's outline to the back of its tip at the target's.

    Attributes:
        connection: its place in the diagram.
        lane: where an arc runs; None for a straight line.
        points: where it starts, turns and ends.
    """

    connection: int
    lane: Lane | None
    points: tuple[Point, ...]


def routes_of(
    diagram: Diagram, boxes: Sequence[Box], lanes: dict[int, Lane], x_of: dict[int, float]
) -> Iterator[Route]:
    """The ways of all connections, in their order.

    Args:
        diagram: what is drawn.
        boxes: where its blocks are.
        lanes: of all connections that are arcs.
        x_of: where the lanes are, by connection.
    """
    ports = _ports(diagram, lanes)
    parallel = _parallel(diagram)
    for index, connection in enumerate(diagram.connections):
        source, target = boxes[connection.source], boxes[connection.target]
        lane = lanes.get(index)
        if lane is None:
            x = source.x + parallel[index]
            yield Route(
                index, None, ((x, source.y - _reach(source, x)), (x, target.y + _reach(target, x) + TIP))
            )
            continue
        start, end = ports[index]
        x, side = x_of[index], lane.side
        leave = _ports_way(source, start, side)
        arrive = [(px + side * TIP, py) for px, py in _ports_way(target, end, side)]
        yield Route(index, lane, (*leave, (x, leave[-1][1]), (x, arrive[-1][1]), *reversed(arrive)))


def _ports_way(box: Box, offset: float, side: int) -> list[Point]:
    """From a block's outline outwards to where an arc's level piece begins.

    The arcs of a diamond meet in its corner.
    """
    if box.shape == "diamond" and offset:
        corner = box.x + side * box.half_width
        return [(corner - side, box.y + offset / 8), (corner + side * FAN, box.y + offset)]
    return [(box.x + edge(box.shape, box.half_width, box.half_height, offset, side), box.y + offset)]


def _reach(box: Box, x: float) -> float:
    """From the centre to the outline, upwards or downwards at `x`."""
    if box.shape != "diamond":
        return box.half_height
    return box.half_height * (1 - abs(x - box.x) / box.half_width)


def _parallel(diagram: Diagram) -> dict[int, float]:
    """How far from the centre each straight line is: the lines between two rows lie side by side."""
    between: dict[int, list[int]] = defaultdict(list)
    for index, connection in enumerate(diagram.connections):
        if connection.target - connection.source == 1:
            between[connection.source].append(index)
    found = {}
    for own in between.values():
        step = min(12.0, STRAIGHT / len(own))
        for place, index in enumerate(own):
            found[index] = step * (place - (len(own) - 1) / 2)
    return found


def _ports(diagram: Diagram, lanes: dict[int, Lane]) -> dict[int, tuple[float, float]]:
    """How far below its block's centre each arc starts and ends.

    Upwards on a side: inputs, the innermost lane first; then outputs, the outermost first. So arcs of
    one block don't cross.
    """
    inputs: dict[tuple[int, int], list[int]] = defaultdict(list)
    outputs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, lane in lanes.items():
        connection = diagram.connections[index]
        inputs[connection.target, lane.side].append(index)
        outputs[connection.source, lane.side].append(index)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for found, other, places, sign in ((outputs, inputs, starts, -1), (inputs, outputs, ends, 1)):
        for key, own in found.items():
            alone = len(own) == 1 and key not in other
            for index, offset in zip(_outermost_first(own, lanes), _offsets(len(own), alone), strict=True):
                places[index] = sign * offset
    return {index: (starts[index], ends[index]) for index in lanes}


def _outermost_first(arcs: Iterable[int], lanes: dict[int, Lane]) -> list[int]:
    return sorted(arcs, key=lambda index: (-lanes[index].number, index))


def _offsets(count: int, alone: bool) -> list[float]:
    if alone:
        return [0.0]
    first = 2.5
    step = min(4.5, (PORTS - first) / count)
    return [first + step * place for place in range(count)]
