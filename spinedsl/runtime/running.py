"""`spinec run`: images through a pipeline's file, one by one, and what comes out as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx.pipeline import IMAGES
from spinedsl.records import record
from spinedsl.runtime.images import Image
from spinedsl.runtime.running_files import PipelineFile, first_line

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@record
class Detections:
    """Objects in an image, the best first.

    Attributes:
        boxes: (n, 4), corners x0, y0, x1, y1 in pixels of the image.
        scores: (n).
        classes: (n).
        masks: (n, M, M), probabilities on a grid of each box; None if the model makes none.
    """

    boxes: Floats
    scores: Floats
    classes: Integers
    masks: Floats | None = None

    def above(self, threshold: float) -> Detections:
        """Those whose score is at least the threshold."""
        chosen = self.scores >= threshold
        masks = None if self.masks is None else self.masks[chosen]
        return Detections(self.boxes[chosen], self.scores[chosen], self.classes[chosen], masks)


@record
class Probabilities:
    """How likely each class is for an image: (classes)."""

    values: Floats

    def best(self, count: int) -> list[tuple[int, float]]:
        """Classes and their probabilities, the likeliest first; what is no number comes last."""
        order = np.argsort(-self.values, kind="stable")[:count]
        return [(int(number), float(self.values[number])) for number in order]


@record
class PixelLabels:
    """The class of every pixel: (height, width)."""

    labels: NDArray[np.integer[Any]]

    def shares(self) -> list[tuple[int, float]]:
        """Classes that occur and their shares of the image, the largest first."""
        numbers, counts = np.unique(self.labels, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return [(int(numbers[i]), float(counts[i] / self.labels.size)) for i in order]


Result = Detections | Probabilities | PixelLabels

MAX_LOGIT_BYTES = 8 << 30
"""Of one image that is segmented: every class has a float a pixel. Beyond, systems end the process."""


def run_image(file: PipelineFile, image: Image) -> Result:
    """What a pipeline makes of one image.

    Raises:
        DiagnosticError: it would take too much memory (SP002), or ONNX Runtime fails at it (SP055).
    """
    height, width = image.shape[:2]
    if file.description.kind == "segmentation":
        needed = 4 * file.description.classes * height * width
        if needed > MAX_LOGIT_BYTES:
            raise fail(
                "SP002",
                f"{file.description.classes:,} classes of {width:,} x {height:,} pixels take "
                f"{needed / 2**30:,.0f} GB, more than the {MAX_LOGIT_BYTES >> 30} GB allowed",
                help="make the image smaller first",
            )
    names = [port.name for port in file.session.get_outputs()]
    try:
        values = dict(zip(names, file.session.run(names, {IMAGES: image[None]}), strict=True))
    except Exception as problem:
        # ONNX Runtime has a class of exception for each of its states, and no common one.
        raise fail(
            "SP055",
            f"“{file.path}” fails at an image of {width} x {height}: {first_line(problem)}",
            help="make the image smaller; if that doesn't help, compile the model again",
        ) from None
    match file.description.kind:
        case "classification":
            return Probabilities(values["probabilities"][0])
        case "segmentation":
            return PixelLabels(values["labels"][0])
        case _:
            return _detections(values)


def _detections(values: dict[str, Any]) -> Detections:
    count = int(values["num_detections"][0])
    masks = values["masks"][0, :count] if "masks" in values else None
    boxes, scores, classes = (values[name][0, :count] for name in ("boxes", "scores", "classes"))
    return Detections(boxes, scores, classes, masks)
