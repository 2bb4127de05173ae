"""Numbers, samples, membership, moves and repair."""

from __future__ import annotations

from collections import Counter
from itertools import islice, permutations
from math import comb, sqrt
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from space_support import small

from spinedsl.analysis.checking import check
from spinedsl.analysis.requirements import Requirements
from spinedsl.analysis.summary import summarise
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.model import Network
from spinedsl.passes.assignment import cheapest
from spinedsl.pipeline import Compilation
from spinedsl.spaces.factors import combination, rank_of_combination
from spinedsl.spaces.membership import encoding_of
from spinedsl.spaces.moves import crossover, mutate, neighbours, told
from spinedsl.spaces.opening import open_space, parse_requirement, standard_spaces
from spinedsl.spaces.repair import repair
from spinedsl.spaces.sampling import sample
from spinedsl.spaces.search_space import SearchSpace
from spinedsl.spaces.writing import MemberWriter, member_text
from spinedsl.specification import open_spec

FREE = Requirements(())
EVERYTHING = """
  permute intermediate, output
  connect 2 from last 3 for intermediate
  connect 2 from earlier for output
  adjust level by {0, 1}
  adjust kind to {residual, bottleneck(dilation = 2)}
  adjust width by {0.5, 1}
  adjust repeat to {1, 2}
  adjust merge to {sum, weighted}
  adjust resample to {cross_scale(alpha = 0.25), cross_scale}
  choose scale width from {0.5, 1}
  choose input from {3 x 64 x 64, 3 x 128 x 128}
  choose endpoints from {8, 16}
  choose act from {relu, swish}
"""
SPACES = [open_space(f"std:{name}") for name, _ in standard_spaces()] + [small(EVERYTHING, width=32)]
NAMES = [space.name for space in SPACES]


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Network]:
    return [member.network for member in islice(sample(space, FREE, seed), count)]


# ---- numbers


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_ranks_and_encodings_are_one_to_one(space: SearchSpace) -> None:
    random = Random(1)
    for rank in (0, 1, space.size - 1, *(random.randrange(space.size) for _ in range(20))):
        encoding = space.unrank(rank)
        assert all(0 <= value < digit.size for value, digit in zip(encoding, space.digits, strict=True))
        assert space.rank(encoding) == rank
        assert space.encode(space.design(encoding)) == encoding
    for wrong in (-1, space.size):
        with pytest.raises(DiagnosticError, match="SP046"):
            space.unrank(wrong)


@given(st.integers(0, 9), st.integers(1, 4), st.integers(0, 5))
def test_combinations_stand_in_lexicographic_order(extent: int, count: int, start: int) -> None:
    candidates = range(start, start + extent)
    found = [combination(rank, candidates, count) for rank in range(comb(extent, count))]
    assert found == sorted(set(found)) and all(len(set(each)) == count for each in found)
    assert [rank_of_combination(each, candidates) for each in found] == list(range(len(found)))


# ---- membership


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_every_sample_compiles_and_is_a_member(space: SearchSpace) -> None:
    for network in drawn(space, 4):
        diagnostics, _ = check(Compilation(given=network))
        assert not [d for d in diagnostics if d.code != "SP043"]
        again = space.network(encoding_of(network, space))
        assert again.blocks == network.blocks and again.input == network.input
        assert again.width_scale == network.width_scale and again.act == network.act


def test_the_first_of_equal_encodings_is_found() -> None:
    """Against all encodings of a space in which blocks are alike and levels meet."""
    space = small("permute intermediate adjust level by {0, 1}")
    first: dict[str, int] = {}
    for rank in range(space.size):
        network = space.network(space.unrank(rank))
        text = repr(network.blocks)
        assert space.rank(encoding_of(network, space)) == first.setdefault(text, rank)
    assert len(first) < space.size


def test_spinenet49_is_in_its_space_and_r0_sp53_is_where_it_starts() -> None:
    found = {name: open_spec(f"std:{name}").network for name in ("spinenet49", "r0_sp53")}
    for space in ("spinenet", "spinenet_unwindowed"):
        opened = open_space(f"std:{space}")
        for network in found.values():
            assert opened.network(encoding_of(network, opened)).blocks == network.blocks
    steps = [open_space(f"std:spinenet_{step}") for step in ("order", "connections", "adjustments")]
    for step in steps:
        encoding_of(found["r0_sp53"], step)
    with pytest.raises(DiagnosticError, match="reads other blocks than the seed's"):
        encoding_of(found["spinenet49"], steps[0])
    with pytest.raises(DiagnosticError, match="is a residual"):
        encoding_of(found["spinenet49"], steps[1])


