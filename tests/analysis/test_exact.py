"""Exact evaluation against torch, in float64 and in numbers so small that nothing is reduced."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("torch", reason="compares with torch's operators")

import torch
import torch.nn.functional as F

from spinedsl.analysis.exact import PRIME, drawn, evaluate, fraction, inverse
from spinedsl.graph.inline import Inlined, InlinedNode
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
    Pool,
    Scale,
    Shape,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.types import Pads

PADS = Pads(1, 0, 2, 1)
X, Y = Shape(4, 6, 9), Shape(4, 1, 1)


def padded(x, pads=PADS, value=0.0):
    return F.pad(x, (pads.left, pads.right, pads.top, pads.bottom), value=value)


CASES = {
    "add": (Add(), [X, X, X], lambda p, *x: sum(x)),
    "concat": (Concat(), [X, X], lambda p, *x: torch.cat(x, 1)),
    "multiply": (Multiply(), [X, Y], lambda p, x, y: x * y),
    "scale": (Scale(3.0), [X], lambda p, x: 3 * x),
    "drop_path": (DropPath(Fraction(1, 2)), [X], lambda p, x: x),
    "conv": (
        Convolution(4, 6, (3, 2), 2, PADS, 2, 2, bias=True), [X],
        lambda p, x: F.conv2d(padded(x), p["weight"], p["bias"], 2, 0, 2, 2),
    ),
    "depthwise": (
        Convolution(4, 4, (3, 3), 1, Pads(1, 1, 1, 1), 1, 4), [X],
        lambda p, x: F.conv2d(x, p["weight"], None, 1, 1, 1, 4),
    ),
    "deconv": (
        Deconvolution(4, 3, 2, bias=True), [X], lambda p, x: F.conv_transpose2d(x, p["weight"], p["bias"], 2),
    ),
    "dense": (Dense(X.elements, 5), [X], lambda p, x: F.linear(x.flatten(1), p["weight"], p["bias"])[..., None, None]),
    "max pool": (
        Pool("max", (3, 3), 2, PADS), [X], lambda p, x: F.max_pool2d(padded(x, value=-1e9), 3, 2),
    ),
    "global max": (GlobalPool("max"), [X], lambda p, x: x.amax((2, 3), keepdim=True)),
    "space_to_depth": (SpaceToDepth(3), [X], lambda p, x: by_hand(x)),
    "nearest": (Upsample(18, 27, 3), [X], lambda p, x: F.interpolate(x, scale_factor=3)),
    "odd nearest": (Upsample(11, 13, None), [X], lambda p, x: F.interpolate(x, (11, 13))),
}  # fmt: skip


def by_hand(x):
    """Blocks of 3 x 3: row, column, channel."""
    parts = [x[:, :, row::3, column::3] for row in range(3) for column in range(3)]
    return torch.cat(parts, 1)


def run(operator, inputs, parameters):
    shapes = tuple(Shape(*array.shape) for array in inputs)
    names = tuple(f"x{i}" for i in range(len(inputs)))
    node = InlinedNode("y", "y", operator, names, shapes, operator.output(shapes), None, "")
    values = dict(zip(names, inputs, strict=True))
    return evaluate(Inlined((node,), {"y": "y"}), values, lambda name: parameters[name[2:]])["y"]


def whole(shape, random):
    return random.integers(-2, 3, shape).astype(np.float64)


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_torch_does(name):
    operator, shapes, reference = CASES[name]
    random = np.random.default_rng(0)
    inputs = [whole(shape, random) for shape in shapes]
    parameters = {p.name: whole(p.shape, random) for p in operator.parameters()}
    wanted = reference(
        {n: torch.from_numpy(p) for n, p in parameters.items()}, *(torch.from_numpy(x)[None] for x in inputs)
    )
    assert np.array_equal(run(operator, inputs, parameters), wanted[0].numpy())


def as_fractions(array):
    """Numbers of the field that stand for small fractions, as floats."""
    table = {fraction(Fraction(n, d)): n / d for d in range(1, 145) for n in range(-40, 41)}
    return np.vectorize(lambda number: table[int(number) % PRIME])(array)


@pytest.mark.parametrize(
    ("operator", "reference"),
    [
        (Upsample(4, 6, 2, "bilinear"), lambda x: F.interpolate(x, (4, 6), mode="bilinear")),
        (GlobalPool("average"), lambda x: x.mean((2, 3), keepdim=True)),
        (
            Pool("average", (3, 3), 2, Pads(1, 1, 1, 1)),
            lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        ),
    ],
)
def test_quotients_are_exact(operator, reference):
    values = np.random.default_rng(1).integers(0, 2, (1, 2, 3)).astype(np.float64)
    wanted = reference(torch.from_numpy(values)[None])[0].numpy()
    assert as_fractions(run(operator, [values], {})) == pytest.approx(wanted)


def test_a_norm_divides_by_a_root_that_knows_epsilon():
    x = np.array([[[5.0]], [[7.0]]])
    parameters = {
        "weight": np.array([3.0, 4.0]), "bias": np.array([1.0, 2.0]),
        "running_mean": np.array([2.0, 1.0]), "running_var": np.array([6.0, 8.0]),
    }  # fmt: skip
    found = run(BatchNorm(2, 0.0, 0.9), [x], parameters)
    assert [int(v) % PRIME for v in found.ravel()] == [
        (3 * 3 * inverse(6) + 1) % PRIME, (4 * 6 * inverse(8) + 2) % PRIME
    ]  # fmt: skip
    assert not np.array_equal(found, run(BatchNorm(2, 0.001, 0.9), [x], parameters))


def test_a_weighted_sum_has_shares_of_one():
    x = drawn("x", X)
    weight = np.array([3.0, 5.0])
    same = run(WeightedAdd(2, 0.0), [x, x], {"weight": weight})
    assert np.array_equal(same, x)
    assert not np.array_equal(run(WeightedAdd(2, 0.01), [x, x], {"weight": weight}), x)


def test_an_activation_is_any_function_of_one_number():
    x = drawn("x", (1, 100, 100))
    relu, swish = (run(Activation(f), [x], {}) for f in ("relu", "swish"))
    assert not np.array_equal(relu, swish)
    _, places = np.unique(x, return_index=True)
    assert np.array_equal(run(Activation("relu"), [x[:, ::-1]], {})[:, ::-1], relu)
    assert len(np.unique(relu.ravel()[places])) > 0.6 * len(places)


def test_every_operator_has_a_rule():
    from spinedsl.analysis import exact

    assert set(exact._RULES) == set(OPERATORS)
