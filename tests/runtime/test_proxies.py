"""Zero-cost proxies against closed forms and numpy, and that they leave no trace in the module."""

from __future__ import annotations

import copy
import math
from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch", reason="runs modules")

import torch
from torch import nn

from spinedsl.api import torch_source
from spinedsl.emit.torch.operators import ACTIVATIONS
from spinedsl.ir.titles import class_name
from spinedsl.profiles import PROFILES, Optimisation
from spinedsl.runtime import load_module, proxies
from spinedsl.runtime.proxies import (
    DISTANCE,
    EXPONENT,
    PROXIES,
    RECTIFIERS,
    naswot,
    proxy_value,
    synflow,
    zen,
)
from spinedsl.specification import open_spec

SHAPE = (3, 128, 128)
NARROW = {"scale.width": "0.125", "input": "3 x 128 x 128"}
SMALL = (3, 2, 2)
PIXELS = 4
ROUNDING = 1e-4
"""Of a difference of features in float32, relative to `DISTANCE` of them."""


@cache
def generated(spec: str = "std:spinenet49", level: int = 0, drop_path: float = 0.0, **overrides: str):
    compilation = open_spec(spec, {**NARROW, **overrides})
    if level:
        compilation = compilation.optimised(Optimisation(level, PROFILES["torch"]))
    made = load_module(torch_source(compilation), class_name(compilation.subject))
    return made(drop_path=drop_path, generator=torch.Generator().manual_seed(0))


def drawn(*layers: nn.Module) -> nn.Sequential:
    """Layers in a row, all of whose parameters and statistics are random and of both signs."""
    network = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in (*network.parameters(), *network.buffers()):
            if values.is_floating_point():
                values.normal_(generator=generator)
        for layer in network:
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_var.abs_()
    return network


def matrix(layer: nn.Module) -> np.ndarray:
    """The weights of a dense layer or a 1x1 convolution, (out, in)."""
    return layer.weight.detach().double().numpy().reshape(layer.weight.shape[:2])


def images(*values: float) -> torch.Tensor:
    """One image of one pixel for each value."""
    return torch.tensor(values).reshape(-1, 1, 1, 1)


class Applied(nn.Module):
    """A function as a layer."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


# ---- synflow


def test_the_flow_of_two_dense_layers():
    network = drawn(nn.Flatten(), nn.Linear(12, 5, bias=False), nn.Linear(5, 4, bias=False))
    total = (np.abs(matrix(network[2])) @ np.abs(matrix(network[1]))).sum()
    # Every layer carries the whole flow.
    assert synflow(network, SMALL) == pytest.approx(math.log(2 * total), rel=1e-12)


def test_norms_pass_on_and_biases_flow():
    network = drawn(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    first, second = (np.abs(matrix(network[i])) for i in (0, 3))
    bias = np.abs(network[0].bias.detach().double().numpy())
    # θ are the weights: the first bias takes part as an input of the second layer only.
    flow = (second @ (first.sum(1) + bias)).sum() + (second @ first).sum()
    assert synflow(network, SMALL) == pytest.approx(math.log(PIXELS * flow), rel=1e-12)


def test_a_norm_may_be_written_over():
    """As rewritten modules do, while others read what was normalised."""
    norm = nn.BatchNorm2d(4)
    network = drawn(nn.Conv2d(3, 4, 1, bias=False), Applied(lambda x: norm(x).add_(x) + x))
    flow = 3 * np.abs(matrix(network[0])).sum()
    assert synflow(network, SMALL) == pytest.approx(math.log(PIXELS * flow), rel=1e-12)


@pytest.mark.parametrize("activation", [nn.ReLU6, nn.SiLU, nn.Hardswish])
def test_rectifiers_are_linear(activation):
    """Weights are so large that relu6 would be full, and so few that swish isn't yet relu."""
    for factor in (1e-3, 1e3):
        layers = drawn(nn.Conv2d(3, 4, 1), nn.Identity(), nn.Conv2d(4, 2, 1))
        with torch.no_grad():
            layers[0].weight.mul_(factor)
            layers[0].bias.zero_()
        linear = synflow(layers, SMALL)
        layers[1] = activation()
        assert synflow(layers, SMALL) == pytest.approx(linear, rel=1e-12)


@pytest.mark.parametrize("gate", [torch.sigmoid, nn.functional.hardsigmoid])
def test_gates_are_half_open(gate):
    network = drawn(nn.Conv2d(3, 4, 1), nn.Identity(), nn.Conv2d(4, 2, 1))
    with torch.no_grad():
        network[0].bias.zero_()
    open_ = synflow(network, SMALL)
    network[1] = Applied(lambda x: x * gate(x))
    assert synflow(network, SMALL) == pytest.approx(open_ - math.log(2), rel=1e-12)


