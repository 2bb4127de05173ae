"""Writing ONNX files: the graph, what stands around it, its weights.

    compilation ─graph─▶ OnnxModel ─weights─▶ file

onnx is imported when the first function is called, not before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from spinedsl.diagnostics import fail
from spinedsl.emit.output import Written
from spinedsl.graph.tasks import PIXELS
from spinedsl.ir.loading import open_source
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.records import record

if TYPE_CHECKING:
    from spinedsl.emit.onnx.model import OnnxModel
    from spinedsl.emit.onnx.pipelined import Rewrite, Stage

PipelineKind = Literal["detection", "classification", "segmentation"]
PIPELINES: tuple[PipelineKind, ...] = get_args(PipelineKind)
Suppression = Literal["none", "onnx", "trt"]
Resizing = Literal["letterbox", "stretch", "crop"]


@record
class OnnxRequest:
    """What is asked of an ONNX file.

    Attributes:
        opset: version of the default operator set.
        dynamic: what stays open: `batch`, and `size` (height and width).
        weights: a .safetensors file with every parameter; drawn if None.
        seed: of the published initialisation.
        pipeline: from images to results; None for the network alone.
        nms: who suppresses overlapping detections: nobody, ONNX's operator, TensorRT's plugin.
        resize: how an image comes to the network's size; None for what the task is used with.
        labels: names of the classes, in order.
        score_threshold: what a detection's score must exceed; None for the published 0.05.
    """

    opset: int = 17
    dynamic: frozenset[Literal["batch", "size"]] = frozenset()
    weights: Path | None = None
    seed: int = 0
    pipeline: PipelineKind | None = None
    nms: Suppression = "onnx"
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


def write_onnx(
    compilation: AnyCompilation, path: Path, request: OnnxRequest, *, force: bool = False
) -> tuple[Written, ...]:
    """Write an ONNX file, whole or not at all.

    Returns:
        The files written: one, or two if the model is larger than 2 GB.

    Raises:
        DiagnosticError: the spec is wrong, the weights don't fit, or the file can't be written.
    """
    from spinedsl.emit.onnx import write_model
    from spinedsl.weights import Weights, initial_weights, load_weights

    model = graph(compilation, request)
    values: Weights
    if request.weights is not None:
        values = load_weights(request.weights, model.parameters, compilation.network.conventions)
    else:
        values = initial_weights(model.parameters, request.seed)
    return write_model(path, model, values, force=force)


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
