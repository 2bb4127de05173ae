"""Both targets compute what the published TensorFlow implementation computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from garden_fixtures import NAMES, Array, Overrides, import_weights, load
from garden_targets import Run, run_onnx, run_program, run_torch
from tolerances import MISTAKE, PUBLISHED, PUBLISHED_EXACT, SLOPE

TARGETS: dict[str, tuple[Run, float]] = {
    "onnx": (run_onnx, PUBLISHED),
    "torch": (run_torch, PUBLISHED),
    "program": (run_program, PUBLISHED_EXACT),
}


def relative_errors(expected: Mapping[str, Array], actual: Mapping[str, Array]) -> dict[str, float]:
    """Largest difference over largest value, by endpoint, in the order of the levels."""
    assert list(actual) == list(expected)
    for endpoint, value in expected.items():
        assert actual[endpoint].shape == value.shape, endpoint
    return {
        endpoint: float(np.abs(actual[endpoint] - value).max() / np.abs(value).max())
        for endpoint, value in expected.items()
    }


def shown(errors: Mapping[str, float]) -> str:
    """`P3 1.2e-06, P4 …`"""
    return ", ".join(f"{endpoint} {error:.1e}" for endpoint, error in errors.items())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_the_published_implementation(name: str, target: str) -> None:
    fixture = load(name)
    run, tolerance = TARGETS[target]
    compilation = fixture.compilation()
    weights = import_weights(compilation, fixture.weights)
    errors = relative_errors(fixture.outputs, run(compilation, weights, fixture.image))
    assert max(errors.values()) <= tolerance, f"{name}, {target}: {shown(errors)}"


@dataclass(frozen=True)
class Mistake:
    """A detail that is got wrong on purpose; `least` is the error that must come of it."""

    title: str
    fixture: str
    changes: Overrides
    least: float = MISTAKE

    def __str__(self) -> str:
        return f"{self.fixture}: {self.title}"


# fmt: off
MISTAKES = [
    Mistake("symmetric padding", "resnet", (("padding", "symmetric"),)),
    Mistake("symmetric padding of pools", "resnet", (("padding", "same pools symmetric"),)),
    Mistake("conventions of torch", "resnet", (("conventions", "torch"),)),
    Mistake("conventions of torch", "mobile_swish", (("conventions", "torch"),)),
    Mistake("norm epsilon 1e-5", "resnet", (("norm", "batch(eps = 0.00001)"),)),
    Mistake("norm epsilon 1e-4", "mobile_swish", (("norm", "batch(eps = 0.0001)"),)),
    Mistake("unread block left out", "resnet", (("dangling", "prune"),)),
    Mistake("unread block left out", "mobile_hard_swish", (("dangling", "prune"),)),
    Mistake("swish for relu", "resnet", (("act", "swish"),)),
    Mistake("relu for swish", "resnet_repeat", (("act", "relu"),)),
    Mistake("swish for hard_swish", "mobile_hard_swish", (("act", "swish"),)),
    Mistake("one 5x5 pool at /8", "resnet_p2", (("default", "cross_scale(pooling = single)"),)),
    Mistake("endpoints not activated", "resnet", (("default", "endpoint(activate = false)"),)),
    Mistake("no activation after the merge", "resnet", (("merge", "plain"),)),
    Mistake("sigmoid as the gate", "mobile_swish", (("default", "mbconv(gate = sigmoid)"),)),
    Mistake("swish inside of squeeze-excitation", "mobile_swish", (("default", "mbconv(inner = swish)"),)),
    Mistake("hard_sigmoid with 1/6", "mobile_swish", (("default", "squeeze_excite(slope = 0.1666667)"),), SLOPE),
]
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_would_see_a_mistake(mistake: Mistake) -> None:
    fixture = load(mistake.fixture)
    weights = import_weights(fixture.compilation(), fixture.weights)
    changed = fixture.compilation(*mistake.changes)
    kept = {name: weights[name] for name in changed.inlined.parameters()}
    errors = relative_errors(fixture.outputs, run_onnx(changed, kept, fixture.image))
    assert max(errors.values()) >= mistake.least, f"{mistake}: {shown(errors)}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("s0_to_b2", "s1_to_b2"), ("b14_to_b15", "b14_to_b16"), ("b15", "b16"), ("P6", "P7")],
)
def test_would_see_exchanged_names(one: str, other: str) -> None:
    """Layers of equal shapes are told apart by the results alone."""
    fixture = load("resnet")
    compilation = fixture.compilation()
    weights = import_weights(compilation, fixture.weights)
    exchanged = {}
    for name, value in weights.items():
        unit, _, rest = name.partition(".")
        partner = {one: other, other: one}.get(unit, unit)
        exchanged[name] = weights.get(f"{partner}.{rest}", value)
    errors = relative_errors(fixture.outputs, run_onnx(compilation, exchanged, fixture.image))
    assert max(errors.values()) >= MISTAKE, shown(errors)
