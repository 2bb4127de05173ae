"""Which pipelines there are, what a file says of them, and what can't be written."""

from __future__ import annotations

import json

import pytest
from pipeline_support import LEVELS, STRIDES, made

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.onnx.pipeline import PipelineOptions, pipeline
from spinedsl.emit.torch.tasks.detecting import OPTIONS
from spinedsl.emit.torch.tasks.two_stage import PROPOSALS as MAX_PROPOSALS
from spinedsl.graph.tasks import (
    MOST_PROPOSALS,
    PIXELS,
    Anchors,
    Classification,
    Detection,
    Preprocessing,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
)

SIZE = (128, 192)
ONE_STAGE = Detection("head", LEVELS, STRIDES, 3, Anchors())
PROPOSALS = Proposals("rpn", LEVELS, STRIDES, Anchors(8.0, 1))
BOXES = RegionBoxes("boxes", LEVELS[:3], STRIDES[:3], 4)
MASKS = RegionMasks("masks", LEVELS[:3], STRIDES[:3], 4)
CLASSES = Classification("head", 10)
PIXELWISE = Segmentation("head", 21, 8)


def problem(tasks, kind=None, **options):
    with pytest.raises(DiagnosticError) as caught:
        pipeline("model", tasks, SIZE, Preprocessing(), PipelineOptions(**options), kind=kind)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.help
    return diagnostic.code, diagnostic.message


@pytest.mark.parametrize(
    ("tasks", "kind", "fit", "classes", "background"),
    [
        ([ONE_STAGE], "detection", "letterbox", 3, False),
        ([BOXES, PROPOSALS], "detection", "letterbox", 4, True),
        ([PROPOSALS, MASKS, BOXES], "detection", "letterbox", 4, True),
        ([CLASSES], "classification", "crop", 10, False),
        ([PIXELWISE], "segmentation", "letterbox", 21, False),
    ],
)
def test_what_a_file_says_of_itself(tasks, kind, fit, classes, background):
    pipe = made(tasks, SIZE, PIXELS["unit"], labels=tuple(f"c{i}" for i in range(classes)))
    assert pipe.kind == kind
    said = json.loads(pipe.metadata())
    expected = {
        "version": 1,
        "kind": kind,
        "size": [128, 192],
        "resize": fit,
        "classes": classes,
        "background": background,
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "labels": [f"c{i}" for i in range(classes)],
    }
    if kind == "detection":
        expected |= {"nms": "onnx", "score_threshold": 0.05, "overlap_threshold": 0.5, "detections": 100}
    assert said == expected
    assert "labels" not in json.loads(made(tasks, SIZE).metadata())
    assert pipeline("model", tasks, SIZE, Preprocessing(), PipelineOptions(), kind=kind).kind == kind


@pytest.mark.parametrize(
    "tasks", [[], [PROPOSALS], [BOXES], [ONE_STAGE, CLASSES], [ONE_STAGE, ONE_STAGE], [PROPOSALS, MASKS]]
)
def test_tasks_that_make_no_pipeline(tasks):
    code, message = problem(tasks)
    assert code == "SP044"
    assert "“model”" in message


@pytest.mark.parametrize(
    ("tasks", "options", "words"),
    [
        ([ONE_STAGE], {"kind": "segmentation"}, "no head for segmentation, but for detection"),
        ([ONE_STAGE], {"fit": "crop"}, "central crop"),
        ([PIXELWISE], {"fit": "crop"}, "central crop"),
        ([PROPOSALS, BOXES], {"nms": "none"}, "suppression"),
        ([PROPOSALS, BOXES], {"nms": "trt"}, "suppression"),
        ([CLASSES], {"nms": "trt"}, "suppression"),
        ([ONE_STAGE], {"labels": ("a", "b")}, "3 classes, but there are 2 names"),
        ([ONE_STAGE], {"nms": "fast"}, "“fast” is no way"),
        ([ONE_STAGE], {"fit": "tile"}, "“tile” is no way"),
        ([ONE_STAGE], {"score_threshold": 1.5}, "score_threshold"),
        ([ONE_STAGE], {"overlap_threshold": -0.1}, "overlap_threshold"),
        ([ONE_STAGE], {"score_threshold": float("nan")}, "score_threshold"),
        ([ONE_STAGE], {"detections": 0}, "detections"),
        ([ONE_STAGE], {"candidates": 0}, "candidates"),
    ],
)
def test_options_that_fit_no_pipeline(tasks, options, words):
    code, message = problem(tasks, **options)
    assert code == "SP030"
    assert words in message


def test_both_targets_have_the_same_numbers():
    torch = {option.name: float(option.default) for option in OPTIONS}
    onnx = PipelineOptions()
    assert torch == {
        "score_threshold": onnx.score_threshold,
        "nms_threshold": onnx.overlap_threshold,
        "max_candidates": onnx.candidates,
        "max_detections": onnx.detections,
    }
    assert float(MAX_PROPOSALS.default) == MOST_PROPOSALS
