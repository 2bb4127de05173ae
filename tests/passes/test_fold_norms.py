"""Folding of norms: the numbered rules of the pass. What comes out in numbers is in tests/emit/onnx."""

from __future__ import annotations

import pytest
from support import compile_model, model_text

from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.ops import Add, BatchNorm, Convolution, Operator, Shape
from spinedsl.passes.fold_norms import FoldedParameter, fold_norms
from spinedsl.specification import open_spec

SHAPE = Shape(4, 6, 6)
CONVOLUTION = Convolution(4, 4)
NORM = BatchNorm(4, 1e-3, 0.9)


def node(name: str, operator: Operator, *inputs: str, holder: str = "") -> InlinedNode:
    shapes = tuple(SHAPE for _ in inputs)
    return InlinedNode(name, holder or name, operator, inputs, shapes, SHAPE, None, "")


def program(*nodes: InlinedNode, outputs: dict[str, str] | None = None) -> Inlined:
    return Inlined(nodes, outputs or {"P0": nodes[-1].name}, {"a": nodes[-1].name})


def kinds(inlined: Inlined) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(n.name, n.operator.label, n.inputs) for n in inlined.nodes]


def test_fold_norms_1_a_norm_behind_a_convolution_goes() -> None:
    folding = fold_norms(program(node("c", CONVOLUTION, "x"), node("n", NORM, "c")))
    assert kinds(folding.inlined) == [("c", "conv", ("x",))]
    assert folding.folded == {"n": "c"}
    assert list(folding.inlined.parameters()) == ["c.weight", "c.bias"]


@pytest.mark.parametrize("body", ["deconv 2x2 / 2 -> 8, norm", "dense -> 8, norm"])
def test_fold_norms_1_every_kind_of_layer(body: str) -> None:
    task, end = ("region_masks(2)", "conv 1x1 -> 2 => masks")
    if "dense" in body:
        task, end = ("region_boxes(2)", "dense -> 2 => scores  x, dense -> 8 => boxes")
    before = f"head h(pool = 7) -> {task} {{ x = conv 3x3 -> 8, norm, {body}  x, {end} }}"
    rpn = (
        "head rpn(size = 3) head h"
        if "dense" in body
        else "head rpn(size = 3) head fast_rcnn(classes = 2) head h"
    )
    model = compile_model(model_text(rpn, before=before))
    (inlined,) = (inlined for part, inlined in model.regions if part.name == "h")
    folding = fold_norms(inlined)
    assert len(folding.folded) == 2
    axes = {o.layer: o.axis for o in folding.origins.values() if isinstance(o, FoldedParameter)}
    assert axes == {"h.conv1": 0, "h.deconv1": 1} if "deconv" in body else {"h.conv1": 0, "h.dense1": 0}
    assert not any(n.operator.label == "norm" for n in folding.inlined.nodes)


@pytest.mark.parametrize("name", ["spinenet49", "spinenet_mobile49", "r0_sp53", "bifpn", "nas_fpn"])
def test_fold_norms_1_nothing_is_left_where_every_norm_follows_a_layer(name: str) -> None:
    folding = fold_norms(open_spec(f"std:{name}").inlined)
    assert not any(n.operator.label == "norm" for n in folding.inlined.nodes)


def test_fold_norms_2_a_norm_behind_something_else_stays() -> None:
    given = program(node("s", Add(), "x", "x"), node("n", NORM, "s"))
    assert fold_norms(given).inlined == given
    left = fold_norms(open_spec("std:eff_spinenet_m0").inlined).inlined
    sources = {n.name: n.operator.label for n in left.nodes}
    assert {sources[n.inputs[0]] for n in left.nodes if n.operator.label == "norm"} == {"space_to_depth"}


def test_fold_norms_2_a_convolution_that_two_read_keeps_its_value() -> None:
    given = program(node("c", CONVOLUTION, "x"), node("n", NORM, "c"), node("s", Add(), "c", "n"))
    assert fold_norms(given).inlined == given
    left = fold_norms(open_spec("std:r50_fpn").inlined).inlined
    assert [n.name for n in left.nodes if n.operator.label == "norm"] == ["P5.norm1", "P6.norm1"]


def test_fold_norms_2_a_convolution_that_is_an_endpoint_keeps_its_value() -> None:
    nodes = node("c", CONVOLUTION, "x"), node("n", NORM, "c")
    given = program(*nodes, outputs={"P0": "c", "P1": "n"})
    assert fold_norms(given).inlined == given


