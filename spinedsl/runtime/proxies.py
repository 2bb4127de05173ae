"""Zero-cost proxies: numbers that rank networks by their generated modules, without training them.

1. `synflow`: how much flows through all weights at once; needs no images.
2. `naswot`: how differently the units of the network react to different images.
3. `zen`: how far a small change of the image moves the features.

Higher is better in all of them, and only among networks for one task: the numbers mean nothing alone.

A proxy works on a copy of the module, in evaluation mode; the module, its gradients and hooks, and
torch's random state stay as they are. What a proxy has to know of layers it learns from the calls of
torch's functions: generated modules call most activations without a layer.

Of a model with heads the raw outputs count, `module.outputs(images)`, which have gradients; heads on
regions aren't run. Networks that read another network's features can't be scored.
"""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from spinedsl.runtime.tools import need

BATCH = 16
"""Images that a proxy looks at unless told otherwise: `naswot`'s matrix has as many rows."""

REPEATS = 2
"""Draws of weights and images over which `zen` is averaged. One draw of a narrow SpineNet-49 varies by 0.5,
where a fifth more width makes 11."""

DISTANCE = 0.01
"""Of a disturbed image: the share of a second noise that is added. `mixup_gamma` of the published code."""

RECTIFIERS = {"relu": 0.0, "relu6": 0.0, "silu": 0.0, "hardswish": 0.0, "hardsigmoid": -3.0}
"""Functions of `torch.nn.functional` that let inputs above a threshold pass, and mostly stop those below."""

EXPONENT = 900
"""`synflow` computes on inputs of 2**-EXPONENT: of float64's range, little is needed below a network's flow."""

CHUNK = 1 << 22
"""Units whose codes are compared at once: their float32 sums are exact, and memory is bounded."""

Proxy = Callable[[Any, Sequence[int], int, int], float]
"""From a module, an image's shape (C, H, W), a seed and a number of images to a number."""


def proxy_value(name: str, module: Any, shape: Sequence[int], seed: int = 0, batch: int = BATCH) -> float:
    """A proxy of `PROXIES` by its name.

    Args:
        module: generated and initialised; `synflow` and `naswot` depend on its weights, `zen` doesn't.
        shape: of one image, (C, H, W).
        seed: of everything that is drawn.
        batch: how many images, at least 2.

    Returns:
        What the proxy says, higher is better. It may be infinite or no number, as each proxy explains.

    Raises:
        KeyError: there is no such proxy.
        ValueError: too few images.
        DiagnosticError: torch isn't installed (SP052).
    """
    return PROXIES[name](module, shape, seed, batch)


def synflow(module: Any, shape: Sequence[int]) -> float:
    """The natural logarithm of the synaptic flow, Σ |θ · ∂R/∂θ|; higher is better.

    R is the sum of all outputs for an image of ones, computed in float64 with absolute parameters.

    Source: Tanaka et al. 2020, arXiv 2006.05467, section 6; as a proxy, Abdelfattah et al. 2021,
    arXiv 2101.08134, whose code (zero-cost-nas, foresight/pruners) this follows:

    1. Batch norms pass their input on: neither their statistics nor their weights take part.
    2. θ are the weights of convolutions and dense layers. Biases take part in R, but aren't counted;
       neither are the weights of weighted merges.

    Different from that code, the network is linear, as the paper's R is:

    3. swish and hard_swish are relu, which they are for large inputs.
    4. The image is of 2**-EXPONENT, biases are as much smaller, and the result is scaled back. Where a
       network is relu this changes nothing. relu6, which would be full and stop the flow, is relu, too;
       gates, which would be open, are half open: a constant.

    Args:
        shape: of the image, (C, H, W).

    Returns:
        Infinity beyond a flow of 2**EXPONENT (1e270; SpineNet-190 has 1e216), minus infinity if nothing
        flows, not a number if a weight is none.

    Raises:
        DiagnosticError: torch isn't installed (SP052).
    """
    torch = need("torch", "the proxy “synflow”")
    functional = torch.nn.functional
    answers = {
        # A copy, as a norm's result may be written over while its input is still read.
        functional.batch_norm: lambda values, *_, **__: values.clone(),
        functional.silu: functional.relu,
        functional.hardswish: functional.relu,
    }
    with torch.inference_mode(False), torch.enable_grad():
        network = _copied(torch, module, torch.float64)
        for name, parameter in network.named_parameters():
            parameter.abs_().mul_(2.0**-EXPONENT if name.endswith("bias") else 1.0)
        weights = [layer.weight.requires_grad_() for layer in _weighted_layers(torch, network)]
        image = torch.full((1, *shape), 2.0**-EXPONENT, dtype=torch.float64, device=_device(module))
        with _answered(torch, answers):
            result = sum(output.sum() for output in _outputs(network, image))
        gradients = torch.autograd.grad(result, weights, allow_unused=True)
    if result.item() >= 1:
        return math.inf  # gates and relu6 are no longer linear, and little is left of the range
    flows = [(w.detach() * g).sum() for w, g in zip(weights, gradients, strict=True) if g is not None]
    return float(torch.stack(flows).sum().log()) + EXPONENT * math.log(2)


