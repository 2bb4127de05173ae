"""The passes over a network: every numbered rule of a pass has a test of its name.

Tests read the text form of the expanded network. A line is a block: its kind, level, width and
channels, `after` whom it follows or `<-` what it resamples and merges, `+` what joins its merge.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import STEM, codes, compile_text, compile_tiny, network_text, problems

from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.expanded_text import expanded_text
from spinedsl.passes import (
    EXPANSION,
    elaborate,
    merge_dangling,
    repeat_blocks,
    scale_widths,
    stack_graph,
)
from spinedsl.passes.assignment import unserved
from spinedsl.pipeline import Compilation

Pass = Callable[[ExpandedNetwork], ExpandedNetwork]

FEATURES = """import "std/resnet.spine"
network tiny {{
  input of 64 x 64 {{ c2 @2 -> 8  c3 @3 -> 8  c4 @4 -> 8 }}
  width {{ 2..5: 8 }}
  {declarations}
  {blocks}
}}
"""


def features(blocks: str, declarations: str = "") -> Compilation:
    return compile_text(FEATURES.format(blocks=blocks, declarations=declarations))


def after(compilation: Compilation, *passes: Pass) -> ExpandedNetwork:
    """The network behind `elaborate` and some passes."""
    expanded = elaborate(compilation.network)
    for run in passes:
        expanded = run(expanded)
    return expanded


def lines(expanded: ExpandedNetwork) -> list[str]:
    """Its text form, without the frame and without what is the same everywhere."""
    text = expanded_text(expanded).replace(" via cross_scale", "").replace("sum of ", "")
    return [line.strip() for line in text.splitlines()[1:-1]]


def blocks(expanded: ExpandedNetwork) -> list[str]:
    """The lines of the scale-permuted blocks."""
    found = lines(expanded)
    return found[found.index("}") + 1 :] if "}" in found else found


# ---- elaborate


def test_elaborate_1_width_of_its_own_or_of_the_table() -> None:
    tiny = compile_tiny("b1: residual @3 <- s0  b2: residual @3 width 12 <- b1 => P3")
    assert [b.width for b in after(tiny).blocks] == [8, 12]


def test_elaborate_2_rule_of_its_own_or_of_the_network() -> None:
    tiny = compile_tiny(
        "b1: residual @3 merge plain <- s0, s0 via direct  b2: residual @3 <- b1 => P3",
        declarations="resample nearest  merge weighted",
    )
    assert blocks(after(tiny)) == [
        "b1: residual @3 width 8 -> 0  <- plain of s0 via nearest, s0 via direct",
        "b2: residual @3 width 8 -> 0  <- weighted of b1 via nearest  => P3",
    ]


def test_elaborate_3_repeats_multiply() -> None:
    tiny = compile_tiny(
        "b1: residual @2 repeat 3 <- s0 => P2",
        declarations="repeat 2",
        stem="stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 repeat 4 }",
    )
    expanded = after(tiny)
    assert [b.repeat for b in (*expanded.stem_blocks(), *expanded.blocks)] == [2, 8, 6]


@pytest.mark.parametrize(
    ("declaration", "shares"),
    [
        ("drop_path 0.2 linear of blocks", ["1/4", "1/2", "3/4", "1"]),
        ("drop_path 0.2 linear of max(blocks, 16)", ["1/16", "1/8", "3/16", "1/4"]),
        ("drop_path 0.2 linear", ["1/4", "1/2", "3/4", "1"]),
        ("drop_path 0.2 constant", ["1", "1", "1", "1"]),
    ],
)
def test_elaborate_4_share_of_the_drop_path_rate(declaration: str, shares: list[str]) -> None:
    text = "".join(f"b{i}: residual @2 <- s0  " for i in range(3)) + "b3: residual @2 <- s0 => P2"
    expanded = after(compile_tiny(text, declarations=declaration))
    assert [b.drop_path for b in expanded.blocks] == [Fraction(share) for share in shares]
    assert [b.drop_path for b in expanded.stem_blocks()] == [0]


def test_elaborate_keeps_the_order_and_scales_nothing() -> None:
    tiny = compile_tiny("b2: residual @3 <- s0  b1: residual @2 <- b2 => P2", declarations="scale width 2")
    assert [(b.name, b.width, b.channels) for b in after(tiny).blocks] == [("b2", 8, 0), ("b1", 8, 0)]


# ---- scale_widths


@pytest.mark.parametrize(
    ("scale", "rounding", "widths"),
    [
        ("0.65", "floor", [41, 83, 166]),
        ("0.65", "nearest", [42, 83, 166]),
        ("0.65", "multiple 8", [40, 80, 168]),
        ("1.3", "floor", [83, 166, 332]),
        ("0.001", "floor", [1, 1, 1]),
        ("0.001", "nearest", [1, 1, 1]),
        ("0.001", "multiple 8", [8, 8, 8]),
        ("1", "floor", [64, 128, 256]),
    ],
)
def test_scale_widths_1_rounding(scale: str, rounding: str, widths: list[int]) -> None:
    text = (
        "".join(f"b{w}: residual @2 width {w} <- s0  " for w in (64, 128))
        + "b256: residual @2 width 256 <- s0 => P2"
    )
    tiny = compile_tiny(text, declarations=f"scale width {scale} rounding {rounding}")
    assert [b.width for b in after(tiny, scale_widths).blocks] == widths


def test_scale_widths_2_channels_are_what_the_kind_declares() -> None:
    tiny = compile_tiny(
        "b1: bottleneck @2 <- s0  b2: residual @2 <- s0  b3: k(3) @4 <- s0  b4: k @4 <- b3 => P4",
        before="block k(more = 1) -> width + more * level { conv 1x1 -> channels }",
        declarations="scale width 2  default k(more = 2)",
    )
    assert [b.channels for b in after(tiny, scale_widths).blocks] == [64, 16, 16 + 12, 16 + 8]


# ---- merge_dangling


def dangling(expanded: ExpandedNetwork) -> dict[str, tuple[str, ...]]:
    return {b.name: b.dangling for b in expanded.blocks if b.dangling}


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        # Nobody reads a: it joins the next output block of its level and channels.
        ("a: residual @2 <- s0  b: residual @2 <- s0 => P2", {"b": ("a",)}),
        ("a: residual @3 <- s0  b: residual @2 <- s0 => P2", {}),
        ("a: bottleneck @2 <- s0  b: residual @2 <- s0 => P2", {}),
        # Read before the output block, it is read; read behind it, it was not yet.
        ("a: residual @2 <- s0  b: residual @2 <- a => P2", {}),
        ("a: residual @2 <- s0  b: residual @2 <- s0 => P2  c: residual @3 <- a => P3", {"b": ("a",)}),
        # Once joined, it has been read: c stands at a's level, too.
        ("a: residual @3 <- s0  b: residual @3 <- s0 => P3  c: residual @3 <- b  d: residual @2 <- s0 => P2", {"b": ("a",)}),
        ("a: residual @2 <- s0  x: residual @2 <- s0  b: residual @2 <- s0 => P2", {"b": ("a", "x")}),
        # An output block that nobody reads joins no other: it comes behind.
        ("a: residual @3 <- s0 => P3  b: residual @2 <- s0 => P2", {}),
        # The last stem block is a block like others.
        ("b: residual @3 <- s1 => P3  c: residual @2 <- s1 => P2", {}),
        ("b: residual @2 <- s0 => P2", {"b": ("s1",)}),
    ],
)  # fmt: skip
def test_merge_dangling_1_and_2_who_joins_whom(text: str, edges: dict[str, tuple[str, ...]]) -> None:
    stem = STEM.replace("}", " s1: residual @2 }") if "s1" in f"{text}{edges}" else STEM
    assert dangling(after(compile_tiny(text, stem=stem), scale_widths, merge_dangling)) == edges


def test_merge_dangling_2_external_features_join_too() -> None:
    tiny = features("a: residual @2 <- c3 => P2")
    assert dangling(after(tiny, scale_widths, merge_dangling)) == {"a": ("c2",)}


def test_merge_dangling_3_error() -> None:
    text = "a: residual @2 <- s0  b: residual @3 <- s0  c: residual @2 <- s0 => P2"
    found = problems(network_text(text, declarations="dangling error"))
    assert [(d.code, d.message) for d in found] == [
        ("SP036", "nobody reads block “a”"),
        ("SP036", "nobody reads block “b”"),
    ]


def test_merge_dangling_4_prune_merges_nothing() -> None:
    tiny = compile_tiny("a: residual @2 <- s0  b: residual @2 <- s0 => P2", declarations="dangling prune")
    assert dangling(after(tiny, scale_widths, merge_dangling)) == {}


def test_spinenet49_has_one_dangling_edge_and_r23_sp30_none() -> None:
    base = 'import "spinenet49.spine"\nimport "scale_permuted_resnet.spine"\n'
    own = compile_text(base + "network a extends spinenet49 {}").expanded
    assert dangling(own) == {"b14": ("b11",)}
    assert dangling(compile_text(base + "network a extends r23_sp30 {}").expanded) == {}
    # With repeats it is the last copy that joins the first copy's merge.
    repeated = compile_text(base + "network a extends spinenet49 { repeat 3 }").expanded
    assert dangling(repeated) == {"b14.0": ("b11.2",)}


# ---- stack_graph


def test_stack_graph_1_to_3() -> None:
    tiny = features("a: residual @2 <- c2, c3 => P2  b: residual @3 <- c3, a => P3", "stack 3")
    assert blocks(after(tiny, scale_widths, merge_dangling, stack_graph)) == [
        "a_1: residual @2 width 8 -> 8  <- c2, c3",
        "b_1: residual @3 width 8 -> 8  <- c3, a_1",
        "a_2: residual @2 width 8 -> 8  <- a_1, b_1",
        "b_2: residual @3 width 8 -> 8  <- b_1, a_2",
        "a_3: residual @2 width 8 -> 8  <- a_2, b_2  => P2",
        "b_3: residual @3 width 8 -> 8  <- b_2, a_3  => P3",
    ]


def test_stack_graph_keeps_dangling_edges_in_each_copy() -> None:
    tiny = features(
        "x: residual @2 <- c3  a: residual @2 <- c2, c3 => P2  b: residual @3 <- c3, a => P3", "stack 2"
    )
    assert dangling(after(tiny, scale_widths, merge_dangling, stack_graph)) == {
        "a_1": ("x_1",),
        "a_2": ("x_2",),
    }


# ---- repeat_blocks


def test_repeat_blocks_1_to_3() -> None:
    tiny = compile_tiny(
        "x: residual @2 <- s0  a: residual @2 repeat 3 <- s0 => P2  b: residual @3 <- a => P3",
        stem="stem { conv 3x3 / 4 -> 8  s0: residual @2 repeat 2 }",
    )
    assert lines(after(tiny, scale_widths, merge_dangling, repeat_blocks)) == [
        "stem {",
        "conv 3x3 / 4 -> 8",
        "s0.0: residual @2 width 8 -> 8",
        "s0.1: residual @2 width 8 -> 8  after s0.0",
        "}",
        "x: residual @2 width 8 -> 8  <- s0.1",
        "a.0: residual @2 width 8 -> 8  <- s0.1 + x",
        "a.1: residual @2 width 8 -> 8  after a.0",
        "a.2: residual @2 width 8 -> 8  after a.1  => P2",
        "b: residual @3 width 8 -> 8  <- a.2  => P3",
    ]


def test_repeat_blocks_4_copies_share_the_drop_path_rate() -> None:
    tiny = compile_tiny(
        "a: residual @2 repeat 2 <- s0  b: residual @2 <- a => P2", declarations="drop_path 0.2 linear"
    )
    shares = [b.drop_path for b in after(tiny, scale_widths, merge_dangling, repeat_blocks).blocks]
    assert shares == [Fraction(1, 2), Fraction(1, 2), 1]


# ---- prune


def removed(expanded: ExpandedNetwork) -> list[tuple[str, str]]:
    return [(r.name, r.reason) for r in expanded.removed]


def test_prune_1_what_leads_to_no_endpoint() -> None:
    tiny = compile_tiny(
        "a: residual @4 <- s0  b: residual @3 <- s0  c: residual @3 <- b, s0  d: residual @2 <- s0 => P2",
        declarations="dangling prune",
    )
    expanded = tiny.expanded
    assert [b.name for b in expanded.blocks] == ["d"]
    assert removed(expanded) == [
        ("a", "nobody reads it"),
        ("b", "only removed blocks read it"),
        ("c", "nobody reads it"),
    ]
    assert "# removed b: only removed blocks read it" in lines(expanded)


def test_prune_1_dangling_edges_count() -> None:
    tiny = compile_tiny("a: residual @3 <- s0  b: residual @2 <- a  c: residual @2 <- s0 => P2")
    assert removed(tiny.expanded) == []


def test_prune_2_the_stem_ends_with_its_last_needed_block() -> None:
    tiny = compile_tiny(
        "a: residual @2 <- s0 => P2",
        stem="stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @3  maxpool 3x3 / 2  s2: residual @4 }",
    )
    stem = [item.name if isinstance(item, ExpandedBlock) else "step" for item in tiny.expanded.stem]
    assert stem == ["step", "s0"]
    assert [name for name, _ in removed(tiny.expanded)] == ["s1", "s2"]


def test_prune_2_what_stands_before_stays() -> None:
    tiny = compile_tiny(
        "a: residual @3 <- s1 => P3", stem="stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @3 }"
    )
    assert removed(tiny.expanded) == []


def test_prune_is_said() -> None:
    (warning,) = problems(network_text("a: residual @4 repeat 2 <- s0  b: residual @2 <- s0 => P2"))
    assert (warning.code, warning.severity.value) == ("SP043", "warning")
    assert warning.message == "no endpoint needs “a”: not built"


# ---- all of them


def test_expansion_leaves_nothing_implied() -> None:
    order = [run.__name__ for run in EXPANSION]
    assert order == ["scale_widths", "merge_dangling", "stack_graph", "repeat_blocks", "prune"]
    expanded = compile_tiny("a: residual @2 repeat 2 <- s0 => P2", declarations="repeat 2").expanded
    every = [*expanded.stem_blocks(), *expanded.blocks]
    assert all(b.repeat == 1 and b.channels > 0 for b in every)
    assert len({b.name for b in every}) == len(every)


# ---- check_space

SEED = """
network seed {
  input 3 x 64 x 64
  width { 2..5: 8 }
  stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 }
  b1: residual @3 <- s0, s1
  b2: residual @3 <- s0, b1
  b3: residual @2 <- b1, b2 => P2
  b4: residual @3 <- b1, b2 => P3
}
space paper of seed {
  permute intermediate, output
  connect 2 from last 3
  adjust level by {0, 1}
  adjust kind to {residual, bottleneck}
}
"""
TWO = "stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 }"
MEMBER = {
    "b1": "b1: residual @3 <- s0, s1",
    "b2": "b2: residual @3 <- s0, b1",
    "b3": "b3: residual @2 <- b1, b2 => P2",
    "b4": "b4: residual @3 <- b1, b2 => P3",
}


def membership(order: str = "b1 b2 b3 b4", space: str = SEED, **changes: str) -> list[str]:
    """What is said of a member of the space with some blocks changed."""
    written = {**MEMBER, **changes}
    text = network_text(
        "\n".join(written[name] for name in order.split()),
        before=space,
        declarations="member of paper  endpoints -> 8",
        stem=TWO,
    )
    return [d.message for d in problems(text)]


def test_check_space_accepts_members() -> None:
    assert membership() == []
    assert (
        membership("b1 b2 b4 b3", b4="b4: residual @3 <- b1, b2 => P3", b3="b3: residual @2 <- b2, b4 => P2")
        == []
    )
    assert membership(b1="b1: bottleneck @4 <- s0, s1") == []


def test_check_space_1_as_many_blocks_as_the_seed() -> None:
    found = membership(
        b1="b1: residual @3 <- s0, s1\nextra: residual @3 <- s1, b1",
        b2="b2: residual @3 <- extra, b1",
        b4="b4: residual @3 <- extra, b2 => P3",
        b3="b3: residual @2 <- extra, b2 => P2",
    )
    assert found == ["“tiny” has 3 intermediate blocks; its space “paper” has 2"]


def test_check_space_2_intermediate_blocks_come_first() -> None:
    late = {"b3": "b3: residual @2 <- s1, b1 => P2", "b2": "b2: residual @3 <- b1, b3"}
    assert membership("b1 b3 b2 b4", **late) == [
        "output block “b3” stands in place 2, which is for an intermediate block"
    ]
    outputs_first = SEED.replace(
        "  b2: residual @3 <- s0, b1\n  b3: residual @2 <- b1, b2 => P2\n",
        "  b3: residual @2 <- s1, b1 => P2\n  b2: residual @3 <- b1, b3\n",
    )
    assert membership("b1 b3 b2 b4", outputs_first, **late) == []


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("b2: residual @3 <- b1", "block “b2” has 1 input; “paper” gives every such block 2"),
        ("b2: residual @3 <- s0, s1, b1", "block “b2” has 3 inputs; “paper” gives every such block 2"),
        ("b2: residual @3 <- b1, b1", "block “b2” reads one block twice"),
    ],
)
def test_check_space_3_number_of_distinct_inputs(block: str, message: str) -> None:
    assert membership(b2=block) == [message]


def test_check_space_3_window() -> None:
    far = "b3: residual @2 <- s0, b2 => P2"
    assert membership(b3=far) == ["block “b3” reads “s0”, which is not among the last 3 blocks before it"]
    assert membership(b3=far, space=SEED.replace("last 3", "last 3 for intermediate")) == [
        "block “b3” reads other blocks than the seed's in its place, or by other rules"
    ]
    assert membership(b3=far, space=SEED.replace("last 3", "last 4")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b4": "b4: residual @4 <- b1, b2 => P4"}, "output levels must be 2, 3, not 2, 4"),
        ({"b1": "b1: residual @5 <- s0, s1"}, "no block of the seed can be moved to level 5 for block “b1”"),
        ({"b2": "b2: residual @2 <- s0, b1"}, "no block of the seed can be moved to level 2 for block “b2”"),
    ],
)
def test_check_space_4_levels(changes: dict[str, str], message: str) -> None:
    assert membership(**changes) == [message]


def test_check_space_4_levels_are_matched_as_a_whole() -> None:
    # Seed levels 3 and 4 may become 4 and 5: the first must take what the second can't.
    seed = SEED.replace("b2: residual @3", "b2: residual @4")
    assert membership(space=seed, b1="b1: residual @4 <- s0, s1", b2="b2: residual @5 <- s0, b1") == []
    assert membership(space=seed, b1="b1: residual @5 <- s0, s1", b2="b2: residual @4 <- s0, b1") == []
    assert membership(space=seed, b1="b1: residual @5 <- s0, s1", b2="b2: residual @5 <- s0, b1") == [
        "no block of the seed is left to be “b2”, a residual at level 5"
    ]


@given(
    st.lists(st.integers(2, 7), max_size=6), st.lists(st.integers(2, 7), max_size=6),
    st.sets(st.integers(-2, 2), min_size=1, max_size=3),
)  # fmt: skip
def test_check_space_4_matching_agrees_with_trying_all(
    levels: list[int], seeds: list[int], offsets: set[int]
) -> None:
    seeds = (seeds + [2] * 6)[: len(levels)]
    fits = any(
        all(level - seed in offsets for level, seed in zip(levels, order, strict=True))
        for order in itertools.permutations(seeds)
    )
    near = {level: [level - offset for offset in offsets] for level in levels}
    assert (unserved(levels, seeds, near) is None) is fits


def test_check_space_5_kinds() -> None:
    only = SEED.replace("adjust kind to {residual, bottleneck}", "")
    assert membership(b1="b1: bottleneck @3 <- s0, s1", space=only) == [
        "block “b1” is a bottleneck; “paper” allows residual"
    ]


def test_every_network_that_ships_is_a_member_of_its_space() -> None:
    for path in ("spinenet49", "scale_permuted_resnet"):
        assert codes(f'import "{path}.spine"\npart p {{ norm }}') == []
