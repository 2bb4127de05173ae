"""What training adds: drop-path rates and initialisation are the published ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import pytest
from garden_fixtures import NAMES, Array, load
from garden_targets import torch_network

from spinedsl.graph.inline import Inlined
from spinedsl.ops import DropPath, Initial
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec
from spinedsl.weights.drawn import TRUNCATED_DEVIATION, initial_weights
from spinedsl.weights.published import published_names

RATE = 0.2
# Read off the published networks, built with `init_stochastic_depth_rate=0.2`.
PUBLISHED_RATES = [
    0.0125, 0.025, 0.0375, 0.05, 0.0625, 0.075, 0.0875, 0.1,
    0.1125, 0.125, 0.1375, 0.15, 0.1625, 0.175, 0.1875, 0.2,
]  # fmt: skip


def drop_fractions(inlined: Inlined) -> dict[str, list[Fraction]]:
    """The share of the rate of every drop-path operator, by block."""
    fractions: dict[str, list[Fraction]] = {}
    for node in inlined.nodes:
        if isinstance(node.operator, DropPath):
            fractions.setdefault(node.owner, []).append(node.operator.fraction)
    return fractions


@pytest.mark.parametrize(
    ("spec", "repeat", "blocks"),
    [
        ("spinenet49", 1, 15),  # the list's sixteenth block is counted, and pruned
        ("spinenet96", 2, 15),
        ("spinenet190", 4, 15),
        ("spinenet49_p2", 1, 16),
        ("spinenet_mobile49", 1, 16),
    ],
)
def test_drop_path_rates(spec: str, repeat: int, blocks: int) -> None:
    # Only the rate is a choice: the schedule is what `conventions garden` has.
    overrides = {"conventions": "garden", "drop_path": f"{RATE} linear of max(blocks, 16)"}
    compilation = open_spec(f"std:{spec}", overrides)
    fractions = drop_fractions(compilation.inlined)
    assert fractions == {f"b{i + 1}": repeat * [Fraction(i, 16)] for i in range(1, blocks + 1)}
    assert fractions == drop_fractions(open_spec(f"std:{spec}", {"conventions": "garden"}).inlined)
    rates = [float(compilation.program.drop_path * copies[0]) for copies in fractions.values()]
    assert rates == pytest.approx(PUBLISHED_RATES[:blocks], rel=1e-12)


def test_other_conventions_count_the_blocks_there_are() -> None:
    """So the published schedule isn't proved by chance."""
    fractions = drop_fractions(open_spec("std:spinenet49").inlined)
    assert fractions["b16"] == [Fraction(1)]


def published_initial(variable: str, shape: tuple[int, ...]) -> Initial:
    """How the published networks initialise a variable, in TensorFlow's layout.

    `VarianceScaling()`, which is truncated normal over the fan-in, for every kernel; but the
    resampler's depthwise layers are given it as `kernel_initializer`, which they don't use, and so
    keep Keras's default. Keras counts a depthwise kernel (h, w, channels, 1) like any other one.
    """
    path, _, kind = variable.rpartition("/")
    if kind not in ("kernel", "depthwise_kernel"):
        return Initial("ones" if kind in ("gamma", "moving_variance") else "zeros")
    area = shape[0] * shape[1]
    in_a_block = "/" in path
    law = "truncated_normal" if kind == "kernel" or in_a_block else "glorot_uniform"
    return Initial(law, area * shape[2], area * shape[3])


def initials(compilation: Compilation) -> dict[str, Initial]:
    """The law of every parameter."""
    return {name: parameter.initial for name, parameter in compilation.inlined.parameters().items()}


@pytest.mark.parametrize("name", NAMES)
def test_initialisation(name: str) -> None:
    fixture = load(name)
    compilation = fixture.compilation()
    expected = {
        parameter: published_initial(variable.name, fixture.weights[variable.name].shape)
        for parameter, variable in published_names(compilation, "garden").items()
    }
    assert initials(compilation) == expected


def drawn_by_torch(compilation: Compilation) -> Mapping[str, Array]:
    """What the generated module starts from."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    return {name: value.numpy() for name, value in torch_network(compilation).state_dict().items()}


def drawn_for_onnx(compilation: Compilation) -> Mapping[str, Array]:
    """What an ONNX file holds that is given no weights."""
    return dict(initial_weights(compilation.inlined.parameters()))


SHAPES = {
    "truncated_normal": (lambda fan_in, fan_out: fan_in, 2 / TRUNCATED_DEVIATION),
    "glorot_uniform": (lambda fan_in, fan_out: (fan_in + fan_out) / 2, math.sqrt(3)),
}
"""Of each law: one over the variance, and where a value of variance 1 is cut."""


@pytest.mark.parametrize("draw", [drawn_by_torch, drawn_for_onnx])
@pytest.mark.parametrize("name", ["resnet", "mobile_swish"])
def test_both_targets_draw_from_it(name: str, draw: Callable[[Compilation], Mapping[str, Array]]) -> None:
    compilation = load(name).compilation()
    drawn = draw(compilation)
    standardised: dict[str, list[Array]] = {}
    for parameter, initial in initials(compilation).items():
        if initial.law in ("zeros", "ones"):
            assert (drawn[parameter] == (initial.law == "ones")).all(), parameter
            continue
        precision, _ = SHAPES[initial.law]
        scale = math.sqrt(precision(initial.fan_in, initial.fan_out))
        standardised.setdefault(initial.law, []).append(drawn[parameter].ravel() * scale)
    assert set(standardised) == ({"truncated_normal"} if name == "resnet" else set(SHAPES))
    for law, parts in standardised.items():
        values = np.concatenate(parts)
        cut = SHAPES[law][1]
        assert values.std() == pytest.approx(1, rel=0.03), law
        assert 0.99 * cut < np.abs(values).max() < 1.0001 * cut, law