def naswot(module: Any, images: Any) -> float:
    """The log-determinant of how much the codes of images agree; higher is better.

    An image's code says of every rectified unit whether its input is above the rectifier's threshold:
    0, but -3 for hard_sigmoid. K[i, j] is the number of units on which images i and j agree.

    Source: Mellor et al. 2021, arXiv 2006.04647, section 3. As in their code, batch norms take their
    statistics from the images, and K is summed over all calls of rectifiers. They know relu only; here
    the rectifiers are `RECTIFIERS`. A sigmoid isn't one.

    Args:
        images: (N, C, H, W), at least two; the paper takes images of the data, noise does as well to
            rank networks that nobody has data for.

    Returns:
        Minus infinity if K is singular: images of equal codes, fewer units than images, or nothing
        rectified. So it is if values aren't numbers, which no threshold is below.

    Raises:
        ValueError: fewer than two images.
        DiagnosticError: torch isn't installed (SP052).
    """
    torch = need("torch", "the proxy “naswot”")
    _see_enough(len(images))
    agreement = torch.zeros(len(images), len(images), dtype=torch.float64)

    def coding(rectifier: Callable[..., Any], threshold: float) -> Callable[..., Any]:
        def answer(values: Any, *arguments: Any, **keywords: Any) -> Any:
            # Weights of merges are rectified, too, but have no images.
            if not isinstance(values, torch.nn.Parameter):
                agreement.add_(_agreement(torch, values > threshold))
            return rectifier(values, *arguments, **keywords)

        return answer

    functional = torch.nn.functional
    rectifiers = {getattr(functional, name): threshold for name, threshold in RECTIFIERS.items()}
    with torch.no_grad():
        network = _measuring(torch, _copied(torch, module, torch.float32))
        with _answered(torch, {each: coding(each, threshold) for each, threshold in rectifiers.items()}):
            _outputs(network, images.to(_device(module), torch.float32))
        return _log_determinant(torch, agreement)


def zen(
    module: Any, shape: Sequence[int], seed: int = 0, batch: int = BATCH, repeats: int = REPEATS
) -> float:
    """The Zen-score, log E‖f(x) - f(x + αε)‖ + Σ log σ over the batch norms; higher is better.

    x and ε are normal noise, α is `DISTANCE`, f all outputs as one vector, the norm Euclidean. σ² is the
    variance of a norm's input over images and pixels, averaged over channels, for x: what the norm
    divides by is multiplied in again. Weights are drawn from N(0, 1), biases are 0, the norms' weights 1.

    Source: Lin et al. 2021, arXiv 2102.01063, algorithm 1. Different from it:

    1. Nothing is removed. The paper takes residual links out, so that norms stand in a row; here merges
       by addition stay, and all norms count, those of parallel edges too: more edges score higher.
    2. f is the endpoints, not one feature map before pooling.
    3. The variance is that of one batch; the published code reads running variances, which mix both
       images' and the values before, and takes the sum of magnitudes for the norm.

    Args:
        shape: of one image, (C, H, W).
        seed: of weights and images.
        batch: how many images, at least 2.
        repeats: draws of both, over which the score is averaged.

    Returns:
        Minus infinity if a norm's input is constant, or nothing moves. Infinity or not a number if the
        features overflow float32: what a deep module without norms does, as one with folded norms is.

    Raises:
        ValueError: fewer than two images, or no repeats.
        DiagnosticError: torch isn't installed (SP052).
    """
    torch = need("torch", "the proxy “zen”")
    _see_enough(batch)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        network = _measuring(torch, _copied(torch, module, torch.float32))
        scores = []
        for _ in range(repeats):
            _draw_normal(torch, network, generator)
            image, change = (_noise(torch, (batch, *shape), generator) for _ in range(2))
            scores.append(_zen_once(torch, network, image, image + DISTANCE * change))
    return statistics.fmean(scores)