def test_names_and_the_order_of_parents_make_no_difference() -> None:
    space = open_space("std:spinenet")
    network = open_spec("std:spinenet49").network
    blocks = tuple(b.model_copy(update={"inputs": b.inputs[::-1]}) for b in network.blocks)
    assert encoding_of(network.model_copy(update={"blocks": blocks}), space) == encoding_of(network, space)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repeat": 3}, "“repeat” of block “b1” is 3; “small” allows 1, 2"),
        ({"width": 77}, "“width” of block “b1” is 77; “small” allows 16, 32"),
        ({"level": 1}, "no block of the seed can be moved to level 1 for block “b1”"),
    ],
)
def test_what_is_no_member_is_told(change: dict[str, int], reason: str) -> None:
    space = small(EVERYTHING, width=32)
    network = space.network((0,) * len(space.digits))
    blocks = list(network.blocks)
    blocks[1] = blocks[1].model_copy(update=change)
    with pytest.raises(DiagnosticError) as raised:
        encoding_of(network.model_copy(update={"blocks": tuple(blocks)}), space)
    assert reason in [d.message for d in raised.value.diagnostics]


def test_a_setting_that_none_of_the_values_is() -> None:
    space = small(EVERYTHING, width=32)
    network = space.network((0,) * len(space.digits)).model_copy(update={"width_scale": 0.7})
    with pytest.raises(DiagnosticError, match="“scale width” of “small” is none of the 2"):
        encoding_of(network, space)


# ---- samples


def test_samples_are_uniform() -> None:
    """Pearson's χ² over every encoding; the bound is five standard deviations above its mean."""
    space = small("permute intermediate adjust level by {0, 1}", (2, 3))
    draws, cells = 400 * space.size, space.size
    counts = Counter(space.rank(m.encoding) for m in islice(sample(space, FREE, seed=3), draws))
    expected = draws / cells
    statistic = sum((counts[rank] - expected) ** 2 / expected for rank in range(cells))
    assert statistic < cells - 1 + 5 * sqrt(2 * (cells - 1))


def test_samples_that_meet_a_requirement_are_uniform_among_those() -> None:
    space = small(
        "permute intermediate adjust level by {0, 1} adjust repeat to {1, 2} for output", (2, 3), (3,)
    )
    requirements = Requirements([parse_requirement("depth <= 5 and blocks(3) >= 2")])
    meeting = [r for r in range(space.size) if requirements.met(space.network(space.unrank(r)))]
    assert 1 < len(meeting) < space.size
    draws = 400 * len(meeting)
    counts = Counter(space.rank(m.encoding) for m in islice(sample(space, requirements, seed=5), draws))
    assert set(counts) <= set(meeting)
    expected = draws / len(meeting)
    statistic = sum((counts[rank] - expected) ** 2 / expected for rank in meeting)
    assert statistic < len(meeting) - 1 + 5 * sqrt(2 * (len(meeting) - 1))


def test_equal_seeds_draw_equal_networks() -> None:
    space = open_space("std:spinenet")
    one, same, other = (drawn(space, 3, seed) for seed in (1, 1, 2))
    assert [n.blocks for n in one] == [n.blocks for n in same] != [n.blocks for n in other]


def test_what_excludes_everything_is_named() -> None:
    space = small("adjust repeat to {1, 2}")
    requirements = Requirements([parse_requirement("params >= 1"), parse_requirement("params <= 1K")])
    with pytest.raises(DiagnosticError) as raised:
        next(sample(space, requirements, seed=0))
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SP047" and diagnostic.primary is not None
    assert diagnostic.primary.text == "`params <= 1K` refused 5,000 of 5,000 networks drawn in a row"


def test_requirements_measure_what_summaries_count() -> None:
    space = small(EVERYTHING, width=32)
    for network in drawn(space, 5):
        summary = summarise(Compilation(given=network))
        exact = f"params == {summary.parameters} and macs == {summary.macs} and memory == {summary.activation_bytes}"
        larger = summarise(Compilation(given=network).resized(256, 128)).macs
        for condition in (
            exact,
            f"macs(256, 128) == {larger}",
            f"levels == {len({b.level for b in network.blocks})}",
        ):
            assert Requirements([parse_requirement(condition)]).met(network), condition
        assert not Requirements([parse_requirement(f"macs < {summary.macs}")]).met(network)


# ---- moves


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_moves_stay_in_the_space(space: SearchSpace) -> None:
    random = Random(0)
    one, other = (space.unrank(random.randrange(space.size)) for _ in range(2))
    for _ in range(5):
        child = crossover(space, one, mutate(space, other, random, moves=3), random)
        assert all(0 <= value < digit.size for value, digit in zip(child, space.digits, strict=True))
        encoding_of(space.network(child), space)


