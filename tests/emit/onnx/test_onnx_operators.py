"""Every operator, in every opset, against its definition in numpy."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
import onnx
import pytest
from onnx_reference import compute
from onnx_support import run, single, small, some_inputs, worst_difference
from tolerances import ONNX_OPERATOR

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx import OPSETS, OnnxOptions, emit
from spinedsl.emit.onnx.rules import ELIDED, RULES
from spinedsl.ops import (
    OPERATORS,
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Dense,
    DropPath,
    GlobalPool,
    Multiply,
    Operator,
    Pads,
    Pool,
    Scale,
    Shape,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.activation import FUNCTIONS
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.weights import random_weights

X = Shape(6, 12, 8)
CASES: list[tuple[Operator, tuple[Shape, ...]]] = [
    *((Activation(function), (X,)) for function in FUNCTIONS),
    (Activation("hard_sigmoid", 0.16667), (X,)),
    (Activation("hard_sigmoid", 0.2), (X,)),
    (Add(), (X, X)),
    (Add(), (X, X, X)),
    (Add(), (X,) * 5),
    (BatchNorm(6, 1e-3, 0.99), (X,)),
    (BatchNorm(6, 0.5, 0.9), (X,)),
    (Concat(), (X, Shape(3, 12, 8))),
    (Convolution(6, 4), (X,)),
    (Convolution(6, 4, (3, 3), 2, Pads(1, 1, 1, 1)), (X,)),
    (Convolution(6, 4, (3, 3), 2, Pads(0, 0, 1, 1), bias=True), (X,)),
    (Convolution(6, 4, (3, 5), 1, Pads(0, 2, 2, 2)), (X,)),
    (Convolution(6, 6, (3, 3), 1, Pads(2, 2, 2, 2), dilation=2, groups=6), (X,)),
    (Convolution(6, 9, (1, 1), 1, groups=3), (X,)),
    (Deconvolution(6, 4, 2), (X,)),
    (Deconvolution(6, 9, 3, bias=True), (X,)),
    (Dense(6, 5), (Shape(6, 1, 1),)),
    (Dense(6 * 12 * 8, 5), (X,)),
    (Dense(6 * 12 * 8, 5, bias=False), (X,)),
    (DropPath(Fraction(1, 2)), (X,)),
    (GlobalPool("max"), (X,)),
    (GlobalPool("average"), (X,)),
    (Multiply(), (X, X)),
    (Multiply(), (X, Shape(6, 1, 1))),
    (Pool("max", (3, 3), 2, Pads(1, 1, 1, 1)), (X,)),
    (Pool("max", (3, 3), 2, Pads(0, 0, 1, 1)), (X,)),
    (Pool("max", (5, 5), 4, Pads(0, 1, 2, 2)), (X,)),
    (Pool("average", (3, 3), 2, Pads(0, 0, 1, 1)), (X,)),
    (Pool("average", (2, 2), 2, Pads()), (X,)),
    (Scale(0.2), (X,)),
    (Scale(-3.0), (X,)),
    (SpaceToDepth(2), (X,)),
    (SpaceToDepth(4), (X,)),
    (Upsample(24, 16, 2), (X,)),
    (Upsample(96, 64, 8), (X,)),
    (Upsample(23, 15, None), (X,)),
    (Upsample(12, 16, None), (X,)),
    (Upsample(24, 16, 2, "bilinear"), (X,)),
    (Upsample(36, 24, 3, "bilinear"), (X,)),
    (Upsample(96, 64, 8, "bilinear"), (X,)),
    (Upsample(23, 15, None, "bilinear"), (X,)),
    (Upsample(12, 16, None, "bilinear"), (X,)),
    (Upsample(5, 7, None, "bilinear"), (Shape(6, 1, 1),)),
    (WeightedAdd(1, 1e-4), (X,)),
    (WeightedAdd(2, 1e-4), (X, X)),
    (WeightedAdd(3, 0.5), (X, X, X)),
]


def name(value) -> str:
    return value.describe() if isinstance(value, Operator) else ""


def test_every_operator_has_a_rule_and_a_case():
    assert set(RULES) | ELIDED == set(OPERATORS)
    assert not set(RULES) & ELIDED
    assert {type(operator) for operator, _ in CASES} == set(OPERATORS)


@pytest.mark.parametrize(("operator", "inputs"), CASES, ids=name)
def test_operator_computes_its_definition(operator, inputs):
    program, inlined = single(operator, inputs)
    weights = dict(random_weights(inlined.parameters(), seed=1))
    # Values that reach the bends of every activation.
    given = {key: 4 * value for key, value in some_inputs(program, batch=2).items()}
    (expected,) = [compute(operator, [v.astype(float) for v in given.values()], list(weights.values()))]
    for opset in OPSETS:
        options = OnnxOptions(opset, frozenset({"batch"}))
        model = emit(small("std:spinenet49").network, program, inlined, options)
        data = model.to_bytes(weights.items())
        onnx.checker.check_model(data, full_check=True)
        proto = onnx.load_from_string(data)
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
        assert {i.name for i in proto.graph.initializer} == set(weights)
        actual = run(data, given)["P0"]
        assert worst_difference(expected, actual) < ONNX_OPERATOR, opset


def test_negative_fusion_weights_count_as_zero():
    operator = WeightedAdd(3, 1e-4)
    program, inlined = single(operator, (X, X, X))
    weights = {"b.op1.weight": np.array([-0.7, 0.4, 1.1], np.float32)}
    given = some_inputs(program)
    model = emit(small("std:spinenet49").network, program, inlined)
    expected = compute(operator, list(given.values()), list(weights.values()))
    assert worst_difference(expected, run(model.to_bytes(weights.items()), given)["P0"]) < ONNX_OPERATOR


def test_static_batch_states_all_four_sizes():
    program, inlined = single(Upsample(23, 15, None), (X,))
    model = emit(small("std:spinenet49").network, program, inlined)
    assert [node.op_type for node in model.nodes.node] == ["Constant", "Resize"]
    given = some_inputs(program)
    expected = compute(Upsample(23, 15, None), [given["x0"]], [])
    assert (run(model.to_bytes({}.items()), given)["P0"] == expected).all()


@record
class Unheard(Operator):
    """An operator that no target knows."""

    label: ClassVar[str] = "unheard"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]


@pytest.mark.parametrize("operator", [Unheard(), Activation("mish")], ids=name)
def test_operator_without_a_rule_is_refused_where_it_was_written(operator):
    span = Span(Source("a.spine", "x: mish"), 3, 7)
    program, inlined = single(operator, (X,), span)
    with pytest.raises(DiagnosticError) as caught:
        emit(small("std:spinenet49").network, program, inlined)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP042"
    assert diagnostic.primary.span == span
    assert "b.op1" in diagnostic.message
