"""Positions: nothing overlaps, everything is there once, and inside."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import pytest
from drawing_support import LAID_OUT, chain, drawn, laid_out, shipped

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.draw.layout import MAX_BLOCKS, MAX_CONNECTIONS, Layout, layout_of
from spinedsl.emit.draw.routing import Route


@pytest.fixture(name="layout", params=LAID_OUT)
def _layout(request: pytest.FixtureRequest) -> Layout:
    return laid_out(request.param)


def _upright(route: Route) -> tuple[float, float, float]:
    """x, lower and upper y of an arc's piece in its lane."""
    (x, low), (_, high) = next(
        (a, b) for a, b in pairwise(route.points) if a[0] == b[0] and abs(a[1] - b[1]) > 20
    )
    return x, high, low


def test_boxes_do_not_overlap_and_go_upwards(layout: Layout) -> None:
    for lower, upper in pairwise(layout.boxes):
        assert upper.y + upper.half_height < lower.y - lower.half_height


def test_every_connection_has_one_route_between_its_blocks(layout: Layout) -> None:
    assert Counter(route.connection for route in layout.routes) == Counter(
        range(len(layout.diagram.connections))
    )
    for route in layout.routes:
        connection = layout.diagram.connections[route.connection]
        source, target = layout.boxes[connection.source], layout.boxes[connection.target]
        for box, (x, y), beyond in ((source, route.points[0], 0), (target, route.points[-1], 7)):
            assert abs(y - box.y) <= box.half_height + beyond + 1e-6
            assert abs(x - box.x) <= box.half_width + beyond + 1e-6
        assert (route.lane is None) == (connection.target - connection.source == 1)


def test_everything_is_inside(layout: Layout) -> None:
    for route in layout.routes:
        for x, y in route.points:
            assert 0 < x < layout.legend
            assert 0 < y < layout.height
    for box in layout.boxes:
        assert box.x - box.half_width > 0
        assert box.x + box.half_width < layout.legend < layout.width


def test_arcs_stay_beside_the_column_and_do_not_overlap(layout: Layout) -> None:
    widest = max(box.half_width for box in layout.boxes)
    arcs = [_upright(route) for route in layout.routes if route.lane is not None]
    for x, _, _ in arcs:
        assert abs(x - layout.boxes[0].x) > widest + 10
    for (x, high, low), (other_x, other_high, other_low) in combinations(arcs, 2):
        if x == other_x:
            assert low <= other_high or other_low <= high


def test_level_pieces_of_arcs_do_not_overlap(layout: Layout) -> None:
    heights: Counter[tuple[float, int]] = Counter()
    for route in layout.routes:
        if route.lane is not None:
            _, high, low = _upright(route)
            heights.update([(high, route.lane.side), (low, route.lane.side)])
    assert max(heights.values(), default=1) == 1


def test_lower_levels_are_wider() -> None:
    layout = layout_of(shipped("spinenet49"))
    widths: dict[int, float] = {}
    for block, box in zip(layout.diagram.blocks, layout.boxes, strict=True):
        if block.level is not None:
            assert widths.setdefault(block.level, box.half_width) == box.half_width
    ordered = [widths[level] for level in sorted(widths)]
    assert ordered == sorted(ordered, reverse=True)
    assert len(set(ordered)) == 6


def test_a_layout_is_data() -> None:
    assert layout_of(drawn(20)) == layout_of(drawn(20))


@pytest.mark.parametrize(
    ("blocks", "connections", "words"),
    [
        (MAX_BLOCKS + 1, 10, "2,001 blocks"),
        (20_000, 10, "20,000 blocks"),
        (100, MAX_CONNECTIONS + 1, "8,001 connections"),
    ],
)
def test_too_much_to_read_is_refused(blocks: int, connections: int, words: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        layout_of(chain(blocks, connections))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP002"
    assert words in diagnostic.message
    assert diagnostic.help is not None and "--format dot" in diagnostic.help


def test_the_most_is_laid_out() -> None:
    assert len(layout_of(chain(MAX_BLOCKS, MAX_CONNECTIONS)).routes) == MAX_CONNECTIONS
