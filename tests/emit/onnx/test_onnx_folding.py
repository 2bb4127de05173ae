"""Networks whose norms are folded compute what they computed before."""

from __future__ import annotations

import pytest
from onnx_reference import run as reference
from onnx_support import SMALL, run, small, some_inputs, worst_difference
from tolerances import MISTAKE, ONNX_REFERENCE

from spinedsl.emit.onnx import emit
from spinedsl.passes.fold_norms import FoldedParameter, fold_norms
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights
from spinedsl.weights.folded import folded_weights

NARROW = {"scale.width": "0.125", "input": "3 x 128 x 128"}
MODELS = ["std:spinenet49_retinanet", "std:spinenet49_classifier", "std:spinenet49_semantic"]


def compilation_of(name):
    return small(name) if name in SMALL else open_spec(name, NARROW)


@pytest.mark.parametrize("name", [*SMALL, *MODELS])
def test_folded_network_computes_the_network(name):
    compilation = compilation_of(name)
    folding = fold_norms(compilation.inlined)
    assert folding.folded
    weights = dict(random_weights(compilation.inlined.parameters(), seed=5))
    given = some_inputs(compilation.program)
    expected = reference(compilation.inlined, weights, given)
    model = emit(compilation.network, compilation.program, folding.inlined)
    assert list(model.parameters) == list(folding.origins)
    actual = run(model.to_bytes(folded_weights(weights.items(), folding.origins)), given)
    assert list(actual) == list(expected)
    for endpoint, value in expected.items():
        assert worst_difference(value.reshape(actual[endpoint].shape), actual[endpoint]) < ONNX_REFERENCE


def test_the_comparison_would_see_a_forgotten_mean():
    compilation = small("std:spinenet49")
    folding = fold_norms(compilation.inlined)
    weights = dict(random_weights(compilation.inlined.parameters(), seed=5))
    given = some_inputs(compilation.program)
    expected = reference(compilation.inlined, weights, given)
    (origin,) = [o for n, o in folding.origins.items() if n == "b12.conv2.bias"]
    assert isinstance(origin, FoldedParameter)
    weights[f"{origin.norm}.running_mean"] = weights[f"{origin.norm}.running_mean"] * 0
    model = emit(compilation.network, compilation.program, folding.inlined)
    actual = run(model.to_bytes(folded_weights(weights.items(), folding.origins)), given)
    assert worst_difference(expected["P4"], actual["P4"]) > MISTAKE
