"""Weights of folded norms: their numbers, how few are held at a time, and what can't be folded."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from spinedsl.diagnostics import DiagnosticError
from spinedsl.passes.fold_norms import FoldedParameter, fold_norms
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights
from spinedsl.weights.folded import folded_weights

EPS = 1e-3
STREAM = np.random.default_rng(0)
SHAPES = {"convolution": (5, 3, 3, 3), "deconvolution": (3, 5, 2, 2), "dense": (5, 3)}


def parameters(shape: tuple[int, ...], biased: bool = True) -> dict[str, np.ndarray]:
    """A layer `c` of five output channels and its norm `n`."""
    rows = {
        "c.weight": STREAM.standard_normal(shape),
        "c.bias": STREAM.standard_normal(5),
        "n.weight": STREAM.uniform(0.5, 1.5, 5),
        "n.bias": STREAM.standard_normal(5),
        "n.running_mean": STREAM.standard_normal(5),
        "n.running_var": STREAM.uniform(0.5, 1.5, 5),
    }
    if not biased:
        del rows["c.bias"]
    return {name: array.astype(np.float32) for name, array in rows.items()}


def origins(axis: int, biased: bool = True) -> dict[str, FoldedParameter]:
    return {f"c.{p}": FoldedParameter(p, "c", "n", EPS, axis, biased) for p in ("weight", "bias")}


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("kind", SHAPES)
def test_numbers(kind: str, biased: bool) -> None:
    """On one pixel of one window, the layer is a product with a matrix: the norm of that product."""
    axis = 1 if kind == "deconvolution" else 0
    before = parameters(SHAPES[kind], biased)
    after = dict(folded_weights(before.items(), origins(axis, biased)))
    assert list(after) == ["c.weight", "c.bias"]
    assert all(array.dtype == np.float32 for array in after.values())
    matrix, folded = (
        np.moveaxis(w["c.weight"].astype(np.float64), axis, 0).reshape(5, -1) for w in (before, after)
    )
    x = STREAM.standard_normal((matrix.shape[1], 7))
    made = matrix @ x + (before["c.bias"][:, None] if biased else 0)
    norm = {name[2:]: array[:, None].astype(np.float64) for name, array in before.items() if name[0] == "n"}
    expected = (made - norm["running_mean"]) / np.sqrt(norm["running_var"] + EPS) * norm["weight"] + norm[
        "bias"
    ]
    np.testing.assert_allclose(folded @ x + after["c.bias"][:, None], expected, rtol=1e-5, atol=1e-6)


def test_what_is_not_folded_passes_through_untouched() -> None:
    before = parameters(SHAPES["dense"])
    after = dict(folded_weights(before.items(), {name: name for name in before}))
    assert all(after[name] is before[name] for name in before)


@pytest.mark.parametrize("name", ["std:spinenet49", "std:bifpn"])
def test_few_tensors_are_held(name: str) -> None:
    """A layer's weights wait for the tensors of its bias and norm, and for no more."""
    given = open_spec(name).inlined
    folding = fold_norms(given)
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
    most = 0
    for _ in folded_weights(tracked(random_weights(given.parameters()), alive), folding.origins):
        most = max(most, len(alive))
    assert 5 <= most <= 7


def test_what_nobody_needs_is_not_held() -> None:
    before = parameters(SHAPES["dense"])
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
    for _ in folded_weights(tracked(before.items(), alive), {"n.running_var": "n.running_var"}):
        assert len(alive) == 1


class Tracked(np.ndarray):
    """An array that a set of weak references can hold."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def tracked(weights, alive: weakref.WeakSet[Tracked]):
    for name, array in weights:
        held = array.view(Tracked)
        alive.add(held)
        yield name, held
        del held, array


def test_shared_weights_are_held_until_their_last_norm() -> None:
    before = parameters(SHAPES["convolution"], biased=False)
    second = {name.replace("n.", "m."): array * 2 for name, array in before.items() if name[0] == "n"}
    wanted = {
        "a.weight": FoldedParameter("weight", "c", "n", EPS, 0, False),
        "b.weight": FoldedParameter("weight", "c", "m", EPS, 0, False),
    }
    after = dict(folded_weights({**before, **second}.items(), wanted))
    alone = dict(folded_weights(before.items(), {"a.weight": wanted["a.weight"]}))
    np.testing.assert_array_equal(after["a.weight"], alone["a.weight"])
    assert not np.allclose(after["a.weight"], after["b.weight"])


def test_a_norm_that_divides_by_zero_is_named() -> None:
    before = parameters(SHAPES["convolution"])
    before["n.running_var"][2] = 0
    wanted = {"c.weight": FoldedParameter("weight", "c", "n", 0.0, 0, True)}
    with pytest.raises(DiagnosticError) as caught:
        list(folded_weights(before.items(), wanted))
    (found,) = caught.value.diagnostics
    assert found.code == "SP051"
    assert found.message == "“n” can't be folded into “c”: “c.weight” would not be finite"
    assert found.help


def test_the_source_is_read_to_its_end() -> None:
    """A file's last numbers are checked when they are read, also where nothing is made of them."""
    before = parameters(SHAPES["dense"])
    seen = []

    def watched():
        for name, array in before.items():
            seen.append(name)
            yield name, array

    list(folded_weights(watched(), {"c.weight": "c.weight"}))
    assert seen == list(before)
