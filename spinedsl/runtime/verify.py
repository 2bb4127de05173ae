"""`spinec verify`: both targets with the same weights must give the same numbers.

1. Both targets are written in memory, the ONNX model with an open batch.
2. Every parameter is random, norm statistics too, unless a file of weights is given.
3. Each endpoint's difference counts relative to the endpoint's largest number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spinedsl.diagnostics import Diagnostic, Severity
from spinedsl.emit import torch as torch_target
from spinedsl.emit.runtimes import form_of
from spinedsl.graph.assembly import Assembly
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.ir.model import FeatureInput
from spinedsl.ir.titles import class_name
from spinedsl.passes.fold_norms import fold_norms
from spinedsl.pipeline import AnyCompilation, Compilation
from spinedsl.runtime.modules import load_module, load_state
from spinedsl.runtime.tools import need
from spinedsl.weights import Array, Weights, load_weights, random_weights
from spinedsl.weights.folded import folded_weights

TOLERANCE = 1e-4
"""Largest relative difference that passes: float32 sums in different orders stay far below."""

STEPS = 4
"""Of which `verify` tells how many are done."""

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
                f"more than the {self.tolerance:g} allowed",
                Severity.ERROR,
                help=_help(c.difference),
            )
            for c in self.endpoints
            if not c.difference <= self.tolerance
        )


def _help(difference: float) -> str:
    if difference <= TOLERANCE:
        return (
            f"sums of float32 in another order differ by as much: allow {TOLERANCE:g}, as without --tolerance"
        )
    return "report it with the spec: two targets of one network must not disagree"


def verify(
    compilation: AnyCompilation,
    *,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    weights: Path | None = None,
    seed: int = 0,
    opset: int = 17,
    tolerance: float = TOLERANCE,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Report:
    """Run a network in PyTorch and in ONNX Runtime, and compare.

    Of a network that is rewritten the ONNX model is; the module is what was written.

    Args:
        size: height and width of the image; by default the smallest of at least 128 that divides.
        batch: how many images.
        weights: a .safetensors file; random ones by default.
        seed: of weights and images.
        opset: of the ONNX model.
        tolerance: largest relative difference that passes.
        progress: told how many steps of how many are done, and which comes next.

    Raises:
        DiagnosticError: the network doesn't compile, a size that doesn't divide (SP038), weights
            that don't fit (SP051), a runtime that has no ONNX files (SP030), torch or onnxruntime missing (SP052).
    """
    progress(0, STEPS, "the runtimes")
    torch, onnxruntime = (need(name, "`spinec verify`") for name in ("torch", "onnxruntime"))
    form_of(compilation.optimisation)  # which refuses a runtime that has no ONNX files
    size = size or default_size(compilation)
    compilation = compilation.resized(*size)
    progress(1, STEPS, "the weights")
    parameters = compilation.parameters
    if weights:
        values = dict(load_weights(weights, parameters, compilation.network.conventions))
    else:
        values = dict(random_weights(parameters, seed))
    progress(2, STEPS, "PyTorch's module")
    written = compilation if compilation.optimisation is None else compilation.optimised(None)
    module = _module(written)
    load_state(module, values.items())
    module.eval()
    comparisons: list[Comparison] = []
    progress(3, STEPS, "both, in turn")
    for graph in _graphs(compilation):
        inputs = dict(_inputs(graph.program, batch, seed))
        with torch.no_grad():
            tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
            found = graph.run(module, tensors)
        actual = _run_onnx(onnxruntime, compilation, graph, values, inputs, opset)
        for endpoint in graph.program.endpoints:
            name = endpoint.name
            comparison = compare(name, found[name].numpy(), actual[name])
            comparisons.append(replace(comparison, endpoint=graph.prefix + name))
    subject = compilation.subject
    return Report(
        subject.title or subject.name,
        size,
        batch,
        opset,
        tolerance,
        tuple(comparisons),
        {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
    )


def default_size(compilation: AnyCompilation) -> tuple[int, int]:
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


@dataclass(frozen=True, slots=True)
class Graph:
    """What is one graph in ONNX: a network, a model but for its heads on regions, one of those.

    Attributes:
        run: the same in the torch module, from tensors by input to values by endpoint.
        prefix: stands before its endpoints' names in the report.
    """

    program: Program
    inlined: Inlined
    run: Callable[[Any, dict[str, Any]], dict[str, Any]]
    prefix: str = ""


def _graphs(compilation: AnyCompilation) -> Iterator[Graph]:
    if isinstance(compilation, Compilation):
        features = isinstance(compilation.network.input, FeatureInput)

        def whole(network: Any, inputs: dict[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = network(inputs) if features else network(*inputs.values())
            return found

        yield Graph(compilation.program, compilation.inlined, whole)
        return
    assembly = compilation.assembly
    yield Graph(compilation.program, compilation.inlined, lambda m, x: _run_parts(assembly, m, x))
    programs = {part.name: program for part, program in assembly.region_programs()}
    for part, inlined in compilation.regions:

        def region(model: Any, inputs: dict[str, Any], name: str = part.name) -> dict[str, Any]:
            found: dict[str, Any] = getattr(model, name)(*inputs.values())
            return found

        yield Graph(programs[part.name], inlined, region, f"{part.name}.")


def _run_parts(assembly: Assembly, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """The heads' raw outputs, under the names they have in ONNX."""
    (image,) = inputs.values()
    values: dict[str, dict[str, Any]] = {}
    heads = [part for part in assembly.parts if part.role == "head" and not part.regions]
    found: dict[str, Any] = {}
    for part in assembly.parts:
        if part.regions:
            continue
        given = {port: values[part.reads][endpoint] for port, endpoint in part.sources}
        values[part.name] = getattr(model, part.name)(given if part.reads else image)
        if part.role == "head":
            before = "" if len(heads) == 1 else f"{part.name}_"
            found |= {before + name: value for name, value in values[part.name].items()}
    return found


def _module(compilation: AnyCompilation) -> Any:
    if isinstance(compilation, Compilation):
        source = torch_target.emit(compilation.network, compilation.program, compilation.inlined)
    else:
        networks = [part.network for part in compilation.parts]
        source = torch_target.emit_model(compilation.model, networks, compilation.assembly)
    return load_module(source, class_name(compilation.subject))()


def _inputs(program: Program, batch: int, seed: int) -> Iterator[tuple[str, Array]]:
    stream = np.random.default_rng(seed)
    for port in program.main.inputs:
        yield port.name, stream.standard_normal((batch, *port.shape), np.float32)


def _run_onnx(
    onnxruntime: Any,
    compilation: AnyCompilation,
    graph: Graph,
    weights: dict[str, Array],
    inputs: dict[str, Array],
    opset: int,
) -> dict[str, Array]:
    from spinedsl.emit.onnx import OnnxOptions, emit

    options = OnnxOptions(opset, frozenset({"batch"}))
    optimisation = compilation.optimisation
    inlined = graph.inlined
    own: Weights = ((name, weights[name]) for name in inlined.parameters())
    if optimisation is not None and optimisation.folds_in_files:
        folding = fold_norms(inlined)
        inlined, own = folding.inlined, folded_weights(own, folding.origins)
    model = emit(compilation.network, graph.program, inlined, options, compilation.subject)
    session = onnxruntime.InferenceSession(model.to_bytes(own), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
