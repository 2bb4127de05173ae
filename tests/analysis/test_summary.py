"""Parameters, multiply-adds and memory against counts by hand, and expectations."""

from __future__ import annotations

import pytest
from support import codes, compile_text, compile_tiny, network_text, problems

from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import summarise
from spinedsl.specification import open_spec

STEM = "stem { conv 3x3 / 4 -> 8  s0: residual @2 }"
BLOCKS = "a: residual @2 repeat 2 <- s0  b: bottleneck @3 width 4 <- a, s0 => P3  endpoints -> 5"


def test_counts_by_hand() -> None:
    summary = summarise(compile_tiny(BLOCKS, stem=STEM))
    rows = {row.name: row for row in summary.rows}
    assert list(rows) == ["stem", "s0", "a", "b", "P3"]

    conv = 3 * 3 * 3 * 8
    assert (rows["stem"].parameters, rows["stem"].macs) == (conv, conv * 16 * 16)

    # Two 3x3 convolutions of 8 channels, each with a norm's scale and offset.
    residual = 2 * (3 * 3 * 8 * 8 + 2 * 8)
    assert rows["s0"].parameters == residual
    assert rows["s0"].macs == 2 * 3 * 3 * 8 * 8 * 16 * 16

    # An arrow on one level: 1x1 to half the base width, 1x1 back, a norm each; two copies.
    arrow = 8 * 4 + 8 + 4 * 8 + 16
    assert rows["a"].parameters == arrow + 2 * residual
    assert rows["a"].macs == (8 * 4 + 4 * 8 + 4 * 3 * 3 * 8 * 8) * 16 * 16

    # Arrows down: 1x1 to 4, a strided 3x3, 1x1 to 16. The bottleneck: 16 to 4, 3x3, to 16.
    down = 8 * 4 + 8 + 3 * 3 * 4 * 4 + 8 + 4 * 16 + 32
    assert rows["b"].parameters == 2 * down + 16 * 4 + 8 + 9 * 16 + 8 + 4 * 16 + 32
    assert rows["b"].inputs == ("a", "s0")

    assert rows["P3"].parameters == 16 * 5 + 10
    assert rows["P3"].macs == 16 * 5 * 8 * 8
    assert (rows["P3"].shape, rows["P3"].level, rows["P3"].inputs) == ((5, 8, 8), 3, ("b",))

    assert summary.parameters == sum(row.parameters for row in summary.rows)
    norms = sum(
        n.shape.channels for n in compile_tiny(BLOCKS, stem=STEM).inlined.nodes if n.operator.label == "norm"
    )
    assert summary.untrained == 2 * norms


def test_activation_memory_is_four_bytes_a_result() -> None:
    tiny = compile_tiny(BLOCKS, stem=STEM)
    assert summarise(tiny).activation_bytes == sum(4 * n.shape.elements for n in tiny.inlined.nodes)


def test_shared_parameters_count_once() -> None:
    tiny = compile_tiny(BLOCKS, stem=STEM)
    trained = sum(p.elements for p in tiny.inlined.parameters().values() if p.trainable)
    assert summarise(tiny).parameters == trained


def test_dangling_blocks_stand_with_a_plus() -> None:
    summary = summarise(open_spec("std:spinenet49"))
    inputs = {row.name: row.inputs for row in summary.rows}
    assert inputs["b14"] == ("b7", "b12", "+b11")
    assert inputs["s1"] == ("s0",)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("spinenet49", 21_831_488), ("spinenet49s", 9_089_215), ("spinenet143", 60_247_616)],
)
def test_published_counts(name: str, parameters: int) -> None:
    assert summarise(open_spec(f"std:{name}")).parameters == parameters


def test_another_size_changes_multiply_adds_only() -> None:
    tiny = compile_tiny(BLOCKS, stem=STEM)
    small, large = summarise(tiny), summarise(tiny.resized(128, 64))
    assert (large.parameters, large.macs) == (small.parameters, 2 * small.macs)
    assert large.input_shapes == {"image": (3, 128, 64)}


def test_rows_without_operators_have_the_shape_of_their_input() -> None:
    """Endpoints without a rule, joins of one block: in every part of a model, as in a network."""
    rows = summarise(open_spec("std:r50_nas_fpn_retinanet")).rows
    shapes = {row.name: tuple(row.shape) for row in rows}
    assert shapes["C3"] == (512, 80, 80)
    assert all(min(shape) for shape in shapes.values())
    for row in [row for row in rows if row.kind == "endpoint" and not row.parameters]:
        part, dot, _ = row.name.rpartition(".")
        assert tuple(row.shape) == shapes[f"{part}{dot}{row.inputs[0]}"], row.name


def test_json_has_the_totals() -> None:
    summary = summarise(compile_tiny(BLOCKS, stem=STEM))
    document = summary.as_json()
    assert document["totals"] == {
        "parameters": summary.parameters,
        "untrained": summary.untrained,
        "macs": summary.macs,
        "activation_bytes": summary.activation_bytes,
    }
    assert [row["name"] for row in document["rows"]] == ["stem", "s0", "a", "b", "P3"]


# ---- expectations


def expecting(*lines: str) -> str:
    return network_text(
        "a: residual @2 <- s0 => P2", declarations="\n".join(f"expect {line}" for line in lines)
    )


def test_expectations_that_hold() -> None:
    summary = summarise(compile_tiny("a: residual @2 <- s0 => P2"))
    text = expecting(
        f"params = {summary.parameters}",
        f"params = {summary.parameters + 1} within 1%",
        f"macs = {summary.macs}",
        f"macs(64) = {summary.macs}",
        f"macs(64, 128) = {2 * summary.macs}",
        f"macs(128) = {4 * summary.macs}",
        "output(P2) = 8 x 16 x 16",
    )
    diagnostics, count = check(compile_text(text))
    assert (diagnostics, count) == ([], 7)


@pytest.mark.parametrize(
    ("percent", "holds"), [("0.99%", False), ("0.995%", False), ("1%", True), ("1.01%", True)]
)
def test_tolerance_is_relative_to_what_is_expected(percent: str, holds: bool) -> None:
    parameters = summarise(compile_tiny("a: residual @2 <- s0 => P2")).parameters
    assert parameters % 101 != 0
    text = expecting(f"params = {parameters} / 1.01 within {percent}")
    assert (codes(text) == []) is holds


def test_a_failed_expectation_shows_expected_actual_and_difference() -> None:
    (found,) = problems(expecting("params = 2_000 within 1%"))
    assert found.code == "SP040"
    assert (
        found.message == "params of “tiny”: expected 2,000, is 2,688, difference +688 (+34.400%, allowed ±1%)"
    )


def test_overrides_drop_expectations() -> None:
    text = expecting("params = 1")
    assert check(compile_text(text))[1] == 1
    assert check(compile_text(text, repeat="2"))[1] == 0


def test_variants_do_not_inherit_expectations() -> None:
    text = expecting("params = 1") + "network other extends tiny { repeat 2 }"
    assert compile_text(text).network.expectations == ()
