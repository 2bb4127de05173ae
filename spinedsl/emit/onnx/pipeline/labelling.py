"""One class an image, or one class a pixel."""

from __future__ import annotations

import numpy as np

from spinedsl.emit.onnx.builder import element_type
from spinedsl.emit.onnx.pipeline.candidates import Values
from spinedsl.emit.onnx.pipeline.preprocess import Placement, bilinear
from spinedsl.emit.onnx.pipeline.steps import Steps
from spinedsl.graph.tasks import Classification, Segmentation

PROBABILITIES, CLASSES, LABELS = "probabilities", "classes", "labels"
"""Names of outputs."""

LOGITS = "logits"


def classify(steps: Steps, task: Classification, values: Values) -> None:
    """`probabilities` (N, classes) in the order of the classes, and `classes` (N), the likeliest."""
    logits = steps.reshape("logits", values[LOGITS].name, 0, task.classes)
    steps.output(PROBABILITIES, (task.classes,), np.float32, "Softmax", logits, axis=-1)
    steps.output(CLASSES, (), np.int64, "ArgMax", logits, axis=1, keepdims=0)


def segment(steps: Steps, task: Segmentation, values: Values, placement: Placement) -> None:
    """`labels` (N, height, width): the class of every pixel of the image.

    Logits are enlarged to the network's input as in training, what the image covers of it is brought
    to the image's size, and only then the classes are told: edges run between pixels, not in steps.
    """
    logits = values[LOGITS]
    value, (height, width) = logits.name, placement.size
    batch = steps.add("batch", "Shape", value, start=0, end=2)
    if (logits.shape.height, logits.shape.width) != placement.size:
        sizes = steps.add("input", "Concat", batch, steps.integers(height, width), axis=0)
        value = bilinear(steps, "enlarged", value, sizes)
    start, axes = steps.integers(0, 0), steps.integers(2, 3)
    covered = steps.add("covered", "Slice", value, start, placement.content, axes)
    sizes = steps.add("sizes", "Concat", batch, placement.image, axis=0)
    likeliest = steps.add(
        "likeliest", "ArgMax", bilinear(steps, "resized", covered, sizes), axis=1, keepdims=0
    )
    dtype = label_type(task)
    steps.output(LABELS, ("height", "width"), dtype, "Cast", likeliest, to=element_type(dtype))


def label_type(task: Segmentation) -> type[np.uint8] | type[np.int64]:
    """One byte a pixel where it holds every class."""
    return np.uint8 if task.classes <= 256 else np.int64
