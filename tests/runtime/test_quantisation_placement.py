"""Where Q/DQ pairs stand: the numbered rules, on graphs of single cases and on whole networks."""

from __future__ import annotations

import collections

import onnx
import pytest
from onnx import NodeProto, helper
from quantisation_support import SMALL, built, images, proto_of

from spinedsl.emit.precisions import PLACEMENTS
from spinedsl.runtime.quantisation_placement import Pairs, place, view


def node(kind: str, inputs: str, output: str, name: str = "", **attributes) -> NodeProto:
    return helper.make_node(kind, inputs.split(), [output], name=name or output, **attributes)


def pairs(placement, *nodes: NodeProto, outputs: str = "", kept: str = "") -> Pairs:
    """Of a graph that reads x; capitals are weights."""
    weights = {name for n in nodes for name in n.input if name.isupper()}
    return place(view(nodes, weights, outputs.split()), placement, frozenset(kept.split()))


CONV = node("Conv", "x W", "c")


# ---- ONNX Runtime


def test_placement_1_integer_kernels_read_and_make_quantised_values() -> None:
    found = pairs("onnxruntime", CONV, node("Add", "c x", "a"), outputs="a")
    assert found == Pairs(("c",), {"x": None, "c": None, "a": None}, frozenset())


def test_placement_1_other_kernels_dont() -> None:
    found = pairs(
        "onnxruntime", CONV, node("HardSwish", "c", "h"), node("ConvTranspose", "h V", "t"), outputs="t"
    )
    assert found == Pairs(("c",), {"x": None, "c": None}, frozenset())


def test_placement_1_a_product_with_a_share_is_no_integer_kernel() -> None:
    share = node("Relu", "S", "s")
    found = pairs("onnxruntime", share, node("Mul", "x s", "m"), node("Add", "m x", "a"), outputs="a")
    assert found.values == {"m": None, "x": None, "a": None}


def test_placement_2_an_activation_takes_the_place_of_what_it_reads() -> None:
    found = pairs("onnxruntime", CONV, node("Relu", "c", "r"), outputs="r")
    assert found.values == {"x": None, "r": None}
    clipped = pairs("onnxruntime", CONV, node("Clip", "c L H", "r"), outputs="r")
    assert clipped.values == {"x": None, "r": None}


def test_placement_2_unless_somebody_else_reads_it() -> None:
    both = pairs("onnxruntime", CONV, node("Relu", "c", "r"), node("Add", "c r", "a"), outputs="a")
    assert set(both.values) == {"x", "c", "r", "a"}
    output = pairs("onnxruntime", CONV, node("Relu", "c", "r"), outputs="c r")
    assert set(output.values) == {"x", "c"}


def test_placement_3_what_moves_numbers_shares_its_pair() -> None:
    nearest = node("Resize", "c  S", "u", mode="nearest")
    found = pairs("onnxruntime", CONV, node("MaxPool", "c", "m"), nearest, outputs="m u")
    assert found.values == {"x": None, "c": None, "m": ("c", "m"), "u": ("c", "u")}
    linear = node("Resize", "c  S", "u", mode="linear")
    assert pairs("onnxruntime", CONV, linear, outputs="u").values["u"] is None


# ---- TensorRT


def test_placement_4_layers_read_quantised_values() -> None:
    dense = node("Gemm", "t V B", "d")
    found = pairs("tensorrt", CONV, node("ConvTranspose", "c T", "t"), dense, outputs="d")
    assert found == Pairs(("c", "t", "d"), {"x": None, "c": None, "t": None}, frozenset())


@pytest.mark.parametrize(("read", "chosen", "other"), [("c x", "x", 0), ("x c", "x", 1)])
def test_placement_4_the_residual_input_of_an_addition(read: str, chosen: str, other: int) -> None:
    found = pairs("tensorrt", CONV, node("Add", read, "a"), outputs="a")
    assert set(found.values) == {"x", chosen}
    assert found.floats == {("a", other)}


def test_placement_4_the_first_of_two_that_layers_made() -> None:
    found = pairs("tensorrt", CONV, node("Conv", "x V", "d"), node("Add", "c d", "a"), outputs="a")
    assert set(found.values) == {"x", "c"}
    assert found.floats == {("a", 1)}


def test_placement_4_the_first_of_two_that_no_layer_made() -> None:
    nodes = CONV, node("Relu", "c", "r"), node("Sigmoid", "c", "s"), node("Add", "r s", "a")
    found = pairs("tensorrt", *nodes, outputs="a")
    assert set(found.values) == {"x", "r"}
    assert found.floats == {("a", 1)}


def test_placement_5_the_rest_stays_float() -> None:
    found = pairs("tensorrt", CONV, node("Mul", "c x", "m"), node("MaxPool", "m", "p"), outputs="p c")
    assert found == Pairs(("c",), {"x": None}, frozenset())


