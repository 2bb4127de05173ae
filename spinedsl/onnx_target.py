"""What is asked of an ONNX file, and its graph: the network, what stands around it, its weights.

    compilation, request ─▶ OnnxModel, weights ─onnx_precision─▶ file

onnx is imported when the first function is called, not before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from spinedsl.diagnostics import fail
from spinedsl.emit.runtimes import form_of
from spinedsl.graph.tasks import PIXELS
from spinedsl.ir.loading import open_source
from spinedsl.passes.fold_norms import PartsFolding
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.records import record

if TYPE_CHECKING:
    from spinedsl.emit.onnx.model import OnnxModel
    from spinedsl.emit.onnx.pipelined import Rewrite, Stage
    from spinedsl.weights import Weights

PipelineKind = Literal["detection", "classification", "segmentation"]
PIPELINES: tuple[PipelineKind, ...] = get_args(PipelineKind)
Suppression = Literal["none", "onnx", "trt"]
Resizing = Literal["letterbox", "stretch", "crop"]


@record
class OnnxRequest:
    """What is asked of an ONNX file.

    Attributes:
        opset: version of the default operator set; None for what the runtime likes best.
        dynamic: what stays open: `batch`, and `size` (height and width).
        weights: a .safetensors file with every parameter; drawn if None.
        seed: of the published initialisation.
        pipeline: from images to results; None for the network alone.
        nms: who suppresses overlapping detections: nobody, ONNX's operator, TensorRT's plugin; None for
            what the runtime likes best.
        resize: how an image comes to the network's size; None for what the task is used with.
        labels: names of the classes, in order.
        score_threshold: what a detection's score must exceed; None for the published 0.05.
    """

    opset: int | None = None
    dynamic: frozenset[Literal["batch", "size"]] = frozenset()
    weights: Path | None = None
    seed: int = 0
    pipeline: PipelineKind | None = None
    nms: Suppression | None = None
    resize: Resizing | None = None
    labels: tuple[str, ...] = ()
    score_threshold: float | None = None


def read_labels(path: Path) -> tuple[str, ...]:
    """Names of classes, one a line, in order.

    Raises:
        DiagnosticError: the file can't be read (SP001), is too large (SP002) or no UTF-8 (SP003).
    """
    source = open_source(path)
    return tuple(line.strip() for line in source.text.strip().splitlines())


def settled(request: OnnxRequest, compilation: AnyCompilation) -> OnnxRequest:
    """The request, with what it leaves open chosen for the runtime."""
    _, form = form_of(compilation.optimisation)
    nms = request.nms
    if nms is None:
        one_stage = isinstance(compilation, ModelCompilation) and not compilation.regions
        nms = form.nms if request.pipeline == "detection" and one_stage else "onnx"
    return replace(request, opset=request.opset or form.opset, nms=nms)


def model_with_weights(
    compilation: AnyCompilation, request: OnnxRequest, *, folds: bool
) -> tuple[OnnxModel, Weights]:
    """The ONNX model, and what its parameters are: read once, one tensor at a time.

    Args:
        folds: whether norms become part of the layers before them.

    Raises:
        DiagnosticError: the spec is wrong, or the weights don't fit.
    """
    from spinedsl.weights import initial_weights, load_weights
    from spinedsl.weights.folded import folded_weights

    folding = PartsFolding()
    model = graph(compilation, request, folding if folds else None)
    parameters = folding.before if folds else model.parameters
    weights: Weights
    if request.weights is not None:
        weights = load_weights(request.weights, parameters, compilation.network.conventions)
    else:
        weights = initial_weights(parameters, request.seed)
    if folds:
        weights = folded_weights(weights, {name: folding.origins[name] for name in model.parameters})
    return model, weights


def graph(compilation: AnyCompilation, request: OnnxRequest, rewrite: Rewrite | None = None) -> OnnxModel:
    """The ONNX model, all but its weights; `rewrite` changes the operators of every part first.

    Raises:
        DiagnosticError: an operator that can't be written, or a request that doesn't fit.
    """
    from spinedsl.emit.onnx import OnnxOptions, emit

    if request.pipeline is not None:
        return _with_pipeline(compilation, request, rewrite=rewrite)
    if isinstance(compilation, ModelCompilation) and compilation.regions:
        raise fail(
            "SP042", f"“{compilation.model.name}” has heads on regions, which only a pipeline cuts out",
            compilation.model.span, help="add `--pipeline detection`",
        )  # fmt: skip
    request = settled(request, compilation)
    assert request.opset is not None
    options = OnnxOptions(request.opset, request.dynamic)
    inlined = compilation.inlined if rewrite is None else rewrite(compilation.inlined)
    return emit(compilation.network, compilation.program, inlined, options, compilation.subject)


def stages(compilation: AnyCompilation, request: OnnxRequest) -> dict[str, OnnxModel]:
    """Every stage of a pipeline as a model of its own, without weights.

    Raises:
        DiagnosticError: as `graph`.
    """
    from spinedsl.emit.onnx.pipelined import STAGES

    return {stage: _with_pipeline(compilation, request, stage) for stage in STAGES}


def _with_pipeline(
    compilation: AnyCompilation,
    request: OnnxRequest,
    stage: Stage | None = None,
    rewrite: Rewrite | None = None,
) -> OnnxModel:
    from spinedsl.emit.onnx import OnnxOptions, emit_pipeline
    from spinedsl.emit.onnx.pipeline import PipelineOptions, pipeline

    if not isinstance(compilation, ModelCompilation):
        network = compilation.network
        raise fail(
            "SP044", f"“{network.name}” has no head, so there is nothing to put out but features",
            network.span, help="declare a model: `model m { backbone … head … }`; `spinec list` shows some",
        )  # fmt: skip
    if "size" in request.dynamic:
        raise fail(
            "SP042", "a pipeline takes images of any size as it is; its network has one",
            help="leave out `--dynamic size`; choose the network's size with `--set input=…`",
        )  # fmt: skip
    request = settled(request, compilation)
    assert request.opset is not None and request.nms is not None
    OnnxOptions(request.opset)
    model, given = compilation.model, compilation.network.input
    options = PipelineOptions(nms=request.nms, fit=request.resize, labels=request.labels)
    if request.score_threshold is not None:
        options = replace(options, score_threshold=request.score_threshold)
    around = pipeline(
        model.name, compilation.assembly.tasks, (given.height, given.width), PIXELS[model.pixels], options,
        kind=request.pipeline, span=model.span,
    )  # fmt: skip
    return emit_pipeline(model, compilation.assembly, around, request.opset, stage, rewrite)