def _zen_once(torch: Any, network: Any, image: Any, disturbed: Any) -> float:
    batch_norm = torch.nn.functional.batch_norm
    variances: list[Any] = []

    def measured(values: Any, *arguments: Any, **keywords: Any) -> Any:
        variances.append(values.transpose(0, 1).flatten(1).var(1, correction=0).mean())
        return batch_norm(values, *arguments, **keywords)

    device = _device(network)
    with _answered(torch, {batch_norm: measured}):
        features = _outputs(network, image.to(device))
    moved = _outputs(network, disturbed.to(device))
    squares = sum(
        (after.double() - before.double()).flatten(1).square().sum(1)
        for after, before in zip(moved, features, strict=True)
    )
    scaling = sum(variance.double().log() / 2 for variance in variances)
    return float(squares.sqrt().mean().log() + scaling)


def _draw_normal(torch: Any, network: Any, generator: Any) -> None:
    """Weights from N(0, 1), as if nothing had been learned; weights of merges are no layer's, and stay."""
    for layer in _weighted_layers(torch, network):
        layer.weight.copy_(_noise(torch, layer.weight.shape, generator))
        if layer.bias is not None:
            layer.bias.zero_()
    for norm in _norms(torch, network):
        norm.weight.fill_(1)
        norm.bias.zero_()


def _agreement(torch: Any, codes: Any) -> Any:
    """On how many units images agree, exactly: from codes (N, …) to (N, N).

    c cᵀ + (1 - c)(1 - c)ᵀ is (units + s sᵀ) / 2 for the signs s = 2 c - 1.
    """
    counts = torch.zeros(len(codes), len(codes), dtype=torch.float64)
    for part in codes.flatten(1).split(CHUNK, dim=1):
        signs = part.float() * 2 - 1
        counts += ((signs @ signs.T).double().cpu() + part.shape[1]) / 2
    return counts


def _log_determinant(torch: Any, matrix: Any) -> float:
    """Of a symmetric matrix without negative eigenvalues; where one is zero but for rounding, -∞."""
    eigenvalues = torch.linalg.eigvalsh(matrix)
    rounding = eigenvalues[-1] * len(matrix) * torch.finfo(matrix.dtype).eps
    return float(eigenvalues.log().sum()) if eigenvalues[0] > rounding else -math.inf


@contextmanager
def _answered(torch: Any, answers: Mapping[Any, Callable[..., Any]]) -> Iterator[None]:
    """Inside, calls of functions of torch are answered by others, which may call them in turn."""

    class Answers(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
        ) -> Any:
            return answers.get(function, function)(*arguments, **(keywords or {}))

    with Answers():
        yield


def _copied(torch: Any, module: Any, dtype: Any) -> Any:
    """A copy to do anything to: no layer of it draws, and no parameter wants a gradient."""
    return copy.deepcopy(module).to(dtype).eval().requires_grad_(False)


def _measuring(torch: Any, network: Any) -> Any:
    """The same network, whose norms take their statistics from the batch, as in training."""
    for norm in _norms(torch, network):
        norm.train()
    return network


def _outputs(network: Any, images: Any) -> list[Any]:
    """The endpoints of a network, or the raw outputs of a model's heads."""
    found = getattr(network, "outputs", network)(images)
    return list(found.values()) if isinstance(found, dict) else [found]


def _norms(torch: Any, network: Any) -> list[Any]:
    return [layer for layer in network.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]


def _weighted_layers(torch: Any, network: Any) -> list[Any]:
    kinds = (torch.nn.modules.conv._ConvNd, torch.nn.Linear)
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def _noise(torch: Any, shape: Sequence[int], generator: Any) -> Any:
    """Drawn where every machine draws the same, whatever device the module is on."""
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32, device="cpu")


def _device(module: Any) -> Any:
    return next(module.parameters()).device


def _see_enough(images: int) -> None:
    if images < 2:
        raise ValueError(f"a proxy compares images: it needs at least 2, not {images}")


def _naswot_of_noise(module: Any, shape: Sequence[int], seed: int, batch: int) -> float:
    torch = need("torch", "the proxy “naswot”")
    return naswot(module, _noise(torch, (batch, *shape), torch.Generator().manual_seed(seed)))


PROXIES: Mapping[str, Proxy] = {
    "synflow": lambda module, shape, seed, batch: synflow(module, shape),
    "naswot": _naswot_of_noise,
    "zen": zen,
}
"""Every proxy by its name, called alike; `synflow` needs neither seed nor images, `naswot` sees noise."""