# ---- both


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_placement_6_what_is_computed_from_weights_alone(placement) -> None:
    nodes = node("Relu", "S", "s"), node("Add", "s E", "t"), node("Conv", "t W", "c")
    assert pairs(placement, *nodes, outputs="c") == Pairs((), {}, frozenset())


def test_placement_6_kept_nodes() -> None:
    nodes = CONV, node("Relu", "c", "r"), node("Conv", "r V", "d"), node("Add", "d x", "a")
    ours = pairs("onnxruntime", *nodes, outputs="a", kept="d a")
    assert ours == Pairs(("c",), {"x": None, "r": None}, frozenset())
    theirs = pairs("tensorrt", *nodes, outputs="a", kept="d a")
    assert theirs.layers == ("c",)
    assert set(theirs.values) == {"x"}
    assert theirs.floats == {("d", 0), ("d", 1), ("a", 0), ("a", 1)}


def test_placement_6_a_kept_activation_reads_what_is_before_it() -> None:
    found = pairs("onnxruntime", CONV, node("Relu", "c", "r"), outputs="r", kept="r")
    assert set(found.values) == {"x", "c"}


def test_a_pipeline_is_outside() -> None:
    nodes = (
        node("Mul", "x N", "image", "before/scale"),
        node("Conv", "image W", "c"),
        node("Relu", "c", "p", "p/relu"),
    )
    found = pairs("onnxruntime", *nodes, outputs="p")
    assert found == Pairs(("c",), {"image": None, "c": None}, frozenset())


def test_heads_behind_a_pipeline_are_known() -> None:
    nodes = (
        CONV,
        node("RoiAlign", "c x", "cut", "cut/align"),
        node("Conv", "cut V", "d"),
        node("Conv", "c U", "e"),
    )
    found = view(nodes, {"W", "V", "U"}, ["d", "e"])
    assert found.behind == {"d"}
    assert found.ends == ["c", "d", "e"]


# ---- whole networks


def sources(proto: onnx.ModelProto) -> dict[str, NodeProto]:
    return {output: node for node in proto.graph.node for output in node.output}


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    return images(tmp_path_factory.mktemp("calibration") / "images", 2)


@pytest.mark.parametrize("name", [*SMALL, "detector", "classifier", "semantic"])
def test_for_tensorrt_every_addition_reads_one_quantised_value(name: str, folder) -> None:
    proto = proto_of(built(name, folder, placement="tensorrt"))
    made = sources(proto)
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    kinds = collections.Counter()
    for node in proto.graph.node:
        read = [made[value].op_type if value in made else "" for value in node.input]
        if node.op_type == "Add":
            kinds["Add"] += 1
            assert read.count("DequantizeLinear") == 1, node.name
        if node.op_type in ("Conv", "Gemm", "ConvTranspose"):
            kinds["layer"] += 1
            assert read[:2] == ["DequantizeLinear", "DequantizeLinear"], node.name
            assert node.input[2] in weights and weights[node.input[2]].dtype == "float32"
            scales = weights[made[node.input[1]].input[1]]
            assert scales.shape == weights[node.input[2]].shape
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            kinds["pair"] += 1
            assert (weights[node.input[2]] == 0).all() and weights[node.input[2]].dtype == "int8"
        if node.op_type == "QuantizeLinear":
            reader = [n for n in proto.graph.node if node.output[0] in n.input]
            assert [n.op_type for n in reader] == ["DequantizeLinear"]
    assert kinds["Add"] and kinds["layer"] and kinds["pair"]


def optimised(proto: onnx.ModelProto, path) -> collections.Counter:
    """What onnxruntime really runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return collections.Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.mark.parametrize("name", ["std:spinenet49", "detector"])
def test_for_onnxruntime_nothing_is_computed_in_float(name: str, folder, tmp_path) -> None:
    proto = proto_of(built(name, folder))
    layers = sum(node.op_type == "Conv" for node in proto.graph.node)
    kinds = optimised(proto, tmp_path / "optimised.onnx")
    assert kinds["QLinearConv"] == layers
    assert kinds["QLinearAdd"] == sum(node.op_type == "Add" for node in proto.graph.node)
    edges = len(proto.graph.input), len(proto.graph.output)
    assert (kinds["QuantizeLinear"], kinds["DequantizeLinear"]) == edges
    assert not kinds["Conv"] + kinds["FusedConv"] + kinds["Add"] + kinds["Relu"]


def test_for_onnxruntime_a_classifier_is_integer_down_to_its_head(folder, tmp_path) -> None:
    kinds = optimised(proto_of(built("classifier", folder)), tmp_path / "optimised.onnx")
    assert kinds["QLinearConv"] > 10
    assert not kinds["Conv"] + kinds["FusedConv"] + kinds["Add"] + kinds["Relu"]
