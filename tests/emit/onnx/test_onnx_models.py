"""Models as ONNX: shared initializers, rows, open extents, heads on regions; against numpy."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx_reference import run as reference
from onnx_support import run, some_inputs, worst_difference
from support import compile_model, model_text
from tolerances import ONNX_REFERENCE

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx import OPSETS, OnnxOptions, emit
from spinedsl.weights import initial_weights, random_weights

BODIES = {
    "detector": "head retinanet(classes = 3, width = 8, depth = 1)",
    "separable": "head retinanet(classes = 3, width = 8, depth = 1, separable = true)",
    "classifier": "head classifier(classes = 5)",
    "segmenter": "head semantic(classes = 5, width = 8)",
    "two": "head classifier(classes = 5)  head semantic(classes = 5, width = 8)",
}
STAGES = """
  head rpn(width = 8)
  head fast_rcnn(classes = 3, width = 8, depth = 1, features = 8)
  head mask_fcn(classes = 3, width = 8, depth = 1)"""


def model_of(compilation, opset=17, dynamic=()):
    options = OnnxOptions(opset, frozenset(dynamic))
    return emit(compilation.network, compilation.program, compilation.inlined, options, compilation.model)


@pytest.mark.parametrize("opset", [min(OPSETS), max(OPSETS)])
@pytest.mark.parametrize("name", BODIES)
def test_models_compute_their_definition(name, opset):
    compilation = compile_model(model_text(BODIES[name]))
    model = model_of(compilation, opset, ["batch"])
    weights = dict(random_weights(model.parameters, seed=2))
    data = model.to_bytes(weights.items())
    onnx.checker.check_model(data, full_check=True)
    proto = onnx.load_from_string(data)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    assert [i.name for i in proto.graph.initializer] == list(compilation.parameters)
    given = some_inputs(compilation.program, batch=2)
    expected, actual = reference(compilation.inlined, weights, given), run(data, given)
    assert list(actual) == [e.name for e in compilation.program.endpoints]
    for endpoint in compilation.program.endpoints:
        wanted = expected[endpoint.name]
        if endpoint.flat:
            wanted = wanted[:, :, 0, 0]
        assert worst_difference(wanted, actual[endpoint.name]) < ONNX_REFERENCE


def test_heads_on_regions_compute_their_definition():
    compilation = compile_model(model_text(STAGES))
    programs = {part.name: program for part, program in compilation.assembly.region_programs()}
    for part, inlined in compilation.regions:
        program = programs[part.name]
        model = emit(
            compilation.network, program, inlined, OnnxOptions(17, frozenset({"batch"})), compilation.model
        )
        assert set(model.parameters) <= set(compilation.parameters)
        weights = dict(random_weights(model.parameters, seed=2))
        given = some_inputs(program, batch=5)
        expected, actual = reference(inlined, weights, given), run(model.to_bytes(weights.items()), given)
        for endpoint in program.endpoints:
            wanted = expected[endpoint.name]
            assert actual[endpoint.name].ndim == (2 if endpoint.flat else 4)
            assert (
                worst_difference(wanted.reshape(actual[endpoint.name].shape), actual[endpoint.name])
                < ONNX_REFERENCE
            )


def test_levels_read_one_initializer():
    """Each shared weight once in the file, read by a node of every level; each level its own norm."""
    compilation = compile_model(model_text(BODIES["detector"]))
    model = model_of(compilation)
    proto = onnx.load_from_string(model.to_bytes(initial_weights(model.parameters)))
    names = [i.name for i in proto.graph.initializer]
    assert len(names) == len(set(names))
    reads = Counter(value for node in proto.graph.node for value in node.input if value in set(names))
    head = {name: count for name, count in reads.items() if name.startswith("retinanet")}
    assert {count for name, count in head.items() if ".norm1.P" in name} == {1}
    assert {count for name, count in head.items() if ".norm1.P" not in name} == {2}
    nodes = [node.name for node in proto.graph.node]
    assert len(nodes) == len(set(nodes))


def test_metadata_says_where_endpoints_stand():
    model = model_of(compile_model(model_text(BODIES["two"])))
    proto = onnx.load_from_string(model.to_bytes(initial_weights(model.parameters)))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert metadata["spinec.network"] == proto.graph.name == "small"
    assert json.loads(metadata["spinec.endpoints"]) == {
        "classifier_logits": {"level": None, "stride": 0, "channels": 5},
        "semantic_logits": {"level": 3, "stride": 8, "channels": 5},
    }


@pytest.mark.parametrize("name", BODIES)
def test_one_file_serves_every_size_and_batch(name):
    text = model_text(BODIES[name])
    model = model_of(compile_model(text), dynamic=["batch", "size"])
    weights = dict(random_weights(model.parameters, seed=3))
    data = model.to_bytes(weights.items())
    for height, width, batch in ((64, 64, 1), (32, 96, 3)):
        static = compile_model(text).resized(height, width)
        given = some_inputs(static.program, batch=batch)
        expected = run(model_of(static, dynamic=["batch"]).to_bytes(weights.items()), given)
        for output, value in run(data, given).items():
            assert np.array_equal(value, expected[output]) or worst_difference(expected[output], value) < 1e-6


@pytest.mark.parametrize(
    ("body", "before", "code"),
    [
        ("head h", "head h -> classification(2) { from finest { level } dense -> 2 => logits }", "SP042"),
        ("head semantic(classes = 2, width = 8) sizes any", "", "SP038"),
    ],
)
def test_what_works_at_one_size_only_is_not_left_open(body, before, code):
    compilation = compile_model(model_text(body, before=before))
    with pytest.raises(DiagnosticError, match=code):
        model_of(compilation, dynamic=["size"])
    assert model_of(compilation).nodes.node


def test_extents_of_a_model_are_named_by_their_level():
    model = model_of(compile_model(model_text(BODIES["detector"])), dynamic=["batch", "size"])
    proto = onnx.load_from_string(model.to_bytes(initial_weights(model.parameters)))
    shapes = {
        o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in proto.graph.output
    }
    assert shapes["scores_P3"] == ["batch", 27, "height_8", "width_8"]
    assert shapes["boxes_P4"] == ["batch", 36, "height_16", "width_16"]
    classifier = model_of(compile_model(model_text(BODIES["classifier"])), dynamic=["batch", "size"])
    proto = onnx.load_from_string(classifier.to_bytes(initial_weights(classifier.parameters)))
    (output,) = proto.graph.output
    assert [d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim] == ["batch", 5]
