"""One class an image, or one a pixel."""

from __future__ import annotations

from spinedsl.emit.torch.tasks.parts import Machinery, Option
from spinedsl.emit.torch.templates import render
from spinedsl.graph.tasks import Classification, Segmentation

SMOOTHING = Option("label_smoothing", "float", "0.0", "share of a label that is spread over all classes.")


def classification(task: Classification) -> Machinery:
    """Everything around a classifier."""
    last = task.classes - 1
    return Machinery(
        standard_imports=(),
        imports=(),
        helpers=(
            render(
                "detection/check_labels",
                what="(N,)",
                shape="images.shape[:1]",
                wrong=f"(targets < 0) | (targets > {last})",
                classes=f"from 0 to {last}",
            ),
        ),
        attributes=(f"classes = {task.classes}",),
        options=(SMOOTHING,),
        returns=(
            f"Takes normalised images, N x 3 x H x W. Returns logits (N, {task.classes}), or with targets "
            f"(N,), classes from 0 to {last}, a dict with the loss.",
        ),
        raw="The head's raw outputs: `logits`.",
        keeps_features=False,
        methods=render("detection/classification"),
    )


def segmentation(task: Segmentation) -> Machinery:
    """Everything around a head for segmentation."""
    last = task.classes - 1
    return Machinery(
        standard_imports=(),
        imports=(),
        helpers=(
            render(
                "detection/check_labels",
                what="(N, H, W)",
                shape="(len(images), *images.shape[-2:])",
                wrong=f"((targets < 0) | (targets > {last})) & (targets != 255)",
                classes=f"from 0 to {last}, nor 255",
            ),
        ),
        attributes=(f"classes = {task.classes}",),
        options=(),
        returns=(
            f"Takes normalised images, N x 3 x H x W. Returns logits (N, {task.classes}, H, W), or with "
            f"targets (N, H, W), classes from 0 to {last} and 255 for unknown, a dict with the loss.",
        ),
        raw=f"The head's raw outputs: `logits`, one pixel for {task.stride} x {task.stride} of the image.",
        keeps_features=False,
        methods=render("detection/segmentation"),
    )