def test_fold_norms_3_readers_and_endpoints_follow() -> None:
    folding = fold_norms(
        program(
            node("c", CONVOLUTION, "x"),
            node("n", NORM, "c"),
            node("s", Add(), "n", "x"),
            outputs={"P0": "n", "P1": "s"},
        )
    )
    assert kinds(folding.inlined)[-1] == ("s", "add", ("c", "x"))
    assert folding.inlined.outputs == {"P0": "c", "P1": "s"}
    other = program(node("c", CONVOLUTION, "x"), node("n", NORM, "c"))
    assert fold_norms(other).inlined.values == {"a": "c"}


def shared(*norms: str) -> Inlined:
    """One convolution used on several levels, with a norm of this holder on each; "" for none."""
    nodes = []
    for level, norm in enumerate(norms):
        nodes.append(node(f"h.P{level}.c", CONVOLUTION, "x", holder="h.c"))
        if norm:
            nodes.append(node(f"h.P{level}.n", NORM, f"h.P{level}.c", holder=norm))
    return program(*nodes, outputs={f"o{i}": f"h.P{i}.{'n' if n else 'c'}" for i, n in enumerate(norms)})


def test_fold_norms_4_a_copy_for_every_norm() -> None:
    folding = fold_norms(shared("h.n.P0", "h.n.P1"))
    assert list(folding.inlined.parameters()) == [
        "h.P0.c.weight",
        "h.P0.c.bias",
        "h.P1.c.weight",
        "h.P1.c.bias",
    ]
    origins = [folding.origins[f"h.P{level}.c.weight"] for level in range(2)]
    assert [o.needs for o in origins if isinstance(o, FoldedParameter)] == [
        ("h.c.weight", "h.n.P0.weight", "h.n.P0.running_var"),
        ("h.c.weight", "h.n.P1.weight", "h.n.P1.running_var"),
    ]


def test_fold_norms_4_what_shares_both_shares_the_copy() -> None:
    folding = fold_norms(shared("h.n", "h.n"))
    assert list(folding.inlined.parameters()) == ["h.P0.c.weight", "h.P0.c.bias"]
    assert [n.holder for n in folding.inlined.nodes] == ["h.P0.c", "h.P0.c"]


def test_fold_norms_4_a_use_without_norm_keeps_its_name() -> None:
    folding = fold_norms(shared("h.n", ""))
    assert folding.origins["h.c.weight"] == "h.c.weight"
    assert [n.holder for n in folding.inlined.nodes] == ["h.P0.c", "h.c"]


def test_fold_norms_4_no_two_parameters_get_one_name() -> None:
    plain = node("c", CONVOLUTION, "x", holder="d")
    given = program(plain, node("n", NORM, "c"), node("e", CONVOLUTION, "n", holder="c"))
    folding = fold_norms(given)
    assert [n.holder for n in folding.inlined.nodes] == ["c.folded", "c"]
    assert folding.origins["c.weight"] == "c.weight"


def test_fold_norms_4_heads_with_norms_per_level() -> None:
    inlined = compile_model(model_text("head retinanet(classes = 2, width = 8, depth = 2)")).inlined
    parameters = fold_norms(inlined).inlined.parameters()
    names = [n for n in parameters if n.startswith("retinanet.scores") and n.endswith("weight")]
    assert names == [
        "retinanet.scores.P3.conv1.weight",
        "retinanet.scores.P3.conv2.weight",
        "retinanet.scores.conv3.weight",
        "retinanet.scores.P4.conv1.weight",
        "retinanet.scores.P4.conv2.weight",
    ]


@pytest.mark.parametrize("name", ["spinenet49", "eff_spinenet_m0", "r50_fpn", "bifpn"])
def test_fold_norms_5_every_parameter_has_an_origin_in_running_order(name: str) -> None:
    before = open_spec(f"std:{name}").inlined
    folding = fold_norms(before)
    assert list(folding.origins) == list(folding.inlined.parameters())
    needed = {
        name
        for origin in folding.origins.values()
        for name in (origin.needs if isinstance(origin, FoldedParameter) else (origin,))
    }
    assert needed == set(before.parameters())


def test_nothing_to_fold_comes_back_equal() -> None:
    given = program(node("c", CONVOLUTION, "x"), node("s", Add(), "c", "x"))
    folding = fold_norms(given)
    assert folding.inlined == given
    assert folding.origins == {"c.weight": "c.weight"}
    assert folding.folded == {}
