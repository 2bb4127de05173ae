"""A model's pipeline: what stands before its network and behind it, and what the file says of both."""

from __future__ import annotations

import json
from collections.abc import Sequence

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.pipeline.candidates import Values
from spinedsl.emit.onnx.pipeline.detection import detect
from spinedsl.emit.onnx.pipeline.labelling import classify, segment
from spinedsl.emit.onnx.pipeline.options import Fit, PipelineOptions
from spinedsl.emit.onnx.pipeline.preprocess import Placement, preprocess
from spinedsl.emit.onnx.pipeline.regions import RunPart, detect_in_regions
from spinedsl.emit.onnx.pipeline.steps import Steps
from spinedsl.graph.tasks import (
    Classification,
    Detection,
    Preprocessing,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
    Task,
)
from spinedsl.records import record
from spinedsl.source import Span

TwoStage = tuple[Proposals, RegionBoxes, RegionMasks | None]
Purpose = Detection | TwoStage | Classification | Segmentation
"""What a model is for, taken as a whole."""

METADATA = "spinec.pipeline"
"""Key of the file's metadata under which the pipeline is described, in JSON."""

KINDS = ("detection", "classification", "segmentation")
"""Pipelines by the names that users and files have for them; detection may come with masks."""


@record
class Pipeline:
    """What is written around a network.

    Attributes:
        purpose: of the model.
        size: height and width of the network's input.
    """

    purpose: Purpose
    size: tuple[int, int]
    pixels: Preprocessing
    options: PipelineOptions

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        match self.purpose:
            case Classification():
                return "classification"
            case Segmentation():
                return "segmentation"
            case _:
                return "detection"

    @property
    def fit(self) -> Fit:
        """How images come to the network's size."""
        if self.options.fit is not None:
            return self.options.fit
        return "crop" if isinstance(self.purpose, Classification) else "letterbox"

    @property
    def classes(self) -> int:
        """How many classes there are, the background of two-stage detectors included."""
        return self.purpose[1].classes if isinstance(self.purpose, tuple) else self.purpose.classes

    def before(self, graph: GraphBuilder, opset: int, output: str) -> Placement:
        """Write what makes the network's input, called `output`, of images."""
        return preprocess(Steps(graph, "before", opset), output, self.size, self.pixels, self.fit)

    def behind(
        self, graph: GraphBuilder, opset: int, values: Values, placement: Placement, run_part: RunPart
    ) -> None:
        """Write what makes results of the network's values, and declare them as outputs.

        Args:
            values: raw outputs by the names that the tasks have for them, and for two-stage
                detectors the endpoints that regions are cut from.
            placement: what `before` returned.
            run_part: writes a head that runs on regions; called for two-stage detectors only.
        """
        steps = Steps(graph, "behind", opset)
        match self.purpose:
            case Classification() as task:
                classify(steps, task, values)
            case Segmentation() as task:
                segment(steps, task, values, placement)
            case Detection() as task:
                detect(steps, task, values, placement, self.options)
            case tasks:
                detect_in_regions(steps, tasks, values, placement, self.options, run_part)

    def metadata(self) -> str:
        """What a program needs to know to run the file, as JSON."""
        described = {
            "version": 1,
            "kind": self.kind,
            "size": self.size,
            "resize": self.fit,
            "classes": self.classes,
            "background": isinstance(self.purpose, tuple),
            "mean": self.pixels.mean,
            "std": self.pixels.std,
        }
        if self.kind == "detection":
            described |= {
                "nms": self.options.nms,
                "score_threshold": self.options.score_threshold,
                "overlap_threshold": self.options.overlap_threshold,
                "detections": self.options.detections,
            }
        if self.options.labels:
            described["labels"] = self.options.labels
        return json.dumps(described)


def pipeline(
    name: str,
    tasks: Sequence[Task],
    size: tuple[int, int],
    pixels: Preprocessing,
    options: PipelineOptions,
    *,
    kind: str | None = None,
    span: Span | None = None,
) -> Pipeline:
    """The pipeline of a model.

    Args:
        name: of the model, for messages.
        tasks: of its heads, in any order.
        size: height and width of the network's input.
        kind: which of `KINDS` is asked for; None for the one that the tasks make.
        span: where the model is defined.

    Raises:
        DiagnosticError: the tasks make no pipeline together (SP044), or not the one asked for, or an
            option doesn't fit them (SP030).
    """
    made = Pipeline(_purpose(name, tasks, span), size, pixels, options)
    if kind is not None and kind != made.kind:
        raise fail(
            "SP030", f"“{name}” has no head for {kind}, but for {made.kind}", span,
            help=f"write `--pipeline {made.kind}`, or give the model such a head",
        )  # fmt: skip
    if made.fit == "crop" and made.kind != "classification":
        raise fail(
            "SP030", f"a central crop would lose what {made.kind} is to find", span,
            help="write `--resize letterbox` or `--resize stretch`",
        )  # fmt: skip
    if options.nms != "onnx" and not isinstance(made.purpose, Detection):
        raise fail(
            "SP030", f"“{name}” can't leave suppression to others: it is no one-stage detector", span,
            help="leave `--nms` out",
        )  # fmt: skip
    if options.labels and len(options.labels) != made.classes:
        raise fail(
            "SP030", f"“{name}” has {made.classes:,} classes, but there are {len(options.labels):,} names", span,
            help="write one name a line" + (", the background's first" if isinstance(made.purpose, tuple) else ""),
        )  # fmt: skip
    return made


def _purpose(name: str, tasks: Sequence[Task], span: Span | None) -> Purpose:
    order = (Classification, Segmentation, Detection, Proposals, RegionBoxes, RegionMasks)
    match sorted(tasks, key=lambda task: order.index(type(task))):
        case [Classification() | Segmentation() | Detection() as task]:
            return task
        case [Proposals() as proposals, RegionBoxes() as boxes]:
            return proposals, boxes, None
        case [Proposals() as proposals, RegionBoxes() as boxes, RegionMasks() as masks]:
            return proposals, boxes, masks
        case _:
            raise fail(
                "SP044", f"the heads of “{name}” make no pipeline together" if tasks else f"“{name}” has no head", span,
                help="give it one head for detection, classification or segmentation, or those of a "
                "two-stage detector: proposals, boxes of regions, and perhaps their masks",
            )  # fmt: skip
