"""Whole networks: what the model says of itself, and what it computes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx_reference import run as reference
from onnx_support import SMALL, model_of, run, small, some_inputs, worst_difference
from tolerances import ONNX_REFERENCE

import spinedsl
from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx import OPSETS, OnnxOptions, emit
from spinedsl.graph.inline import Inlined
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.weights import random_weights

DYNAMIC = [(), ("batch",), ("size",), ("batch", "size")]


def proto_of(compilation, opset=17, dynamic=()):
    model = model_of(compilation, opset, dynamic)
    return model.to_proto(random_weights(model.parameters))


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("dynamic", DYNAMIC, ids="+".join)
@pytest.mark.parametrize("name", SMALL)
def test_model_passes_every_check(name, dynamic, opset):
    proto = proto_of(small(name), opset, dynamic)
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", opset)]


@pytest.mark.parametrize("name", SMALL)
def test_model_computes_the_network(name):
    compilation = small(name)
    model = model_of(compilation)
    weights = dict(random_weights(model.parameters, seed=3))
    given = some_inputs(compilation.program)
    expected = reference(compilation.inlined, weights, given)
    actual = run(model.to_bytes(weights.items()), given)
    assert list(actual) == list(expected) == [e.name for e in compilation.program.endpoints]
    for endpoint, value in expected.items():
        assert worst_difference(value, actual[endpoint]) < ONNX_REFERENCE, endpoint


@pytest.mark.parametrize("conventions", ["garden", "tpu", "port"])
def test_conventions_reach_the_model(conventions):
    compilation = small("std:spinenet49", conventions=conventions)
    model = model_of(compilation)
    weights = dict(random_weights(model.parameters, seed=4))
    given = some_inputs(compilation.program)
    expected = reference(compilation.inlined, weights, given)
    actual = run(model.to_bytes(weights.items()), given)
    for endpoint, value in expected.items():
        assert worst_difference(value, actual[endpoint]) < ONNX_REFERENCE, endpoint
    metadata = {p.key: p.value for p in model.tail.metadata_props}
    assert metadata["spinec.conventions"] == conventions


@pytest.mark.parametrize("name", SMALL)
def test_initializers_are_the_parameters_in_running_order(name):
    proto = proto_of(small(name))
    parameters = small(name).inlined.parameters()
    assert [i.name for i in proto.graph.initializer] == list(parameters)
    assert [tuple(i.dims) for i in proto.graph.initializer] == [p.shape for p in parameters.values()]


@pytest.mark.parametrize("name", SMALL)
def test_nodes_have_the_names_of_the_program(name):
    proto = proto_of(small(name))
    names = [node.name for node in proto.graph.node]
    wanted = [n.name for n in small(name).inlined.nodes if n.operator.label != "drop_path"]
    assert [name for name in names if name in set(wanted)] == wanted
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", SMALL)
def test_only_forms_that_runtimes_know(name):
    for node in proto_of(small(name), dynamic=("batch", "size")).graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        assert node.op_type not in ("Sum", "Upsample", "Shape")
        assert "auto_pad" not in attributes
        assert node.op_type != "Add" or len(node.input) == 2
        if node.op_type in ("Conv", "MaxPool", "AveragePool"):
            assert len(attributes["pads"]) == 4
        if node.op_type == "Resize":
            assert attributes == {
                "mode": b"nearest",
                "nearest_mode": b"floor",
                "coordinate_transformation_mode": b"asymmetric",
            }


@pytest.mark.parametrize("name", SMALL)
def test_stated_extents_are_the_true_ones(name):
    proto = proto_of(small(name))
    stated = extents(proto)
    del proto.graph.value_info[:]
    inferred = extents(onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True))
    known = {value for value in inferred if value in stated}
    assert {v: inferred[v] for v in known} == {v: stated[v] for v in known}
    # Constants and parameters aside, nothing is left unsaid.
    constants = {n.output[0] for n in proto.graph.node if n.op_type == "Constant"}
    made = {output for n in proto.graph.node for output in n.output}
    assert made - constants <= set(stated)


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_described_twice(name):
    graph = proto_of(small(name)).graph
    described = [v.name for v in (*graph.input, *graph.output, *graph.value_info)]
    assert len(described) == len(set(described))


def extents(proto):
    values = [*proto.graph.value_info, *proto.graph.output, *proto.graph.input]
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def test_metadata():
    compilation = small("std:spinenet49")
    proto = proto_of(compilation)
    metadata = {p.key: p.value for p in proto.metadata_props}
    assert proto.producer_name == "spinec"
    assert proto.producer_version == metadata["spinec.version"] == spinedsl.__version__
    assert proto.graph.name == metadata["spinec.network"] == "spinenet49"
    assert metadata["spinec.spec_hash"] == spec_hash(compilation.network)
    assert metadata["spinec.conventions"] == "torch"
    endpoints = json.loads(metadata["spinec.endpoints"])
    assert endpoints["P5"] == {"level": 5, "stride": 32, "channels": 256}
    assert proto.doc_string == "SpineNet-49"


def test_equal_input_gives_equal_bytes():
    first, second = (
        model_of(open_again()).to_bytes(random_weights(small("std:spinenet49").inlined.parameters()))
        for _ in range(2)
    )
    assert first == second


def open_again():
    small.cache_clear()
    return small("std:spinenet49")


def test_bytes_are_those_protobuf_writes():
    model = model_of(small("std:spinenet49"))
    data = model.to_bytes(random_weights(model.parameters))
    assert len(data) == model.size
    assert model.to_proto(random_weights(model.parameters)).SerializeToString(deterministic=True) == data


def test_drop_path_leaves_no_trace_even_at_an_endpoint():
    compilation = small("std:spinenet49", drop_path="0.2 linear of blocks")
    inlined = compilation.inlined
    # An endpoint whose last operator is elided: its value is made by the operator before.
    dropped = next(n for n in inlined.nodes if n.operator.label == "drop_path")
    changed = Inlined(inlined.nodes, {**inlined.outputs, "P3": dropped.name})
    model = emit(compilation.network, compilation.program, changed)
    weights = dict(random_weights(model.parameters))
    given = some_inputs(compilation.program)
    actual = run(model.to_bytes(weights.items()), given)
    expected = reference(changed, weights, given)
    assert worst_difference(expected["P3"], actual["P3"]) < ONNX_REFERENCE
    assert not any("drop_path" in node.name for node in model.nodes.node)


def test_equal_endpoints_and_passed_through_inputs_are_copies():
    compilation = small("std:bifpn")
    inlined = compilation.inlined
    outputs = {**inlined.outputs, "P4": inlined.outputs["P3"], "P5": "c5"}
    model = emit(compilation.network, compilation.program, Inlined(inlined.nodes, outputs))
    given = some_inputs(compilation.program)
    data = model.to_bytes(random_weights(model.parameters))
    onnx.checker.check_model(data, full_check=True)
    actual = run(data, given)
    assert (actual["P3"] == actual["P4"]).all()
    assert (actual["P5"] == given["c5"]).all()


def test_endpoint_named_like_a_value_or_an_input():
    compilation = small("std:bifpn")
    inlined = compilation.inlined
    inner = next(n.name for n in inlined.nodes if n.name not in inlined.outputs.values())
    renamed = {inner: inlined.outputs["P3"], "P4": inlined.outputs["P4"]}
    by_name = {endpoint.name: endpoint for endpoint in compilation.program.endpoints}

    def emitted(outputs):
        """The model when other names are the endpoints."""
        endpoints = tuple(
            replace(by_name[old], name=new) for new, old in zip(outputs, ("P3", "P4"), strict=False)
        )
        program = replace(compilation.program, endpoints=endpoints)
        return emit(compilation.network, program, Inlined(inlined.nodes, outputs))

    model = emitted(renamed)
    weights = dict(random_weights(model.parameters))
    given = some_inputs(compilation.program)
    actual = run(model.to_bytes(weights.items()), given)
    expected = reference(Inlined(inlined.nodes, renamed), weights, given)
    assert worst_difference(expected[inner], actual[inner]) < ONNX_REFERENCE
    with pytest.raises(DiagnosticError, match="SP024"):
        emitted({"c3": inlined.outputs["P3"]})


@pytest.mark.parametrize("options", [{"opset": 16}, {"opset": 22}, {"dynamic": frozenset({"width"})}])
def test_options_out_of_range(options):
    with pytest.raises(DiagnosticError, match="SP042"):
        OnnxOptions(**options)


def test_weights_that_do_not_belong():
    model = model_of(small("std:spinenet49"))
    weights = list(random_weights(model.parameters))
    name, array = weights[0]
    for wrong in (
        weights[1:],
        weights[:-1],
        [*weights, weights[0]],
        [("another.weight", array), *weights[1:]],
        [(name, array[:1]), *weights[1:]],
        [(name, array.astype(np.float64)), *weights[1:]],
    ):
        with pytest.raises(ValueError, match=r"expected|float32|no parameter"):
            model.to_bytes(wrong)
