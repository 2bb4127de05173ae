"""Writing ONNX files: in float32, or in another precision.

compilation ─onnx_target─▶ OnnxModel in float32 ─┬─▶ file
                                                 ├─▶ float16 ─▶ file
                                                 └─calibrate, quantise─▶ int8 ─▶ file
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
from spinedsl.emit.runtimes import form_of
from spinedsl.graph.tasks import PIXELS, Preprocessing
from spinedsl.onnx_target import OnnxRequest, graph, model_with_weights, settled
from spinedsl.passes.fold_norms import PartsFolding
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.records import record
from spinedsl.version import __version__

if TYPE_CHECKING:
    from spinedsl.emit.onnx.model import OnnxModel, Tensors
    from spinedsl.runtime.quantisation_report import ErrorReport

METADATA = "spinec.precision"
"""Key of a model's metadata: its precision, and how it came to it."""


@record
class PrecisionRequest:
    """In which numbers a file computes.

    Attributes:
        precision: `fp32`, `fp16` or `int8`.
        keep: names of blocks and layers that stay in float32, with wildcards.
        calibrate: the folder of images that `int8` looks at.
        method: how it chooses ranges.
        placement: whose kernels its Q/DQ pairs are placed for; None for the runtime's.

    Raises:
        DiagnosticError: a word that isn't known, or options that this precision has no use for (SP030).
    """

    precision: Precision = "fp32"
    keep: tuple[str, ...] = ()
    calibrate: Path | None = None
    method: CalibrationMethod = "minmax"
    placement: Placement | None = None

    def __post_init__(self) -> None:
        words = {
            "precision": (self.precision, PRECISIONS),
            "calibration method": (self.method, CALIBRATION_METHODS),
            "placement": (self.placement or PLACEMENTS[0], PLACEMENTS),
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
        DiagnosticError: as `onnx_target.model_with_weights`; a name in `keep` that nothing has (SP020), a
            calibration that can't be done (SP057), onnxruntime or pillow missing (SP052). While the
            weights are read: numbers beyond the range of float16 (SP056).
    """
    from spinedsl.emit.onnx.constants import without_constant_nodes
    from spinedsl.emit.onnx.refusals import remarks

    request = settled(request, compilation)
    optimisation = compilation.optimisation
    runtime, form = form_of(optimisation)
    if precision.placement not in (None, form.placement) and optimisation is not None:
        raise fail(
            "SP059", f"{runtime} has no fast kernels for pairs that are placed for {precision.placement}",
            help=f"leave `--placement` out, or name the runtime it is for; {runtime} has {form.placement}",
        )  # fmt: skip
    if precision.precision == "int8" and precision.calibrate is None:
        raise fail(
            "SP057", "int8 has to see images, to know how large the values of the network get",
            help="give a folder of them: `--calibrate DIR`; some hundred like those it will run on",
        )  # fmt: skip
    kept = _kept(compilation, precision)
    deployed = optimisation is not None and optimisation.folds_in_files
    model, weights = model_with_weights(compilation, request, folds=deployed or precision.precision != "fp32")
    warnings = remarks(model, optimisation)
    match precision.precision:
        case "fp32":
            built = Built(model, weights)
        case "fp16":
            built = _halved(model, weights, kept, precision)
        case "int8":
            placed = replace(precision, placement=precision.placement or form.placement)
            built = _quantised(compilation, request, placed, model, weights, kept, progress)
    written = without_constant_nodes(built.model) if deployed else built.model
    return replace(built, model=written, warnings=(*warnings, *built.warnings))


def _kept(compilation: AnyCompilation, precision: PrecisionRequest) -> frozenset[str]:
    """Operators that stay in float32."""
    from spinedsl.emit.onnx.precision_keep import kept_operators

    regions = compilation.regions if isinstance(compilation, ModelCompilation) else ()
    return kept_operators(precision.keep, (compilation.inlined, *(inlined for _, inlined in regions)))


def _halved(model: OnnxModel, weights: Tensors, kept: frozenset[str], precision: PrecisionRequest) -> Built:
    from spinedsl.emit.onnx.precision import halved, halved_weights
    from spinedsl.emit.onnx.precision_keep import nodes_of

    nodes = nodes_of(kept, model.nodes.node)
    half = _labelled(halved(model, nodes), {"precision": "fp16", "keep": precision.keep})
    return Built(half, halved_weights(weights, half))


def write_onnx(
    compilation: AnyCompilation,
    path: Path,
    request: OnnxRequest,
    precision: PrecisionRequest | None = None,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Written, ...], Built]:
    """Write a model, whole or not at all; the files, and what is known about it.

    Args:
        precision: in which numbers it computes; float32 if None.

    Raises:
        DiagnosticError: as `build`; or the file can't be written.
    """
    from spinedsl.emit.onnx import write_model

    built = build(compilation, request, precision or PrecisionRequest(), progress)
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


def _quantised(
    compilation: AnyCompilation,
    request: OnnxRequest,
    precision: PrecisionRequest,
    model: OnnxModel,
    weights: Tensors,
    kept: frozenset[str],
    progress: Callable[[int, int], None] | None,
) -> Built:
    from spinedsl.emit.onnx.precision_keep import nodes_of
    from spinedsl.runtime.activations import extents_of
    from spinedsl.runtime.calibration_images import calibration_folder
    from spinedsl.runtime.quantisation import quantise

    assert precision.calibrate is not None and precision.placement is not None
    pixels = (
        PIXELS[compilation.model.pixels] if isinstance(compilation, ModelCompilation) else Preprocessing()
    )
    inputs = {port.name: port.shape for port in compilation.program.main.inputs}
    raw = None if request.pipeline is None else model.values.input[0].name
    folder = calibration_folder(precision.calibrate, inputs, pixels, raw)
    fixed = replace(request, dynamic=frozenset())
    # ONNX Runtime, which looks at the images, doesn't have TensorRT's plugin.
    running = graph(compilation, replace(fixed, nms="onnx"), PartsFolding()) if request.nms == "trt" else None
    shapes = extents_of((running or graph(compilation, fixed, PartsFolding())).values.value_info)
    quantised = quantise(
        model, weights, folder, extents=shapes, running=running, placement=precision.placement,
        method=precision.method, kept=nodes_of(kept, model.nodes.node), progress=progress,
    )  # fmt: skip
    about = {
        "precision": "int8", "keep": precision.keep, "placement": precision.placement,
        "method": precision.method, "images": len(quantised.calibration.images),
    }  # fmt: skip
    warnings = (*quantised.calibration.warnings, *_untrained(request))
    return Built(_labelled(quantised.model, about), quantised.weights.items(), quantised.errors, warnings)


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
