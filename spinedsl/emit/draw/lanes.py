"""Which side of the column an arc goes on, and how far out.

An arc spans the rows from its source to its target. Two arcs on one side cross if and only if their
spans interleave, a < c < b < d: an outer lane for the longer one sees to the rest. So

1. each arc, by target, goes where it crosses fewer of those before it, then where less is in its way;
2. up to `REFINED` arcs, arcs change sides as long as that saves crossings;
3. shorter arcs first, each takes the innermost lane that is free and outside all arcs within its span.

For n arcs, steps 1 and 3 take n log n, the latter times the number of lanes; step 2 is bounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from spinedsl.records import record

LEFT, RIGHT = -1, 1
SIDES = (LEFT, RIGHT)
REFINED = 300

Span = tuple[int, int]
"""First and last row."""


@record
class Lane:
    """A place beside the column: its side, and its number from within."""

    side: int
    number: int


def assign(spans: Sequence[Span]) -> tuple[Lane, ...]:
    """The lane of every arc.

    Ensures: arcs that share a lane have no rows in common but their ends.
    """
    sides = _greedy(spans)
    if len(spans) <= REFINED:
        _refine(spans, sides)
    numbers = [0] * len(spans)
    for side in SIDES:
        own = [index for index in range(len(spans)) if sides[index] == side]
        for index, number in zip(own, _numbered([spans[index] for index in own]), strict=True):
            numbers[index] = number
    return tuple(Lane(side, number) for side, number in zip(sides, numbers, strict=True))


def interleave(one: Span, other: Span) -> bool:
    """Whether two arcs on one side would cross."""
    (a, b), (c, d) = sorted((one, other))
    return a < c < b < d


class _Counter:
    """How many values up to some number were added: a Fenwick tree."""

    def __init__(self, size: int) -> None:
        self._sums = [0] * (size + 1)

    def add(self, value: int) -> None:
        index = value + 1
        while index < len(self._sums):
            self._sums[index] += 1
            index += index & -index

    def up_to(self, value: int) -> int:
        index, total = value + 1, 0
        while index > 0:
            total += self._sums[index]
            index -= index & -index
        return total


def _greedy(spans: Sequence[Span]) -> list[int]:
    rows = max((end for _, end in spans), default=0) + 1
    starts = {side: _Counter(rows) for side in SIDES}
    ends = {side: _Counter(rows) for side in SIDES}
    sides = [RIGHT] * len(spans)
    # In this order nothing placed ends behind `end`, and of what ends there too nothing starts before
    # `start`: what starts before it and doesn't end before it is crossed.
    for index in sorted(range(len(spans)), key=lambda i: (spans[i][1], -spans[i][0])):
        start, end = spans[index]

        def cost(side: int, start: int = start, end: int = end) -> tuple[int, int, int]:
            over = ends[side].up_to(start)
            crossed = starts[side].up_to(start - 1) - over
            return crossed, ends[side].up_to(end) - over, -side

        side = min(SIDES, key=cost)
        sides[index] = side
        starts[side].add(start)
        ends[side].add(end)
    return sides


def _refine(spans: Sequence[Span], sides: list[int]) -> None:
    """Kernighan and Lin: let every arc change sides once, best first, and keep the best beginning of that."""
    count = len(spans)
    crossed = [[o for o in range(count) if interleave(spans[index], spans[o])] for index in range(count)]
    while True:
        gains = [sum(sides[index] * sides[other] for other in crossed[index]) for index in range(count)]
        free = set(range(count))
        order: list[int] = []
        saved = best = kept = 0
        while free:
            index = max(free, key=lambda i: (gains[i], -i))
            free.remove(index)
            order.append(index)
            saved += gains[index]
            sides[index] = -sides[index]
            gains[index] = -gains[index]
            for other in crossed[index]:
                gains[other] += 2 * sides[index] * sides[other]
            if saved > best:
                best, kept = saved, len(order)
        for index in order[kept:]:
            sides[index] = -sides[index]
        if not best:
            return


def _numbered(spans: Sequence[Span]) -> list[int]:
    """The lanes of one side."""
    lanes: list[list[Span]] = []
    numbers = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: (spans[i][1] - spans[i][0], spans[i])):
        span = spans[index]
        number = len(lanes)
        while number > 0 and not _holds_within(lanes[number - 1], span):
            number -= 1
        while number < len(lanes) and not _is_free(lanes[number], span):
            number += 1
        if number == len(lanes):
            lanes.append([])
        lanes[number].insert(bisect_left(lanes[number], span), span)
        numbers[index] = number
    return numbers


def _holds_within(lane: list[Span], span: Span) -> bool:
    """Whether an arc in the lane lies within the span; arcs in a lane are disjoint."""
    place = bisect_left(lane, (span[0], 0))
    return place < len(lane) and lane[place][1] <= span[1]


def _is_free(lane: list[Span], span: Span) -> bool:
    place = bisect_right(lane, (span[0], span[1]))
    before = place == 0 or lane[place - 1][1] <= span[0]
    return before and (place == len(lane) or lane[place][0] >= span[1])
