"""What changed between two networks: every kind of change, and only what changed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support import compile_text, model_text, network_text

from spinedsl.comparison.changes import KINDS, Change
from spinedsl.comparison.difference import Difference, compare
from spinedsl.ir.loading import load
from spinedsl.pipeline import AnyCompilation
from spinedsl.source import Source
from spinedsl.specification import compilation_of

BLOCKS = """a: residual @2 <- s0
  b: residual @3 <- s0, a
  c: bottleneck @3 <- a, b
  d: residual @4 <- b, c => P4
  e: residual @2 <- a, d => P2
  endpoints -> 8"""
SETTINGS = "resample cross_scale(alpha = 0.5)"


def text(*edits: tuple[str, str]) -> str:
    """The network, with pieces of its text replaced."""
    result = network_text(BLOCKS, declarations=SETTINGS)
    for old, new in edits:
        assert result.count(old) == 1, old
        result = result.replace(old, new)
    return result


def difference(before: str, after: str) -> Difference:
    return compare(compile_text(before), compile_text(after))


def found(changes: tuple[Change, ...]) -> list[tuple[str | None, ...]]:
    return [(change.kind, change.name, change.before, change.after) for change in changes]


# ---- networks

CASES: dict[str, tuple[list[tuple[str, str]], list[tuple[str | None, ...]]]] = {
    "level": ([("c: bottleneck @3", "c: bottleneck @4")], [("block-level", "c", "@3", "@4")]),
    "kind": ([("c: bottleneck", "c: residual")], [("block-kind", "c", "bottleneck", "residual")]),
    "arguments": (
        [("c: bottleneck", "c: bottleneck(dilation = 2)")],
        [("block-kind", "c", "bottleneck", "bottleneck(dilation = 2)")],
    ),
    "width": ([("c: bottleneck @3", "c: bottleneck @3 width 9")], [("block-width", "c", "of its level", "9")]),
    "repeat": ([("c: bottleneck @3", "c: bottleneck @3 repeat 2")], [("block-repeat", "c", "1", "2")]),
    "merge": (
        [("c: bottleneck @3", "c: bottleneck @3 merge weighted")],
        [("block-merge", "c", "of the network", "weighted")],
    ),
    "endpoint": (
        [("<- a, b\n", "<- a, b => P3\n"), ("<- b, c => P4", "<- b, c")],
        [("block-endpoint", "c", None, "P3"), ("block-endpoint", "d", "P4", None)],
    ),
    "edge added": ([("c: bottleneck @3 <- a, b", "c: bottleneck @3 <- a, b, s0")], [("edge-added", "c", None, "s0")]),
    "edge removed": ([("<- a, b\n", "<- b\n")], [("edge-removed", "c", "a", None)]),
    "edge re-routed": ([("<- a, b\n", "<- s0, b\n")], [("edge-rerouted", "c", "a", "s0")]),
    "edge by a rule": (
        [("<- a, b\n", "<- a via pool_scale, b\n")],
        [("edge-rule", "c", "a", "a via pool_scale")],
    ),
    "edges in another order": ([("<- a, b\n", "<- b, a\n")], [("edge-order", "c", "a, b", "b, a")]),
    "an edge twice": ([("<- a, b\n", "<- a, a, b\n")], [("edge-added", "c", None, "a")]),
    "added": (
        [("e: residual @2 <- a, d", "x: residual @3 <- c\n  e: residual @2 <- a, d, x")],
        [("block-added", "x", None, "residual @3 <- c"), ("edge-added", "e", None, "x")],
    ),
    "removed": (
        [("  c: bottleneck @3 <- a, b\n", ""), ("<- b, c => P4", "<- b => P4")],
        [("block-removed", "c", "bottleneck @3 <- a, b", None), ("edge-removed", "d", "c", None)],
    ),
    "renamed": (
        [("c: bottleneck", "see: bottleneck"), ("<- b, c => P4", "<- b, see => P4")],
        [("block-renamed", "see", "c", "see")],
    ),
    "renamed and re-routed": (
        [("c: bottleneck @3 <- a, b", "see: bottleneck @3 <- b, s0"), ("<- b, c => P4", "<- b, see => P4")],
        [("block-renamed", "see", "c", "see"), ("edge-rerouted", "see", "a", "s0")],
    ),
    "moved": (
        [("  e: residual @2 <- a, d => P2\n", ""), ("  b: residual @3", "  e: residual @2 <- a => P2\n  b: residual @3")],
        [("block-moved", "e", "d", "a"), ("edge-removed", "e", "d", None)],
    ),
    "a stem block": ([("s0: residual @2 }", "s0: residual @2 width 9 }")], [("block-width", "s0", "of its level", "9")]),
    "a stem block more": (
        [("s0: residual @2 }", "s0: residual @2  s1: residual @2 }"), ("a: residual @2 <- s0", "a: residual @2 <- s1")],
        [("block-added", "s1", None, "residual @2"), ("edge-rerouted", "a", "s0", "s1")],
    ),
    "operators of the stem": (
        [("maxpool 3x3 / 2", "avgpool 3x3 / 2")],
        [("stem", "", "conv 3x3 / 2 -> 8, norm, act, maxpool 3x3 / 2", "conv 3x3 / 2 -> 8, norm, act, avgpool 3x3 / 2")],
    ),
    "a setting": (
        [("alpha = 0.5", "alpha = 1")],
        [("setting", "resample", "cross_scale(alpha = 0.5)", "cross_scale(alpha = 1)")],
    ),
    "a default": (
        [("resample cross", "default bottleneck(dilation = 2)  resample cross")],
        [("setting", "default bottleneck", None, "bottleneck(dilation = 2)")],
    ),
    "widths": ([("width { 2..5: 8 }", "width { 2: 8, 3: 12, 4: 8 }")], [("width", "3", "8", "12"), ("width", "5", "8", None)]),
    "input": ([("input 3 x 64 x 64", "input 1 x 32 x 64")], [("input", "", "3 x 64 x 64", "1 x 32 x 64")]),
    "endpoints": ([("endpoints -> 8", "endpoints -> 4")], [("endpoints", "", "via endpoint -> 8", "via endpoint -> 4")]),
    "title": ([("resample cross", 'title "T"  resample cross')], [("title", "", None, "T")]),
    "an expectation": (
        [("resample cross", "expect params = 1  resample cross")],
        [("expectation", "params", None, "1")],
    ),
    "an unread block": (
        [("  d: residual", "  u: residual @4 <- c\n  d: residual")],
        [("block-added", "u", None, "residual @4 <- c"), ("unread-added", "d", None, "u")],
    ),
    "an unread block that nothing merges": (
        [("  d: residual", "  u: residual @5 <- c\n  d: residual")],
        [("block-added", "u", None, "residual @5 <- c"), ("pruned-added", "u", None, None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "expected"), CASES.values(), ids=CASES)
def test_a_change_is_named_and_no_other(
    edits: list[tuple[str, str]], expected: list[tuple[str | None, ...]]
) -> None:
    assert found(difference(text(), text(*edits)).changes) == expected


BACK = {"added": "removed", "removed": "added"}


@pytest.mark.parametrize("edits", [edits for edits, _ in CASES.values()], ids=CASES)
def test_the_way_back_has_as_many_changes(edits: list[tuple[str, str]]) -> None:
    there, back = difference(text(), text(*edits)), difference(text(*edits), text())
    kinds = [change.kind.split("-") for change in there.changes if not change.kind.startswith("pruned")]
    opposite = ["-".join([*kind[:-1], BACK.get(kind[-1], kind[-1])]) for kind in kinds]
    assert sorted(change.kind for change in back.changes) == sorted(opposite)
    assert there.before == back.after and there.after == back.before


def test_every_kind_of_change_of_a_network_is_in_the_cases() -> None:
    seen = {kind for _, expected in CASES.values() for kind, *_ in expected}
    elsewhere = {kind for kind in KINDS if kind.startswith(("neck", "head"))}
    elsewhere |= {"declared", "definition", "published", "space", "unread-removed", "pruned-removed"}
    assert seen | elsewhere == set(KINDS)


@pytest.mark.parametrize(
    "edit",
    [
        ("a: residual @2", "# a remark\n\n  a:    residual   @2"),
        ("network tiny", "# Documentation.\nnetwork tiny"),
        ("width { 2..5: 8 }", "width { 2: 8, 3: 8, 4: 8, 5: 8 }"),
        ("alpha = 0.5", "alpha = 1 / 2"),
        ("network tiny", "network other"),
    ],
)
def test_what_means_the_same_is_no_change(edit: tuple[str, str]) -> None:
    assert difference(text(), text(edit)).changes == ()


def test_blocks_that_were_numbered_anew_are_renamed() -> None:
    kinds = ["residual @2", "bottleneck @3", "residual @4", "bottleneck @2", "residual @3", "bottleneck @4"]
    before = [f"b{i}: {kind} <- {f'b{i - 1}' if i else 's0'}" for i, kind in enumerate(kinds)]
    after = [before[0], "b1: residual @5 <- b0", f"b2: {kinds[1]} <- b0"]
    after += [f"b{i + 1}: {kind} <- b{i}" for i, kind in enumerate(kinds) if i > 1]
    ends = ("end: residual @2 <- b5 => P2", "end: residual @2 <- b6, b1 => P2")
    texts = [network_text("\n".join([*lines, end])) for lines, end in zip((before, after), ends, strict=True)]
    assert found(difference(*texts).changes) == [
        ("block-added", "b1", None, "residual @5 <- b0"),
        *(("block-renamed", f"b{i + 1}", f"b{i}", f"b{i + 1}") for i in range(1, 6)),
        ("edge-added", "end", None, "b1"),
    ]


def test_a_definition_that_changed_is_named_and_costs() -> None:
    part = "block thin(width) -> width {{ conv {} / stride -> width, norm, act }}\n"
    blocks = "a: thin @2 <- s0 => P2"
    before, after = (network_text(blocks, before=part.format(kernel)) for kernel in ("3x3", "5x5"))
    result = difference(before, after)
    assert [(c.kind, c.name, c.sentence()) for c in result.changes] == [
        ("definition", "thin", "definition of thin: changed")
    ]
    assert [cost.name for cost in result.costs if cost.changed] == ["a"]
    assert result.after.parameters - result.before.parameters == 8 * 8 * (25 - 9)


# ---- costs


def test_totals_and_blocks_add_up() -> None:
    result = difference(
        text(), text(("c: bottleneck @3", "c: residual @4"), ("endpoints -> 8", "endpoints -> 4"))
    )
    for measure in ("parameters", "macs", "activation_bytes"):
        whole = getattr(result.after, measure) - getattr(result.before, measure)
        assert sum(cost.delta(measure) for cost in result.costs) == whole != 0
    changed = [cost.name for cost in result.costs if cost.changed]
    assert changed == ["c", "d", "P2", "P4"]
    assert [(c.before.shape.channels, c.after.shape.channels) for c in result.costs if c.before and c.after and c.name == "P2"] == [(8, 4)]  # fmt: skip


def test_a_renamed_block_is_compared_with_itself() -> None:
    result = difference(
        text(), text(("c: bottleneck", "see: bottleneck"), ("<- b, c => P4", "<- b, see => P4"))
    )
    assert [cost.name for cost in result.costs if cost.changed] == []
    assert [cost.before.name for cost in result.costs if cost.before and cost.name == "see"] == ["c"]


def test_gone_blocks_cost_less_and_new_ones_more() -> None:
    smaller = text(("  c: bottleneck @3 <- a, b\n", ""), ("<- b, c => P4", "<- b => P4"))
    costs = {cost.name: cost for cost in difference(text(), smaller).costs}
    assert costs["c"].after is None and costs["c"].delta("parameters") < 0
    costs = {cost.name: cost for cost in difference(smaller, text()).costs}
    assert costs["c"].before is None and costs["c"].delta("parameters") > 0


def test_json_has_the_same_facts() -> None:
    result = difference(text(), text(("c: bottleneck @3", "c: bottleneck @4")))
    shown = json.loads(json.dumps(result.as_json()))
    assert shown["changes"] == [
        {"kind": "block-level", "name": "c", "before": "@3", "after": "@4", "part": ""}
    ]
    assert shown["totals"]["parameters"]["delta"] == result.after.parameters - result.before.parameters
    assert {block["name"] for block in shown["blocks"]} == {
        cost.name for cost in result.costs if cost.changed
    }


# ---- models

NECK = "network thin { input of 64 x 64 { c3 @3 -> 8  c4 @4 -> 8 } width { 3..4: 8 } n: residual @3 <- c3 => P3  m: residual @4 <- n, c4 => P4 }"
HEAD = "head retinanet(classes = 3, depth = 1)"


def model(body: str = HEAD, **options: str) -> AnyCompilation:
    scope = load(Source("test.spine", model_text(body, **options)))
    return compilation_of(scope, scope.compiled()[-1])


MODELS: dict[str, tuple[Callable[[], AnyCompilation], list[tuple[str | None, ...]]]] = {
    "arguments of a head": (
        lambda: model("head retinanet(classes = 4, depth = 1)"),
        [("head", "", "retinanet", "retinanet(classes = 3, depth = 1)", "retinanet(classes = 4, depth = 1)")],
    ),
    "another head": (
        lambda: model("head classifier(classes = 3)"),
        [
            ("head-removed", "", "retinanet", "retinanet(classes = 3, depth = 1)", None),
            ("head-added", "", "classifier", None, "classifier(classes = 3)"),
        ],
    ),
    "pixels": (lambda: model(f"{HEAD} pixels unit"), [("setting", "", "pixels", "imagenet", "unit")]),
    "the backbone": (
        lambda: model(blocks="a: bottleneck @3 <- s0 => P3  b: residual @4 <- a => P4  endpoints -> 8"),
        [
            ("endpoints", "backbone", "", None, "via endpoint -> 8"),
            ("block-kind", "backbone", "a", "residual", "bottleneck"),
        ],
    ),
    "a neck": (
        lambda: model(f"neck thin {HEAD}", before=NECK),
        [("neck-added", "", "", None, "thin")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("other", "expected"), MODELS.values(), ids=MODELS)
def test_models_are_compared_part_by_part(
    other: Callable[[], AnyCompilation], expected: list[tuple[str | None, ...]]
) -> None:
    result = compare(model(), other())
    assert [(c.kind, c.part, c.name, c.before, c.after) for c in result.changes] == expected
    whole = result.after.parameters - result.before.parameters
    assert sum(cost.delta("parameters") for cost in result.costs) == whole


def test_a_head_called_like_a_block_has_its_own_costs() -> None:
    blocks = "retinanet: residual @3 <- s0 => P3  b: residual @4 <- retinanet => P4"
    options = {"blocks": blocks}
    result = compare(model(**options), model("head retinanet(classes = 4, depth = 1)", **options))
    assert [
        (cost.name, cost.before is None, cost.after is None) for cost in result.costs if cost.changed
    ] == [("retinanet", False, False)]
    [head] = [cost for cost in result.costs if cost.changed]
    assert head.before is not None and head.before.kind == "head"


def test_a_network_that_became_a_model_is_said_to_have() -> None:
    result = compare(compile_text(text()), model())
    assert [(c.kind, c.before, c.after) for c in result.changes] == [("declared", "network", "model")]