def test_neighbours_are_one_move_away_and_complete() -> None:
    space = small(
        "permute intermediate connect 2 from earlier adjust level by {-1, 0, 1} choose repeat from {1, 2}"
    )
    start = space.unrank(4711)
    near = list(neighbours(space, start))
    # Three swaps; every block changes one of two parents for one of the others; two other offsets; a repeat.
    parents = sum(2 * (candidates - 2) for candidates in range(2, 7))
    assert len(near) == len(set(near)) == 3 + parents + 3 * 2 + 1
    assert start not in near
    assert all(start in set(neighbours(space, each)) for each in near[:10])
    assert all(told(space, start, each) for each in near)
    random = Random(0)
    assert {mutate(space, start, random) for _ in range(600)} == set(near)


def test_children_have_what_their_parents_have() -> None:
    space = open_space("std:spinenet")
    one, other = (encoding_of(open_spec(f"std:{name}").network, space) for name in ("spinenet49", "r0_sp53"))
    random = Random(0)
    child = crossover(space, one, other, random)
    assert child not in (one, other)
    mixed = [
        d for d in zip(space.digits, one, other, child, strict=True) if not d[0].name.startswith("order.")
    ]
    assert all(value in (a, b) for _, a, b, value in mixed)
    assert crossover(space, one, one, random) == one


# ---- repair


@pytest.mark.parametrize("space", SPACES, ids=NAMES)
def test_members_need_no_repair(space: SearchSpace) -> None:
    for network in drawn(space, 2, seed=9):
        assert space.network(repair(network, space, FREE)).blocks == network.blocks


def test_what_is_repaired_is_a_member_and_meets_what_is_required() -> None:
    space = open_space("std:r0_permutations")
    requirements = Requirements([parse_requirement("macs <= 37G")])
    for name in ("spinenet49", "r23_sp30", "spinenet_mobile49", "nas_fpn"):
        network = space.network(repair(open_spec(f"std:{name}").network, space, requirements))
        encoding_of(network, space)
        assert requirements.met(network)


def test_repair_changes_as_little_as_can_be() -> None:
    """Parents that the space allows stay, and levels move least in all: against all orders."""
    space = open_space("std:r0_permutations")
    network = open_spec("std:spinenet49").network
    found = space.network(repair(network, space, FREE))
    assert [b.inputs for b in found.blocks] == [b.inputs for b in network.blocks]
    small_space = small("permute intermediate", (2, 3, 4))
    for levels in [(4, 4, 2), (3, 2, 2), (5, 1, 3)]:
        start = small_space.network((0, 0, 0))
        moved = [
            b.model_copy(update={"level": level}) for b, level in zip(start.blocks, levels, strict=False)
        ]
        blocks = (*moved, *start.blocks[3:])
        near = small_space.network(repair(start.model_copy(update={"blocks": blocks}), small_space, FREE))
        cost = sum(abs(b.level - level) for b, level in zip(near.blocks, levels, strict=False))
        assert (
            cost
            <= min(
                sum(abs(a - b) for a, b in zip(order, levels, strict=True))
                for order in permutations((2, 3, 4))
            )
            + 1
        )


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 20), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_the_cheapest_assignment_is_the_cheapest_of_all(costs: list[list[int]]) -> None:
    size = range(len(costs))
    found = cheapest(costs)
    assert sorted(found) == list(size)
    assert sum(costs[i][found[i]] for i in size) == min(
        sum(costs[i][order[i]] for i in size) for order in permutations(size)
    )


# ---- text


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(SPACES) - 1), st.integers(0, 10**60))
def test_members_are_complete_files(which: int, number: int) -> None:
    space = SPACES[which]
    network = space.network(space.unrank(number % space.size), "found")
    text = member_text(network, ["Where it is from."])
    assert text.startswith("# Where it is from.\n\n")
    path = Path("found.spine")
    path.write_text(text, encoding="utf-8")
    read = open_spec(path).network
    assert read.blocks == network.blocks and read.stem == network.stem
    settings = {
        "input",
        "widths",
        "width_scale",
        "norm",
        "act",
        "resample",
        "merge",
        "padding",
        "dangling",
        "drop_path",
    }
    for name in settings:
        assert getattr(read, name) == getattr(network, name), name


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [name for name, _ in standard_spaces()])
def test_many_are_written_as_one_is(name: str) -> None:
    space, writer, random = open_space(f"std:{name}"), MemberWriter(), Random(5)
    for number in range(12):
        encoding = space.unrank(random.randrange(space.size))
        network = space.network(encoding, f"n{number}")
        comments = ("where from",) * (number % 2)
        assert writer.text(network, comments) == member_text(network, comments)


def test_a_seed_that_does_not_compile_is_refused_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "deep.spine"
    path.write_text(
        'import "spinenet49.spine"\nnetwork deep extends spinenet49 { stack 4 }\n'
        "space near of deep { permute output }\n"
    )
    with pytest.raises(DiagnosticError, match="only a graph over features can be stacked") as caught:
        open_space(path)
    span = caught.value.diagnostics[0].primary
    assert span is not None and "deep.spine" in span.span.source.name
