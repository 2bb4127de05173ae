"""Sizes of search spaces against the paper's formulas and against enumeration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import comb, factorial, prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from space_support import enumerated, rows_of, small

from spinedsl.analysis.requirements import Requirements
from spinedsl.spaces import counting
from spinedsl.spaces.counting import counts, distinct
from spinedsl.spaces.estimating import count_meeting, wilson
from spinedsl.spaces.opening import open_space, parse_requirement, standard_spaces
from spinedsl.spaces.parallel import CHUNK, costs_of
from spinedsl.spaces.sampling import members
from spinedsl.spaces.search_space import Encoding

N = 15


def test_the_papers_formulas() -> None:
    space = open_space("std:spinenet_unwindowed")
    numbers = {count.what: count.number for count in counts(space)}
    assert numbers["order of intermediate blocks"] * numbers["order of output blocks"] == factorial(
        N - 5
    ) * factorial(5)
    # Two blocks of the stem stand before the first of the N.
    pairs = numbers["parents of intermediate blocks"] * numbers["parents of output blocks"]
    assert pairs == prod(comb(i, 2) for i in range(2, N + 2))
    assert numbers["level of intermediate blocks"] == 4 ** (N - 5)
    assert numbers["kind of all blocks"] == 2**N
    assert space.size == prod(numbers.values())


def test_spaces_of_permutations_have_no_adjustments() -> None:
    space = open_space("std:r0_permutations")
    windowed = prod(comb(min(i, 5), 2) for i in range(2, 12)) * prod(comb(i, 2) for i in range(12, 17))
    assert space.size == factorial(10) * factorial(5) * windowed
    # Of ten blocks, three and five and one and one are alike.
    levels = Counter(b.level for b in space.space.blocks if b.endpoint is None)
    alike = prod(factorial(n) for n in levels.values())
    assert distinct(space) == space.size // alike


def test_the_public_spaces() -> None:
    pairs = prod(comb(min(i, 4), 2) for i in range(2, 13)) * prod(comb(i, 2) for i in range(13, 18))
    assert open_space("std:spinenet_public").size == factorial(11) * factorial(5) * pairs * 4**11 * 2**16
    assert open_space("std:spinenet_scaling").size == 2 * 2 * 3 * 3 * 3
    levels = Counter(b.level for b in open_space("std:spinenet_mbconv").space.blocks if b.endpoint is None)
    assert levels == {2: 1, 3: 1, 4: 5, 5: 4}


@pytest.mark.parametrize("name", [name for name, _ in standard_spaces()])
def test_the_factors_of_every_space_multiply_up(name: str) -> None:
    space = open_space(f"std:{name}")
    assert prod(count.number for count in counts(space)) == space.size
    different = distinct(space)
    assert different is not None and 1 <= different <= space.size


groups = st.lists(st.sampled_from(["intermediate", "output"]), unique=True).map(tuple)
levels = st.lists(st.integers(2, 4), min_size=1, max_size=3).map(tuple)


@settings(max_examples=40, deadline=None)
@given(
    levels, st.sampled_from([(3,), (3, 4)]), groups, st.sampled_from([None, 2, 3]),
    st.sets(st.integers(-1, 2), min_size=1, max_size=2).map(lambda s: tuple(sorted(s))),
    st.sampled_from([("residual",), ("residual", "bottleneck")]),
)  # fmt: skip
def test_brute_force_agrees(intermediate, outputs, permute, window, offsets, kinds) -> None:
    rules = f"connect 2 from {'earlier' if window is None else f'last {window}'}"
    rules += f" adjust level by {{{', '.join(map(str, offsets))}}} adjust kind to {{{', '.join(kinds)}}}"
    if permute:
        rules += f" permute {', '.join(permute)}"
    space = small(rules, intermediate, outputs)
    assume(space.size <= 2000)
    wanted = Counter(
        enumerated(intermediate, outputs, permute=permute, window=window, offsets=offsets, kinds=kinds)
    )
    assert space.size == wanted.total()
    assert distinct(space) == len(wanted)
    assert Counter(rows_of(space)) == wanted


def test_frozen_connections_belong_to_places() -> None:
    rows = rows_of(small("permute intermediate", (2, 3)))
    assert len(rows) == 2
    assert [[block[2] for block in row] for row in rows] == [[block[2] for block in rows[0]]] * 2
    assert {tuple(block[0] for block in row)[:2] for row in rows} == {(2, 3), (3, 2)}


def test_requirements_are_counted_exactly_in_small_spaces() -> None:
    space = small("adjust width by {1, 2} adjust repeat to {1, 2}", (2,), (3,))
    requirements = Requirements([parse_requirement("params <= 9K and depth <= 5")])
    costs = [requirements.costs(space.network(space.unrank(r))) for r in range(space.size)]
    met = sum(c.parameters <= 9000 and c.depth <= 5 for c in costs)
    assert 0 < met < space.size == 16
    estimate = count_meeting(space, requirements, 10, seed=0)
    assert (estimate.met, estimate.low, estimate.high, estimate.exact) == (met, met, met, True)
    assert len(list(members(space, requirements))) == met


def test_large_spaces_are_estimated_within_bounds() -> None:
    """A condition whose share is known: every kind is chosen evenly, so a half has a residual b0."""
    space = open_space("std:r0_permutations")
    # Output blocks stand in any order: P3's stands first in a fifth of them. Depth and costs vary.
    nothing = count_meeting(space, Requirements([parse_requirement("blocks(3) == 4")]), 200, seed=0)
    assert not nothing.exact and nothing.high >= space.size * 0.97
    never = count_meeting(space, Requirements([parse_requirement("blocks(3) == 5")]), 200, seed=0)
    assert (never.met, never.low) == (0, 0) and never.high < space.size * 0.03


@pytest.mark.parametrize(("met", "drawn"), [(0, 100), (1, 100), (50, 100), (100, 100), (3, 7)])
def test_wilson_bounds_solve_the_score_equation(met: int, drawn: int) -> None:
    """Both bounds are where a share p lies exactly 1.96 standard deviations from what was seen."""
    for bound in wilson(met, drawn):
        if 0 < bound < 1:
            assert abs(met / drawn - bound) == pytest.approx(
                1.959963984540054 * (bound * (1 - bound) / drawn) ** 0.5
            )


def test_what_takes_too_long_to_count_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    space = small("permute intermediate adjust level by {0, 1}")
    assert distinct(space) is not None
    monkeypatch.setattr(counting, "MAX_STATES", 5)
    assert distinct(space) is None
    assert prod(count.number for count in counts(space)) == space.size == 6 * 8


def test_processes_answer_in_order_what_one_answers() -> None:
    space = open_space("std:spinenet")
    ranks = [space.size * index // 250 for index in range(250)]
    encodings = [space.unrank(rank) for rank in ranks]
    assert list(costs_of(space, encodings, 2)) == list(costs_of(space, encodings))
    requirements = Requirements([parse_requirement("macs <= 28G")])
    estimates = [count_meeting(space, requirements, 250, seed=3, jobs=jobs) for jobs in (1, 3)]
    assert estimates[0] == estimates[1]
    assert 0 < estimates[0].met < 250


def test_processes_are_a_few_chunks_ahead_and_no_more() -> None:
    space, asked = open_space("std:spinenet"), []

    def encodings() -> Iterator[Encoding]:
        for rank in range(5_000):
            asked.append(rank)
            yield space.unrank(rank)

    answers = costs_of(space, encodings(), 2)
    next(answers)
    assert len(asked) <= 5 * CHUNK
    answers.close()
