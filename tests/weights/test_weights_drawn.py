"""Drawn weights: their distributions, and streams that don't depend on each other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinedsl.ops import Initial, Parameter
from spinedsl.specification import open_spec
from spinedsl.weights import initial_weights, random_weights

BIG = (256, 128, 3, 3)
NORMAL = Parameter("weight", BIG, Initial("truncated_normal", 128 * 9, 256 * 9))
UNIFORM = Parameter("weight", BIG, Initial("glorot_uniform", 128 * 9, 256 * 9))


def drawn(parameter, seed=0, name="a.weight", draw=initial_weights):
    ((found, array),) = draw({name: parameter}, seed)
    assert found == name
    assert array.dtype == np.float32
    assert array.shape == parameter.shape
    return array


def test_truncated_normal_is_the_one_of_keras():
    """Variance scaling keeps the deviation at sqrt(1 / fan_in) although the tails are cut."""
    array = drawn(NORMAL).astype(np.float64)
    deviation = math.sqrt(1 / (128 * 9))
    assert array.std() == pytest.approx(deviation, rel=0.01)
    assert abs(array.mean()) < 0.01 * deviation
    bound = 2 * deviation / 0.87962566103423978
    assert 0.999 * bound < np.abs(array).max() <= bound * (1 + 1e-6)
    # The share within one deviation of a normal distribution cut at two.
    inside = (np.abs(array) <= bound / 2).mean()
    assert inside == pytest.approx(math.erf(1 / math.sqrt(2)) / math.erf(2 / math.sqrt(2)), abs=0.003)


def test_glorot_uniform_is_the_one_of_keras():
    array = drawn(UNIFORM).astype(np.float64)
    limit = math.sqrt(6 / (128 * 9 + 256 * 9))
    assert 0.999 * limit < np.abs(array).max() <= limit * (1 + 1e-6)
    assert array.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert abs(array.mean()) < 0.01 * limit


def test_norms_start_as_the_identity_and_biases_at_zero():
    weights = dict(initial_weights(open_spec("std:spinenet_mobile49xs").inlined.parameters()))
    for name, array in weights.items():
        if name.endswith(("running_mean", ".bias")):
            assert not array.any(), name
        elif "norm" in name:
            assert (array == 1).all(), name
        else:
            assert array.std() > 0, name


@pytest.mark.parametrize("draw", [initial_weights, random_weights])
def test_a_parameter_is_drawn_alike_wherever_it_stands(draw):
    several = {"a.weight": NORMAL, "b.weight": NORMAL, "c.weight": UNIFORM}
    forwards = dict(draw(several, 7))
    backwards = dict(draw(dict(reversed(several.items())), 7))
    assert list(forwards) == list(several)
    for name, array in forwards.items():
        assert (array == backwards[name]).all()
        assert (array == drawn(several[name], 7, name, draw)).all()
    assert not (forwards["a.weight"] == forwards["b.weight"]).any()
    assert not (forwards["a.weight"] == drawn(NORMAL, 8, draw=draw)).any()


def test_everything_is_random_for_comparisons():
    parameters = open_spec("std:bifpn").inlined.parameters()
    for name, array in random_weights(parameters):
        assert np.isfinite(array).all()
        assert array.size == 1 or array.std() > 0, name
        if name.endswith(("running_var", "fusion1.weight")):
            assert 0.5 <= array.min() <= array.max() <= 1.5
