"""`spinec verify`: both targets with the same weights must give the same numbers.

1. Both targets are written in memory, the ONNX model with an open batch.
2. Every parameter is random, norm statistics too, unless a file of weights is given.
3. Each endpoint's difference counts relative to the endpoint's largest number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinedsl.diagnostics import Diagnostic, Severity
from spinedsl.emit import torch as torch_target
from spinedsl.ir.model import FeatureInput
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import Compilation
from spinedsl.runtime.modules import load_module, load_state
from spinedsl.runtime.tools import need
from spinedsl.weights import Array, load_weights, random_weights

TOLERANCE = 1e-4
"""Largest relative difference that passes: float32 sums in different orders stay far below."""

SMALLEST = 128
"""Default of height and width, or the next size that the network can take."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One endpoint of both targets.

    Attributes:
        shape: of the value, batch first.
        largest: the largest magnitude in torch's value.
        difference: the largest difference, divided by `largest`; infinite if a value isn't finite,
            shapes differ, or torch's value is zero everywhere.
    """

    endpoint: str
    shape: tuple[int, ...]
    largest: float
    difference: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        network: its title or name.
        size: height and width of the image.
        opset: of the ONNX model.
        tolerance: what `difference` may be at most.
        endpoints: one for each, in level order.
        versions: of the libraries that computed.
    """

    network: str
    size: tuple[int, int]
    batch: int
    opset: int
    tolerance: float
    endpoints: tuple[Comparison, ...]
    versions: dict[str, str]

    @property
    def worst(self) -> float:
        """The largest difference of all endpoints."""
        return max(comparison.difference for comparison in self.endpoints)

    @property
    def passed(self) -> bool:
        """Whether all endpoints agree."""
        return self.worst <= self.tolerance

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """An error for each endpoint that doesn't agree (SP053)."""
        return tuple(
            Diagnostic(
                "SP053",
                f"endpoint “{c.endpoint}” of “{self.network}” differs by {c.difference:.1e}, "
                f"more than the {self.tolerance:.0e} allowed",
                Severity.ERROR,
                help="report it with the spec: two targets of one network must not disagree",
            )
            for c in self.endpoints
            if not c.difference <= self.tolerance
        )


def verify(
    compilation: Compilation,
    *,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    weights: Path | None = None,
    seed: int = 0,
    opset: int = 17,
    tolerance: float = TOLERANCE,
) -> Report:
    """Run a network in PyTorch and in ONNX Runtime, and compare.

    Args:
        size: height and width of the image; by default the smallest of at least 128 that divides.
        batch: how many images.
        weights: a .safetensors file; random ones by default.
        seed: of weights and images.
        opset: of the ONNX model.
        tolerance: largest relative difference that passes.

    Raises:
        DiagnosticError: the network doesn't compile, a size that doesn't divide (SP038), weights
            that don't fit (SP051), torch or onnxruntime missing (SP052).
    """
    torch, onnxruntime = (need(name, "`spinec verify`") for name in ("torch", "onnxruntime"))
    size = size or default_size(compilation)
    compilation = compilation.resized(*size)
    images = dict(_images(compilation, batch, seed))
    parameters = compilation.inlined.parameters()
    if weights:
        values = dict(load_weights(weights, parameters, compilation.network.conventions))
    else:
        values = dict(random_weights(parameters, seed))
    expected = _run_torch(torch, compilation, values, images)
    actual = _run_onnx(onnxruntime, compilation, values, images, opset)
    return Report(
        compilation.network.title or compilation.network.name,
        size,
        batch,
        opset,
        tolerance,
        tuple(compare(e.name, expected[e.name], actual[e.name]) for e in compilation.program.endpoints),
        {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
    )


def default_size(compilation: Compilation) -> tuple[int, int]:
    """The smallest square image of at least `SMALLEST` that the network can take."""
    step = 1 if compilation.network.sizes == "any" else compilation.program.stride
    extent = -(-SMALLEST // step) * step
    return extent, extent


def compare(endpoint: str, expected: Array, actual: Array) -> Comparison:
    """The difference of two values, relative to the largest number of the expected one."""
    largest = float(np.abs(expected).max()) if expected.size else 0.0
    difference = math.inf
    if (
        expected.shape == actual.shape
        and np.isfinite(expected).all()
        and np.isfinite(actual).all()
        and largest
    ):
        difference = float(np.abs(expected.astype(np.float64) - actual).max()) / largest
    return Comparison(endpoint, expected.shape, largest, difference)


def _images(compilation: Compilation, batch: int, seed: int) -> Iterator[tuple[str, Array]]:
    stream = np.random.default_rng(seed)
    for port in compilation.program.main.inputs:
        yield port.name, stream.standard_normal((batch, *port.shape), np.float32)


def _run_torch(
    torch: Any, compilation: Compilation, weights: dict[str, Array], images: dict[str, Array]
) -> dict[str, Array]:
    source = torch_target.emit(compilation.network, compilation.program, compilation.inlined)
    network = load_module(source, class_name(compilation.network))()
    load_state(network, weights.items())
    network.eval()
    tensors = {name: torch.from_numpy(image) for name, image in images.items()}
    features = isinstance(compilation.network.input, FeatureInput)
    with torch.no_grad():
        found = network(tensors) if features else network(*tensors.values())
    return {name: value.numpy() for name, value in found.items()}


def _run_onnx(
    onnxruntime: Any,
    compilation: Compilation,
    weights: dict[str, Array],
    images: dict[str, Array],
    opset: int,
) -> dict[str, Array]:
    from spinedsl.emit.onnx import OnnxOptions, emit

    options = OnnxOptions(opset, frozenset({"batch"}))
    model = emit(compilation.network, compilation.program, compilation.inlined, options)
    session = onnxruntime.InferenceSession(
        model.to_bytes(weights.items()), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, images), strict=True))
