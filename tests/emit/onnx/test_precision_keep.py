"""What `--keep` means: names of blocks, layers and arrows, with wildcards."""

from __future__ import annotations

import pytest
from onnx_support import small

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx.precision_keep import kept_operators, nodes_of
from spinedsl.onnx_target import OnnxRequest, graph
from spinedsl.specification import open_spec

NARROW = {"scale.width": "0.125", "input": "3 x 128 x 128"}


def kept(*patterns, name="std:spinenet49"):
    return kept_operators(patterns, [small(name).inlined])


def test_a_block_is_all_that_is_in_it():
    found = kept("b2")
    assert {"b2.conv1", "b2.norm1", "b2.act3", "b2.add1"} <= found
    assert all(name.startswith("b2.") for name in found)


def test_a_layer_is_itself():
    assert kept("b2.conv1") == {"b2.conv1"}


def test_an_arrow_and_a_merge_have_names_too():
    assert {name.partition(".")[0] for name in kept("s0_to_b2")} == {"s0_to_b2"}
    assert kept("b2_add1") == {"b2_add1"}


def test_wildcards_mean_what_they_mean_in_a_shell():
    assert {name.partition(".")[0] for name in kept("s?_to_b3")} == {"s0_to_b3", "s1_to_b3"}
    assert {name.partition(".")[0] for name in kept("b1[01]")} == {"b10", "b11"}
    assert kept("b2.conv*") == {"b2.conv1", "b2.conv2", "b2.conv3"}
    assert kept("*") == {node.name for node in small("std:spinenet49").inlined.nodes}


def test_patterns_add_up():
    assert kept("b2", "b3") == kept("b2") | kept("b3")
    assert kept() == frozenset()


def test_a_layer_that_levels_share_is_meant_on_all_of_them():
    inlined = open_spec("std:spinenet49_retinanet", NARROW).inlined
    assert kept_operators(["retinanet.scores.conv5"], [inlined]) == {
        f"retinanet.scores.P{level}.conv5" for level in range(3, 8)
    }
    assert kept_operators(["retinanet.scores.P3.conv5"], [inlined]) == {"retinanet.scores.P3.conv5"}


def test_heads_on_regions_have_names_too():
    compilation = open_spec("std:spinenet49_mask_rcnn", NARROW)
    programs = [compilation.inlined, *(inlined for _, inlined in compilation.regions)]
    assert "fast_rcnn.conv1" in kept_operators(["fast_rcnn"], programs)


def test_unknown_names_are_all_reported_with_the_nearest():
    with pytest.raises(DiagnosticError) as caught:
        kept("b2.conv9", "b2", "stm", "something else entirely")
    found = [(d.code, d.message, d.help) for d in caught.value.diagnostics]
    assert found == [
        ("SP020", "nothing is called “b2.conv9”, so it can't be kept in float32", "did you mean “b2.conv3”?"),
        ("SP020", "nothing is called “stm”, so it can't be kept in float32", "did you mean “stem”?"),
        (
            "SP020",
            "nothing is called “something else entirely”, so it can't be kept in float32",
            "`spinec show SPEC --stage graph` lists the names of blocks and layers",
        ),
    ]


@pytest.mark.parametrize("pattern", ["[", "**", "a" * 5000, "b2.", ".b2", "", "(?P<x>"])
def test_strange_patterns_match_or_are_unknown(pattern):
    try:
        assert kept(pattern)
    except DiagnosticError as error:
        assert [d.code for d in error.diagnostics] == ["SP020"]


def test_nodes_are_those_that_an_operator_became():
    compilation = small("std:bifpn")
    model = graph(compilation, OnnxRequest())
    operators = {node.name for node in compilation.inlined.nodes}
    fusion = next(name for name in operators if name.endswith("fusion1"))
    found = nodes_of(frozenset({fusion}), model.nodes.node)
    assert {fusion, f"{fusion}.relu", f"{fusion}.term0"} <= found
    assert all(name == fusion or name.startswith(f"{fusion}.") for name in found)
