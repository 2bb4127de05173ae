"""Which things can take which places: a largest flow between kinds of places and kinds of things.

Equal places and equal things are counted, not told apart: a network has thousands of blocks at most,
but few that differ (Edmonds & Karp 1972).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)
Thing = TypeVar("Thing", bound=Hashable)


def unserved(
    places: Sequence[Place], things: Sequence[Thing], fits: Mapping[Place, Collection[Thing]]
) -> int | None:
    """Index of the last of the places that no assignment can serve; None if all can be.

    Args:
        places: what each of them wants.
        things: each can be used once.
        fits: what serves a place.
    """
    spare = Counter(things)
    flow: Counter[tuple[Place, Thing]] = Counter()
    for place, wanted in Counter(places).items():
        while wanted:
            path = _augmenting_path(place, spare, flow, fits)
            if path is None:
                return max(index for index, value in enumerate(places) if value == place)
            taken = min(wanted, spare[path[-1][1]], *(flow[step] for step in path[1::2]))
            for number, step in enumerate(path):
                flow[step] += taken if number % 2 == 0 else -taken
            spare[path[-1][1]] -= taken
            wanted -= taken
    return None


def _augmenting_path(
    place: Place,
    spare: Counter[Thing],
    flow: Counter[tuple[Place, Thing]],
    fits: Mapping[Place, Collection[Thing]],
) -> list[tuple[Place, Thing]] | None:
    """Edges (place, thing) from a place to a thing that is left: forth, back, forth, …"""
    came: dict[Place, list[tuple[Place, Thing]]] = {place: []}
    queue = [place]
    for current in queue:
        for thing in fits[current]:
            path = [*came[current], (current, thing)]
            if spare[thing] > 0:
                return path
            for other in [p for (p, t), amount in flow.items() if t == thing and amount > 0]:
                if other not in came:
                    came[other] = [*path, (other, thing)]
                    queue.append(other)
    return None


def cheapest(costs: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row in the assignment that costs least in all (Kuhn 1955, Munkres 1957).

    Args:
        costs: as many columns as rows.
    """
    size = len(costs)
    row_price, column_price = [0.0] * (size + 1), [0.0] * (size + 1)
    row_of = [0] * (size + 1)
    for row in range(1, size + 1):
        row_of[0], column = row, 0
        slack, came = [float("inf")] * (size + 1), [0] * (size + 1)
        done = [False] * (size + 1)
        while row_of[column]:
            done[column] = True
            here, delta, following = row_of[column], float("inf"), 0
            for other in range(1, size + 1):
                if done[other]:
                    continue
                price = costs[here - 1][other - 1] - row_price[here] - column_price[other]
                if price < slack[other]:
                    slack[other], came[other] = price, column
                if slack[other] < delta:
                    delta, following = slack[other], other
            for other in range(size + 1):
                if done[other]:
                    row_price[row_of[other]] += delta
                    column_price[other] -= delta
                else:
                    slack[other] -= delta
            column = following
        while column:
            row_of[column], column = row_of[came[column]], came[column]
    found = [0] * size
    for column in range(1, size + 1):
        found[row_of[column] - 1] = column - 1
    return found
