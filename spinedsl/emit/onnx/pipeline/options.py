"""What a user can choose about a pipeline."""

from __future__ import annotations

from typing import Literal, get_args

from spinedsl.diagnostics import fail
from spinedsl.graph.tasks import MOST_DETECTIONS
from spinedsl.records import record

Suppression = Literal["none", "onnx", "trt"]
Fit = Literal["letterbox", "stretch", "crop"]

SCORE_THRESHOLD = 0.05
OVERLAP_THRESHOLD = 0.5
MOST_CANDIDATES = 5000
"""Source of all three: tf-models-official 2.20.0, official/vision/configs/retinanet.py, maskrcnn.py."""


@record
class PipelineOptions:
    """How a pipeline is written.

    Attributes:
        nms: who keeps one box of an object: nobody, ONNX's operator, or TensorRT's plugin.
        fit: how an image comes to the network's size; None is what the task is used with.
        score_threshold: what the score of a detection must exceed.
        overlap_threshold: a detection goes if a better one of its class overlaps it by more.
        candidates: scores of an image that enter suppression, at most.
        detections: of an image, at most.
        labels: names of the classes, in order; none if they aren't known.

    Raises:
        DiagnosticError: a number outside of its range, or an unknown word (SP030).
    """

    nms: Suppression = "onnx"
    fit: Fit | None = None
    score_threshold: float = SCORE_THRESHOLD
    overlap_threshold: float = OVERLAP_THRESHOLD
    candidates: int = MOST_CANDIDATES
    detections: int = MOST_DETECTIONS
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _one_of("nms", self.nms, get_args(Suppression))
        if self.fit is not None:
            _one_of("resize", self.fit, get_args(Fit))
        for name in ("score_threshold", "overlap_threshold"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise fail(
                    "SP030", f"the {name} must be from 0 to 1, not {value}", help="give it such a number"
                )
        for name in ("candidates", "detections"):
            value = getattr(self, name)
            if value < 1:
                raise fail("SP030", f"there must be 1 {name} or more, not {value}", help="raise the number")


def _one_of(what: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise fail("SP030", f"“{value}” is no way to {what}", help=f"choose one of {', '.join(words)}")
