"""Sides and lanes of arcs, against plain definitions of what they promise."""

from __future__ import annotations

import random
import time
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinedsl.emit.draw.lanes import LEFT, REFINED, RIGHT, assign, interleave

SPAN = st.tuples(st.integers(0, 40), st.integers(2, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(deadline=None)
@given(st.lists(SPAN, max_size=60))
def test_arcs_of_a_lane_have_only_ends_in_common(spans: list[tuple[int, int]]) -> None:
    lanes = assign(spans)
    for (one, lane), (other, of_other) in combinations(zip(spans, lanes, strict=True), 2):
        if lane == of_other:
            assert one[1] <= other[0] or other[1] <= one[0]


@settings(deadline=None)
@given(st.lists(SPAN, max_size=60))
def test_an_arc_is_outside_those_within_its_span(spans: list[tuple[int, int]]) -> None:
    lanes = assign(spans)
    for (one, lane), (other, of_other) in combinations(zip(spans, lanes, strict=True), 2):
        if lane.side != of_other.side or one == other:
            continue
        if other[0] <= one[0] and one[1] <= other[1]:
            assert lane.number < of_other.number
        elif one[0] <= other[0] and other[1] <= one[1]:
            assert of_other.number < lane.number


def _crossings(spans: list[tuple[int, int]], sides: list[int]) -> int:
    pairs = combinations(zip(spans, sides, strict=True), 2)
    return sum(a[1] == b[1] and interleave(a[0], b[0]) for a, b in pairs)


@pytest.mark.parametrize("seed", range(6))
def test_crossings_are_as_few_as_trying_all_sides_finds(seed: int) -> None:
    drawn = random.Random(seed)
    spans = [(start := drawn.randrange(10), start + drawn.randint(2, 6)) for _ in range(11)]
    found = _crossings(spans, [lane.side for lane in assign(spans)])
    best = min(
        _crossings(spans, [RIGHT if sides >> place & 1 else LEFT for place in range(len(spans))])
        for sides in range(1 << (len(spans) - 1))
    )
    assert found == best


def test_arcs_that_two_sides_can_hold_do_not_cross() -> None:
    spans = [(0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (0, 6)]
    assert _crossings(spans, [lane.side for lane in assign(spans)]) == 0


def test_arcs_above_one_another_share_the_innermost_lane() -> None:
    lanes = assign([(0, 2), (2, 5), (5, 9), (10, 12)])
    assert {lane.number for lane in lanes} == {0}
    assert len({lane.side for lane in lanes}) == 1


@pytest.mark.parametrize("count", [20_000, 40_000])
def test_time_grows_with_the_number_of_arcs(count: int) -> None:
    drawn = random.Random(1)
    spans = [(max(0, row - drawn.randint(2, 12)), row) for row in range(12, count // 2) for _ in range(2)]
    assert len(spans) > REFINED
    started = time.process_time()
    assign(spans)
    assert time.process_time() - started < 60e-6 * count + 0.5
