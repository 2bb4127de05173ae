"""Writing ONNX files in another precision than float32.

compilation ─fold norms, graph─▶ OnnxModel in float32 ─┬─▶ float16 ─▶ file
                                                       └─calibrate, quantise─▶ int8 ─▶ file
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinedsl.diagnostics import Diagnostic, Severity, fail
from spinedsl.emit.output import Written, write_output
from spinedsl.emit.precisions import (
    CALIBRATION_METHODS,
    PLACEMENTS,
    PRECISIONS,
    CalibrationMethod,
    Placement,
    Precision,
)
from spinedsl.graph.inline import Inlined
from spinedsl.graph.tasks import PIXELS, Preprocessing
from spinedsl.onnx_target import OnnxRequest, graph
from spinedsl.ops import Parameter
from spinedsl.passes.fold_norms import Origin, fold_norms
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.records import record
from spinedsl.version import __version__

if TYPE_CHECKING:
    from spinedsl.emit.onnx.model import OnnxModel, Tensors
    from spinedsl.runtime.quantisation import Quantised
    from spinedsl.runtime.quantisation_report import ErrorReport

METADATA = "spinec.precision"
"""Key of a model's metadata: its precision, and how it came to it."""


@record
class PrecisionRequest:
    """What is asked of a file that isn't in float32.

    Attributes:
        precision: `fp16` or `int8`; `fp32` asks for nothing.
        keep: names of blocks and layers that stay in float32, with wildcards.
        calibrate: the folder of images that `int8` looks at.
        method: how it chooses ranges.
        placement: whose kernels its Q/DQ pairs are placed for.

    Raises:
        DiagnosticError: a word that isn't known, or options that this precision has no use for (SP030).
    """

    precision: Precision
    keep: tuple[str, ...] = ()
    calibrate: Path | None = None
    method: CalibrationMethod = "minmax"
    placement: Placement = "onnxruntime"

    def __post_init__(self) -> None:
        words = {
            "precision": (self.precision, PRECISIONS),
            "calibration method": (self.method, CALIBRATION_METHODS),
            "placement": (self.placement, PLACEMENTS),
        }
        for what, (word, known) in words.items():
            if word not in known:
                raise fail("SP030", f"“{word}” is no {what}", help=f"choose one of {', '.join(known)}")
        if self.precision == "fp32" and (self.keep or self.calibrate):
            raise fail(
                "SP030", "what to keep and to calibrate with means nothing for fp32",
                help="ask for fp16 or int8",
            )  # fmt: skip


@record
class Built:
    """A model and all that is known about it.

    Attributes:
        model, weights: as `write_model` takes them; the weights can be read once.
        errors: of `int8`: how far it is from float32.
        warnings: what should be known before it is used.
    """

    model: OnnxModel
    weights: Tensors
    errors: ErrorReport | None = None
    warnings: tuple[Diagnostic, ...] = ()


def build(
    compilation: AnyCompilation,
    request: OnnxRequest,
    precision: PrecisionRequest,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """The model in its precision.

    Args:
        request: what it is apart from that.
        progress: told how many images of how many `int8` has looked at.

    Raises:
        DiagnosticError: as `onnx_target.write_onnx`; a name in `keep` that nothing has (SP020), a
            calibration that can't be done (SP057), onnxruntime or pillow missing (SP052). While the
            weights are read: numbers beyond the range of float16 (SP056).
    """
    from spinedsl.emit.onnx.precision import halved, halved_weights
    from spinedsl.emit.onnx.precision_keep import kept_operators, nodes_of
    from spinedsl.weights.folded import folded_weights

    if precision.precision == "int8" and precision.calibrate is None:
        raise fail(
            "SP057", "int8 has to see images, to know how large the values of the network get",
            help="give a folder of them: `--calibrate DIR`; some hundred like those it will run on",
        )  # fmt: skip
    kept = kept_operators(precision.keep, _programs(compilation))
    folding = _Folding()
    model = graph(compilation, request, folding)
    nodes = nodes_of(kept, model.nodes.node)
    origins = {name: folding.origins[name] for name in model.parameters}
    weights = folded_weights(_weights(compilation, request, folding.before), origins)
    if precision.precision == "fp16":
        half = _labelled(halved(model, nodes), {"precision": "fp16", "keep": precision.keep})
        return Built(half, halved_weights(weights, half))
    quantised = _quantised(compilation, request, precision, model, weights, nodes, progress)
    about = {
        "precision": "int8", "keep": precision.keep, "placement": precision.placement,
        "method": precision.method, "images": len(quantised.calibration.images),
    }  # fmt: skip
    warnings = (*quantised.calibration.warnings, *_untrained(request))
    return Built(_labelled(quantised.model, about), quantised.weights.items(), quantised.errors, warnings)


def write_precise(
    compilation: AnyCompilation,
    path: Path,
    request: OnnxRequest,
    precision: PrecisionRequest,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Written, ...], Built]:
    """Write a model in its precision, whole or not at all; the files, and what is known about it.

    Raises:
        DiagnosticError: as `build`; or the file can't be written.
    """
    from spinedsl.emit.onnx import write_model

    built = build(compilation, request, precision, progress)
    return write_model(path, built.model, built.weights, force=force), built