def chain(length: int, weight: float) -> nn.Sequential:
    """Convolutions in a row, through which weight**length flows."""
    network = nn.Sequential(*(nn.Conv2d(1, 1, 1, bias=False) for _ in range(length)))
    for parameter in network.parameters():
        nn.init.constant_(parameter, weight)
    return network


def test_flows_up_to_the_limit():
    deep, limit = 260, EXPONENT * math.log10(2)
    assert deep < limit
    expected = math.log(deep) + deep * math.log(10)
    assert synflow(chain(deep, 10.0), (1, 1, 1)) == pytest.approx(expected, rel=1e-12)
    assert synflow(chain(math.ceil(limit), 10.0), (1, 1, 1)) == math.inf
    assert synflow(chain(2, 0.0), (1, 1, 1)) == -math.inf
    assert math.isnan(synflow(chain(2, math.nan), (1, 1, 1)))


def test_layers_that_nothing_reads_carry_nothing():
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return {"P3": self.used(x)}

    network = Partly()
    expected = math.log(np.abs(matrix(network.used)).sum())
    assert synflow(network, (2,)) == pytest.approx(expected, rel=1e-12)


# ---- naswot


def log_determinant(codes: np.ndarray) -> float:
    """Of the published kernel, from codes (N, units)."""
    kernel = codes @ codes.T + (1 - codes) @ (1 - codes).T
    sign, value = np.linalg.slogdet(kernel)
    assert sign == 1
    return value


@pytest.mark.parametrize("chunk", [1 << 22, 2])
def test_codes_are_compared(chunk, monkeypatch):
    monkeypatch.setattr(proxies, "CHUNK", chunk)
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.SiLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0, 1.0]).reshape(3, 1, 1, 1))
        network[0].bias.copy_(torch.tensor([0.0, 0.0, -2.5]))
        network[2].weight.copy_(torch.tensor([[1.0, -2.0, 0.0], [1.0, 0.0, -4.0]]).reshape(2, 3, 1, 1))
        network[2].bias.copy_(torch.tensor([1.0, -1.5]))
    # Units of both layers, for images of -1, 1, 2 and 3.
    codes = np.array([[0, 1, 0, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 1, 1], [1, 0, 1, 1, 0]])
    assert naswot(network, images(-1, 1, 2, 3)) == pytest.approx(log_determinant(codes), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "threshold"),
    [("relu", 0), ("relu6", 0), ("silu", 0), ("hardswish", 0), ("hardsigmoid", -3)],
)
@pytest.mark.parametrize("in_place", [False, True])
def test_every_rectifier_has_its_threshold(function, threshold, in_place):
    rectify = getattr(nn.functional, function)
    network = nn.Sequential(nn.Conv2d(1, 4, 1), Applied(lambda x: rectify(x, inplace=in_place)))
    with torch.no_grad():
        network[0].weight.fill_(1)
        network[0].bias.copy_(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    values = np.array([-0.5, -1.0, -2.0, -3.5]) + threshold  # at the threshold itself nothing passes
    codes = (values[:, None] + np.arange(4) > threshold).astype(float)
    assert codes.sum(1).tolist() == [3, 2, 1, 0]
    assert naswot(network, images(*values)) == pytest.approx(log_determinant(codes), rel=1e-12)


def test_every_activation_is_a_rectifier_or_none():
    """A new activation has to be put into one of the groups, and `synflow` has to know what it passes."""
    functions = {text.rpartition(".")[2] for text in ACTIVATIONS.values()}
    assert functions - RECTIFIERS.keys() == {"sigmoid"}
    assert RECTIFIERS.keys() <= functions


@pytest.mark.parametrize(
    "values", [(1, 1, -1), (3, 2, 1), (math.nan, 1, -1, math.nan)], ids=["equal", "same signs", "no numbers"]
)
def test_equal_codes_are_singular(values):
    network = drawn(nn.Conv2d(1, 7, 1, bias=False), nn.ReLU())
    assert naswot(network, images(*values)) == -math.inf


def test_fewer_units_than_images_are_singular():
    """Codes 00, 01, 10 and 11 are all different, but of rank 3."""
    network = nn.Sequential(nn.ReLU())
    network.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    codes = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    assert naswot(network, codes) == -math.inf
    assert naswot(network, codes[:3]) == pytest.approx(log_determinant((codes[:3] > 0).numpy() * 1.0))


def test_nothing_rectified_is_singular():
    assert naswot(drawn(nn.Conv2d(1, 7, 1), nn.Sigmoid()), images(1, 2)) == -math.inf


@pytest.mark.parametrize("training", [False, True])
def test_norms_take_their_statistics_from_the_images(training):
    network = drawn(nn.Conv2d(1, 40, 1), nn.BatchNorm2d(40), nn.ReLU()).train(training)
    values = np.array([-2.0, -0.3, 0.1, 0.4, 5.0])
    inner = values[:, None] * matrix(network[0])[:, 0]
    inner = (inner - inner.mean(0)) / np.sqrt(inner.var(0) + network[1].eps)
    weight, bias = (p.detach().numpy() for p in (network[1].weight, network[1].bias))
    codes = (inner * weight + bias > 0).astype(float)
    assert naswot(network, images(*values)) == pytest.approx(log_determinant(codes), rel=1e-12)


def test_weights_of_merges_have_no_code():
    """As many inputs as images, so that their weights could pass for a unit of each image."""

    class Merge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([1.0, -1.0]))

        def forward(self, x):
            weight = nn.functional.relu(self.weight)
            return weight[0] * x + weight[1] * x

    plain = drawn(nn.Conv2d(1, 5, 1), nn.ReLU())
    merged = nn.Sequential(*plain, Merge())
    assert naswot(merged, images(1, -1)) == naswot(plain, images(1, -1)) > 0


