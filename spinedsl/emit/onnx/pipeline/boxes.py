"""Boxes from their codes, and from the network's input back into the image.

A code dx, dy, dw, dh is read against a box with centre (x, y) and extent (w, h): centre (x + dx · w,
y + dy · h), extent (w · exp(dw), h · exp(dh)), where dw and dh count at most `BOX_CLIP` (Girshick et
al. 2014). Corners are x0, y0, x1, y1.
"""

from __future__ import annotations

import numpy as np

from spinedsl.emit.onnx.pipeline.anchors import Boxes
from spinedsl.emit.onnx.pipeline.preprocess import Placement
from spinedsl.emit.onnx.pipeline.steps import LOWEST, Steps
from spinedsl.graph.tasks import BOX_CLIP


def decode(steps: Steps, codes: str, against: Boxes) -> str:
    """Corners (…, 4) of the boxes that codes (…, 4) mean."""
    shift, log = steps.pair("parts", "Split", codes, steps.integers(2, 2), axis=-1)
    centre = steps.add("centre", "Add", steps.add("shift", "Mul", shift, against.extent), against.centre)
    factor = steps.add("factor", "Exp", steps.add("log", "Min", log, steps.floats(BOX_CLIP)))
    half = steps.add("half", "Mul", steps.add("extent", "Mul", factor, against.extent), steps.floats(0.5))
    low, high = steps.add("low", "Sub", centre, half), steps.add("high", "Add", centre, half)
    return steps.add("corners", "Concat", low, high, axis=-1)


def of_corners(steps: Steps, corners: str) -> Boxes:
    """Centre and extent of corners (…, 4)."""
    low, high = steps.pair("ends", "Split", corners, steps.integers(2, 2), axis=-1)
    centre = steps.add("middle", "Mul", steps.add("both", "Add", low, high), steps.floats(0.5))
    return Boxes(centre, steps.add("span", "Sub", high, low))


def clip(steps: Steps, corners: str, placement: Placement) -> str:
    """Corners cut off at the edges of what the image covers of the network's input."""
    return _bounded(steps, corners, _edges(steps, "content", placement.content))


def to_image(steps: Steps, corners: str, placement: Placement) -> str:
    """Clipped corners in pixels of the image instead of the network's input."""
    image = _edges(steps, "image", placement.image)
    content = _edges(steps, "content", placement.content)
    scaled = steps.add("scaled", "Mul", corners, steps.add("scale", "Div", image, content))
    return _bounded(steps, scaled, image)  # rounding may have led over the edge


def without_nan(steps: Steps, scores: str, corners: str) -> str:
    """Scores (N, n), the lowest where one of the corners (N, n, 4) is no number."""
    numberless = steps.cast("numberless", steps.add("nan", "IsNaN", corners), np.int64)
    count = steps.total("nan.count", numberless, -1)
    broken = steps.add("broken", "Greater", count, steps.integer(0))
    return steps.add("sound", "Where", broken, steps.constant(LOWEST, np.float32), scores)


def _edges(steps: Steps, name: str, size: str) -> str:
    """Width, height, width, height of a size: float32 (4)."""
    edges = steps.add(f"{name}.edges", "Gather", size, steps.integers(1, 0, 1, 0))
    return steps.cast(f"{name}.bounds", edges, np.float32)


def _bounded(steps: Steps, corners: str, bounds: str) -> str:
    inside = steps.add("positive", "Max", corners, steps.constant(0, np.float32))
    return steps.add("bounded", "Min", inside, bounds)