def write_report(path: Path, errors: ErrorReport, *, force: bool = False) -> Written:
    """Write the errors of every layer and output as JSON; what has no error at all is null.

    Raises:
        DiagnosticError: the file can't be written (SP050).
    """
    text = json.dumps(_jsonable(errors), indent=2, allow_nan=False) + "\n"
    return write_output(path, text.encode(), "text", force)


def _jsonable(errors: ErrorReport) -> dict[str, Any]:
    rows = {
        kind: [
            {"name": row.name, "output_db": _finite(row.output), "weights_db": _finite(row.weights)}
            for row in found
        ]
        for kind, found in (("outputs", errors.outputs), ("layers", errors.layers))
    }
    return {"generator": f"Generated by spinec {__version__}", "images": errors.images, **rows}


def _finite(ratio: float | None) -> float | None:
    return None if ratio is None or abs(ratio) == float("inf") else round(ratio, 2)


class _Folding:
    """Folds the norms of every part it is given, and remembers what the parameters were."""

    def __init__(self) -> None:
        self.before: dict[str, Parameter] = {}
        self.origins: dict[str, Origin] = {}

    def __call__(self, inlined: Inlined) -> Inlined:
        folding = fold_norms(inlined)
        self.before |= inlined.parameters()
        self.origins |= folding.origins
        return folding.inlined


def _programs(compilation: AnyCompilation) -> Iterable[Inlined]:
    regions = compilation.regions if isinstance(compilation, ModelCompilation) else ()
    return (compilation.inlined, *(inlined for _, inlined in regions))


def _weights(compilation: AnyCompilation, request: OnnxRequest, parameters: dict[str, Parameter]) -> Any:
    from spinedsl.weights import initial_weights, load_weights

    if request.weights is not None:
        return load_weights(request.weights, parameters, compilation.network.conventions)
    return initial_weights(parameters, request.seed)


def _quantised(
    compilation: AnyCompilation,
    request: OnnxRequest,
    precision: PrecisionRequest,
    model: OnnxModel,
    weights: Tensors,
    kept: frozenset[str],
    progress: Callable[[int, int], None] | None,
) -> Quantised:
    from spinedsl.runtime.activations import extents_of
    from spinedsl.runtime.calibration_images import calibration_folder
    from spinedsl.runtime.quantisation import quantise

    assert precision.calibrate is not None
    pixels = (
        PIXELS[compilation.model.pixels] if isinstance(compilation, ModelCompilation) else Preprocessing()
    )
    inputs = {port.name: port.shape for port in compilation.program.main.inputs}
    raw = None if request.pipeline is None else model.values.input[0].name
    folder = calibration_folder(precision.calibrate, inputs, pixels, raw)
    fixed = replace(request, dynamic=frozenset())
    # ONNX Runtime, which looks at the images, doesn't have TensorRT's plugin.
    running = graph(compilation, replace(fixed, nms="onnx"), _Folding()) if request.nms == "trt" else None
    shapes = extents_of((running or graph(compilation, fixed, _Folding())).values.value_info)
    return quantise(
        model, weights, folder, extents=shapes, running=running, placement=precision.placement,
        method=precision.method, kept=kept, progress=progress,
    )  # fmt: skip


def _untrained(request: OnnxRequest) -> tuple[Diagnostic, ...]:
    if request.weights is not None:
        return ()
    return (
        Diagnostic(
            "SP057", "calibrated with weights that nobody has trained: ranges and errors say nothing",
            Severity.WARNING, help="give the trained ones: `--weights FILE.safetensors`",
        ),
    )  # fmt: skip


def _labelled(model: OnnxModel, about: dict[str, Any]) -> OnnxModel:
    """The model with its precision in the metadata."""
    tail = type(model.tail)()
    tail.CopyFrom(model.tail)
    tail.metadata_props.add(key=METADATA, value=json.dumps(about))
    return replace(model, tail=tail)