# ---- zen


def noise(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).double().numpy() for shape in shapes]


def norms_of(change: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(change).reshape(len(change), -1).sum(1))


def test_the_zen_score_of_one_convolution():
    network = nn.Sequential(nn.Conv2d(3, 4, 1))
    nn.init.constant_(network[0].bias, 1e6)
    weight, _, change = noise(5, (4, 3, 1, 1), (6, *SMALL), (6, *SMALL))
    moved = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], DISTANCE * change)
    expected = math.log(norms_of(moved).mean())
    assert zen(network, SMALL, seed=5, batch=6, repeats=1) == pytest.approx(expected, rel=ROUNDING)


def test_the_zen_score_of_norms():
    network = drawn(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2))
    first, second, image, change = noise(5, (4, 3, 1, 1), (2, 4, 1, 1), (6, *SMALL), (6, *SMALL))
    deviations: list[float] = []

    def normalised(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
        values = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], values)
        variance = values.var((0, 2, 3), keepdims=True)
        deviations.append(math.sqrt(variance.mean()))
        return (values - values.mean((0, 2, 3), keepdims=True)) / np.sqrt(variance + network[1].eps)

    def features(values: np.ndarray) -> np.ndarray:
        return normalised(second, np.maximum(normalised(first, values), 0))

    moved = features(image + DISTANCE * change) - features(image)
    # The last two are those of the image itself.
    expected = math.log(norms_of(moved).mean()) + sum(map(math.log, deviations[2:]))
    found = zen(network, SMALL, seed=5, batch=6, repeats=1)
    assert found == pytest.approx(expected, abs=ROUNDING)
    assert zen(network.eval(), SMALL, seed=5, batch=6, repeats=1) == found


def test_all_endpoints_are_one_vector():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return {"P3": self.conv(x), "P4": self.conv(x)[:, :, :1]}

    weight, _, change = noise(5, (4, 3, 1, 1), (6, *SMALL), (6, *SMALL))
    moved = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], DISTANCE * change)
    expected = math.log(np.hypot(norms_of(moved), norms_of(moved[:, :, :1])).mean())
    assert zen(Twice(), SMALL, seed=5, batch=6, repeats=1) == pytest.approx(expected, rel=ROUNDING)


def test_draws_are_averaged():
    """The second draw follows the first from the same generator."""
    weight, _, change, weight2, _, change2 = noise(3, *2 * [(4, 3, 1, 1), (6, *SMALL), (6, *SMALL)])
    moved = [
        np.einsum("oi,nihw->nohw", w[:, :, 0, 0], DISTANCE * c)
        for w, c in ((weight, change), (weight2, change2))
    ]
    expected = sum(math.log(norms_of(each).mean()) for each in moved) / 2
    found = zen(nn.Sequential(nn.Conv2d(3, 4, 1)), SMALL, seed=3, batch=6, repeats=2)
    assert found == pytest.approx(expected, rel=ROUNDING)


def test_scores_that_are_no_numbers():
    norm = nn.BatchNorm2d(4)
    beside_a_constant = nn.Sequential(nn.Conv2d(3, 4, 1), Applied(lambda x: {"P3": x, "P4": norm(x * 0)}))
    assert zen(beside_a_constant, SMALL, batch=4) == -math.inf
    unmoved = nn.Sequential(nn.Conv2d(3, 4, 1), Applied(lambda x: x * 0))
    assert zen(unmoved, SMALL, batch=4) == -math.inf
    deep = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(2)), Applied(lambda x: x * 1e38))
    assert not math.isfinite(zen(deep, SMALL, batch=4))


