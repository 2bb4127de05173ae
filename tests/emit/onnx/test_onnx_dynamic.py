"""Open extents: really open, named alike at every level, and no worse for the runtime."""

from __future__ import annotations

import collections

import onnx
import pytest
from onnx_support import SMALL, model_of, run, session, single, small, some_inputs, worst_difference
from tolerances import ONNX_REFERENCE

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.ops import Add, Convolution, Pads, Shape, Upsample
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights

IMAGES = [name for name in SMALL if "3 x" in SMALL[name].get("input", "")]


def bytes_of(compilation, dynamic=()):
    model = model_of(compilation, dynamic=dynamic)
    return model.to_bytes(random_weights(model.parameters))


@pytest.mark.parametrize("name", SMALL)
def test_batch_is_open(name):
    compilation = small(name)
    given = some_inputs(compilation.program, batch=3)
    together = run(bytes_of(compilation, ("batch",)), given)
    for sample in range(3):
        alone = run(bytes_of(compilation), {k: v[sample : sample + 1] for k, v in given.items()})
        for endpoint, value in alone.items():
            assert worst_difference(value, together[endpoint][sample : sample + 1]) < ONNX_REFERENCE


@pytest.mark.parametrize("conventions", ["torch", "garden"])
@pytest.mark.parametrize("name", IMAGES)
def test_size_is_open(name, conventions):
    data = bytes_of(small(name, conventions=conventions), ("batch", "size"))
    for height, width in ((256, 128), (128, 384)):
        larger = small(name, conventions=conventions, input=f"3 x {height} x {width}")
        given = some_inputs(larger.program, batch=2)
        actual = run(data, given)
        expected = run(bytes_of(larger, ("batch",)), given)
        for endpoint, value in expected.items():
            assert worst_difference(value, actual[endpoint]) < ONNX_REFERENCE, (endpoint, height, width)


def test_size_is_open_for_features():
    compilation = small("std:nas_fpn")
    actual = run(bytes_of(compilation, ("size",)), some_inputs(compilation.program, scale=2))
    shapes = {e.name: (1, *e.shape) for e in compilation.program.endpoints}
    for endpoint, (n, c, h, w) in shapes.items():
        assert actual[endpoint].shape == (n, c, 2 * h, 2 * w)


@pytest.mark.parametrize("dynamic", [("batch",), ("size",), ("batch", "size")], ids="+".join)
@pytest.mark.parametrize("name", SMALL)
def test_runtime_fuses_as_much_as_when_static(name, dynamic, tmp_path):
    static = optimised(bytes_of(small(name)), tmp_path / "static.onnx")
    opened = optimised(bytes_of(small(name), dynamic), tmp_path / "dynamic.onnx")
    if "size" in dynamic:
        # ONNX Runtime doesn't follow a symbolic height through SpaceToDepth, and changes layout there.
        for kinds in (static, opened):
            del kinds["ReorderInput"], kinds["ReorderOutput"]
    assert static == opened


@pytest.mark.parametrize("name", ["std:spinenet49", "std:r0_sp53"])
def test_every_sum_fuses_into_a_convolution(name, tmp_path):
    """Sums of three too: b14 of SpineNet-49 adds an unread block's value as it is."""
    kinds = optimised(bytes_of(small(name), ("batch",)), tmp_path / "m.onnx")
    assert kinds["Conv"] > 100
    assert kinds["Add"] == 0


def optimised(data, path):
    """How often each operator stands in the graph that is really run."""
    session(data, path)
    graph = onnx.load(path, load_external_data=False).graph
    return collections.Counter(node.op_type for node in graph.node)


def test_names_of_extents():
    model = model_of(small("std:spinenet49"), dynamic=("batch", "size"))
    named = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.values.input, *model.values.output, *model.values.value_info)
    }
    assert named["image"] == ["batch", 3, "height", "width"]
    assert named["P3"] == ["batch", 256, "height_8", "width_8"]
    assert named["P7"] == ["batch", 256, "height_128", "width_128"]
    assert named["stem.conv1"] == ["batch", 64, "height_2", "width_2"]
    assert all(isinstance(h, str) and h.isidentifier() for _, _, h, _ in named.values())


def test_gates_stay_one_pixel():
    model = model_of(small("std:spinenet_mobile49xs"), dynamic=("size",))
    pooled = {n.output[0] for n in model.nodes.node if n.op_type == "GlobalAveragePool"}
    dims = {v.name: v.type.tensor_type.shape.dim for v in model.values.value_info}
    assert pooled
    assert all([d.dim_value for d in dims[name]][2:] == [1, 1] for name in pooled)


def test_rounded_levels_keep_the_size_static():
    compilation = small("std:spinenet49", input="3 x 100 x 100", sizes="any")
    assert model_of(compilation, dynamic=("batch",))
    with pytest.raises(DiagnosticError, match="SP038"):
        model_of(compilation, dynamic=("size",))


X = Shape(4, 12, 12)


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        (Upsample(23, 23, None), (X,)),
        (Convolution(4, 4, (3, 3)), (X,)),
        (Convolution(4, 4, (3, 3), 2, Pads(2, 2, 2, 2)), (X,)),
    ],
)
def test_operators_that_fit_one_size_only(operator, inputs):
    program, inlined = single(operator, inputs)
    options = OnnxOptions(dynamic=frozenset({"size"}))
    with pytest.raises(DiagnosticError, match="SP042"):
        emit(open_spec("std:spinenet49").network, program, inlined, options)


def test_operators_that_fit_every_size():
    program, inlined = single(Add(), (X, X))
    options = OnnxOptions(dynamic=frozenset({"size"}))
    assert emit(open_spec("std:spinenet49").network, program, inlined, options)
