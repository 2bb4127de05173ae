"""Detections of one-stage detectors, with suppression in the graph, in TensorRT's plugin, or without.

The outputs are `num_detections` (N), `boxes` (N, K, 4), `scores` (N, K) and `classes` (N, K), K being
fixed. Boxes are corners x0, y0, x1, y1 in pixels of the image. Behind the last detection of an image,
boxes and scores are 0 and classes -1. Without suppression they are `boxes` (N, anchors, 4) and
`scores` (N, anchors, classes).
"""

from __future__ import annotations

import numpy as np

from spinedsl.emit.onnx.builder import ElementType
from spinedsl.emit.onnx.dimensions import Extent
from spinedsl.emit.onnx.pipeline.boxes import clip, to_image, without_nan
from spinedsl.emit.onnx.pipeline.candidates import (
    Candidates,
    Values,
    best_of_all,
    every_anchor,
    grid_of,
)
from spinedsl.emit.onnx.pipeline.options import PipelineOptions
from spinedsl.emit.onnx.pipeline.preprocess import Placement
from spinedsl.emit.onnx.pipeline.steps import BATCH, Steps
from spinedsl.emit.onnx.pipeline.suppression import suppress
from spinedsl.graph.tasks import Detection
from spinedsl.records import record

COUNT, BOXES, SCORES, CLASSES, MASKS = "num_detections", "boxes", "scores", "classes", "masks"
"""Names of outputs."""

TRT_PLUGIN = "EfficientNMS_TRT"


@record
class Found:
    """Detections of every image, not yet those of the outputs: behind the last one stands anything.

    Attributes:
        corners: float32 (N, K, 4), clipped, in pixels of the network's input.
        scores: float32 (N, K), the best first.
        classes: int64 (N, K).
        valid: bool (N, K).
    """

    corners: str
    scores: str
    classes: str
    valid: str


def detect(
    steps: Steps, task: Detection, values: Values, placement: Placement, options: PipelineOptions
) -> None:
    """Write the detections of a one-stage detector as outputs of the model."""
    match options.nms:
        case "none":
            _without_suppression(steps, task, values, placement)
        case "trt":
            found = _by_plugin(steps, task, values, placement, options)
            write_detections(steps, found, placement, options.detections)
        case "onnx":
            candidates = best_of_all(steps, task, values, options.candidates)
            scores = steps.add("probabilities", "Sigmoid", candidates.scores)
            found = best(steps, candidates, scores, placement, options)
            write_detections(steps, found, placement, options.detections)


def best(
    steps: Steps, candidates: Candidates, scores: str, placement: Placement, options: PipelineOptions
) -> Found:
    """Detections among candidates, by the scores given instead of the candidates' own."""
    corners = clip(steps.at("clip"), candidates.corners, placement)
    scores = without_nan(steps, scores, candidates.corners)
    kept = suppress(
        steps.at("suppress"),
        Candidates(corners, scores, candidates.groups, candidates.group_count, candidates.count),
        threshold=options.score_threshold,
        overlap=options.overlap_threshold,
        most=options.detections,
    )
    return Found(
        steps.rows("corners", corners, kept.index),
        kept.scores,
        steps.rows("kinds", candidates.groups, kept.index),
        kept.valid,
    )


def write_detections(steps: Steps, found: Found, placement: Placement, count: int) -> None:
    """Declare and write the four outputs of `count` detections an image."""
    there = steps.at("outputs")
    corners = to_image(there, found.corners, placement)
    counted = there.total("count", there.cast("counted", found.valid, np.int64), 1)
    zero, nobody = there.constant(0, np.float32), there.integer(-1)
    there.output(COUNT, (), np.int64, "Identity", counted)
    valid = there.unsqueeze("valid", found.valid, -1)
    there.output(BOXES, (count, 4), np.float32, "Where", valid, corners, zero)
    there.output(SCORES, (count,), np.float32, "Where", found.valid, found.scores, zero)
    there.output(CLASSES, (count,), np.int64, "Where", found.valid, found.classes, nobody)


def _without_suppression(steps: Steps, task: Detection, values: Values, placement: Placement) -> None:
    corners, logits = every_anchor(steps, task, values)
    anchors = grid_of(task, values).total
    there = steps.at("outputs")
    boxes = to_image(there, clip(steps.at("clip"), corners, placement), placement)
    there.output(BOXES, (anchors, 4), np.float32, "Identity", boxes)
    there.output(SCORES, (anchors, task.classes), np.float32, "Sigmoid", logits)


def _by_plugin(
    steps: Steps, task: Detection, values: Values, placement: Placement, options: PipelineOptions
) -> Found:
    """TensorRT's plugin: only TensorRT runs it, and onnx's checker doesn't know it.

    Source: https://github.com/NVIDIA/TensorRT/tree/release/10.0/plugin/efficientNMSPlugin
    """
    corners, logits = every_anchor(steps, task, values)
    names = tuple(f"{TRT_PLUGIN}/{name}" for name in ("num", "boxes", "scores", "classes"))
    count = options.detections
    described: tuple[tuple[tuple[Extent, ...], ElementType], ...] = (
        ((BATCH, 1), np.int32),
        ((BATCH, count, 4), np.float32),
        ((BATCH, count), np.float32),
        ((BATCH, count), np.int32),
    )
    steps.graph.node(
        TRT_PLUGIN,
        (clip(steps.at("clip"), corners, placement), logits),
        names,
        f"{TRT_PLUGIN}/plugin",
        {
            "plugin_version": "1",
            "background_class": -1,
            "max_output_boxes": count,
            "score_threshold": float(options.score_threshold),
            "iou_threshold": float(options.overlap_threshold),
            "score_activation": 1,  # logits: a sigmoid each
            "class_agnostic": 0,
            "box_coding": 0,  # corners
        },
    )
    for name, (extents, dtype) in zip(names, described, strict=True):
        steps.graph.describe(name, extents, dtype)
    counted, boxes, scores, classes = names
    rank = steps.constant(np.arange(count)[None], np.int32)
    return Found(
        boxes, scores, steps.cast("kinds", classes, np.int64), steps.add("valid", "Less", rank, counted)
    )