# ---- all


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize(
    ("spec", "overrides"),
    [
        ("std:spinenet49", {}),
        ("std:spinenet49", {"act": "swish"}),
        ("std:spinenet49", {"act": "relu6"}),
        ("std:spinenet_mobile49xs", {"scale.width": "0.3", "conventions": "garden"}),
        ("std:spinenet49_retinanet", {"head": "retinanet(classes = 5, width = 16, depth = 2)"}),
    ],
)
def test_generated_modules_have_a_score(name, spec, overrides):
    value = proxy_value(name, generated(spec, **overrides), SHAPE, batch=2)
    assert math.isfinite(value)
    assert value > 0


def test_wider_and_deeper_networks_score_higher():
    """What the proxies are for; the differences are far beyond the noise of a draw."""
    for name in PROXIES:
        small, wide, deep = (
            proxy_value(name, generated(**more), SHAPE, batch=4)
            for more in ({}, {"scale.width": "0.25"}, {"repeat": "2"})
        )
        assert small + 1 < wide
        assert small + 1 < deep


@pytest.mark.parametrize("level", [1, 2])
def test_rewritten_modules_flow_alike(level):
    """In place, too, where gradients need what is written over: the written network's flow."""
    written, rewritten = (synflow(generated(level=each), SHAPE) for each in (0, level))
    assert rewritten == pytest.approx(written, abs=0.05)


def test_scores_depend_on_their_seed_alone():
    module = generated(drop_path=0.5)
    for name in PROXIES:
        scores = []
        for seed, other in ((0, 1), (0, 2), (7, 1)):
            torch.manual_seed(other)
            scores.append(proxy_value(name, module, SHAPE, seed, batch=2))
        assert scores[0] == scores[1]
        assert (scores[0] == scores[2]) is (name == "synflow")


def test_zen_draws_its_own_weights():
    first = generated()
    second = copy.deepcopy(first)
    second.initialise(torch.Generator().manual_seed(1))
    for name in PROXIES:
        scores = [proxy_value(name, module, SHAPE, batch=2) for module in (first, second)]
        assert (scores[0] == scores[1]) is (name == "zen")


class Failing(nn.Module):
    """Ends a network with an error, after everything before it has run."""

    def forward(self, x):
        raise ArithmeticError("no")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", PROXIES)
def test_no_trace_is_left(name, fails):
    last = Failing() if fails else nn.ReLU()
    network = drawn(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 2, 1), last).train()
    network[1].eval()
    network[3].weight.requires_grad_(False)
    network[0].weight.grad = torch.full_like(network[0].weight, 3)
    network[0].register_forward_hook(lambda *_: None)
    before = copy.deepcopy(network)
    random = torch.get_rng_state()
    if fails:
        with pytest.raises(ArithmeticError):
            proxy_value(name, network, SMALL)
    else:
        proxy_value(name, network, SMALL)
    assert torch.equal(torch.get_rng_state(), random)
    state, expected = network.state_dict(), before.state_dict()
    assert list(state) == list(expected)
    assert all(
        torch.equal(state[key], value) and state[key].dtype == value.dtype for key, value in expected.items()
    )
    for found, wanted in zip(network.parameters(), before.parameters(), strict=True):
        assert found.requires_grad is wanted.requires_grad
    first, *others = network.parameters()
    assert first.grad.eq(3).all()
    assert all(parameter.grad is None for parameter in others)
    assert [layer.training for layer in network.modules()] == [layer.training for layer in before.modules()]
    assert [len(layer._forward_hooks) for layer in network] == [1, 0, 0, 0, 0]
    # Nor in torch: functions answer as ever.
    assert torch.overrides._get_current_function_mode() is None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("name", PROXIES)
def test_it_does_not_matter_who_asks(name, mode):
    network = drawn(nn.Conv2d(3, 32, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 2, 1))
    expected = proxy_value(name, network, SMALL, batch=4)
    assert math.isfinite(expected)
    with mode():
        assert proxy_value(name, network.requires_grad_(False), SMALL, batch=4) == expected


@pytest.mark.parametrize("name", ["naswot", "zen"])
def test_one_image_is_too_few(name):
    with pytest.raises(ValueError, match="at least 2, not 1"):
        proxy_value(name, drawn(nn.Conv2d(3, 4, 1), nn.ReLU()), SMALL, batch=1)


def test_an_unknown_proxy():
    with pytest.raises(KeyError):
        proxy_value("accuracy", nn.ReLU(), SMALL)
