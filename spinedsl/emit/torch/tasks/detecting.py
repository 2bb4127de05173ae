"""What both kinds of detectors have in common: anchors, targets, suppression."""

from __future__ import annotations

from collections.abc import Sequence

from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.tasks.parts import Option
from spinedsl.emit.torch.templates import render
from spinedsl.graph.tasks import BOX_CLIP, MOST_DETECTIONS, Anchors, Detection, Proposals

OPTIONS = (
    Option("score_threshold", "float", "0.05", "what a detection's score must exceed."),
    Option("nms_threshold", "float", "0.5", "overlap from which on the lower score of a class goes."),
    Option("max_candidates", "int", "5000", "scores of an image that enter suppression."),
    Option("max_detections", "int", str(MOST_DETECTIONS), "detections of an image."),
)
"""Source: tf-models-official 2.20.0, official/vision/configs/retinanet.py and maskrcnn.py."""


def strides(name: str, endpoints: Sequence[str], pixels: Sequence[int]) -> list[str]:
    """A constant: endpoint → stride."""
    items = [f'"{e}": {stride}' for e, stride in zip(endpoints, pixels, strict=True)]
    return bracketed(0, f"{name} = {{", items, "}")


def anchor_helpers(task: Detection | Proposals) -> tuple[str, ...]:
    """Anchors, and the raw outputs in their order."""
    anchors = task.anchors
    return (
        render("detection/strides", strides=strides("STRIDES", task.endpoints, task.strides)),
        render("detection/anchors", shapes=_shapes(anchors), order=_order(anchors), size=f"{anchors.size:g}"),
        render("detection/join_levels"),
    )


def _shapes(anchors: Anchors) -> list[str]:
    size = repr(float(anchors.size))
    if anchors.octaves == 1:
        lines = [f"sizes = [{size}]"]
    else:
        lines = [
            f"sizes = [{size} * 2 ** (octave / {anchors.octaves}) for octave in range({anchors.octaves})]"
        ]
    aspects = [repr(float(aspect)) for aspect in anchors.aspects]
    listed = "(" + ", ".join(aspects) + ("," if len(aspects) == 1 else "") + ")"
    lines.append(f"roots = [aspect**0.5 for aspect in {listed}]")
    lines.append("shapes = [(size * root, size / root) for size in sizes for root in roots]")
    return lines


def _order(anchors: Anchors) -> str:
    return "aspect by aspect" if anchors.octaves == 1 else "size by size, aspect by aspect"


def box_helpers() -> tuple[str, ...]:
    """Coding of boxes, and their overlaps."""
    return (
        render("detection/encode_boxes"),
        render("detection/decode_boxes", clip=repr(BOX_CLIP)),
        render("detection/overlaps"),
    )


def target_helpers(first: int, last: int, masks: bool) -> tuple[str, ...]:
    """Targets and their checks; labels go from first to last."""
    keys = ["boxes", "labels", *(["masks"] if masks else [])]
    shapes = ['("boxes", (count, 4))', '("labels", (count,))', '("masks", (count, *size))'][: len(keys)]
    return (
        render(
            "detection/targets",
            masks=masks,
            first=first,
            last=last,
            keys="{" + ", ".join(f'"{key}"' for key in keys) + "}",
            shapes="(" + ", ".join(shapes) + ")",
        ),
    )


def match_helpers(low: float, high: float) -> tuple[str, ...]:
    """Which anchors learn which objects; between low and high they learn nothing."""
    below = "" if low == high else f", and {low} to {high} neither that nor background: -2"
    return (
        render("detection/match", low=low, high=high, below=below, unsure=-1 if low == high else -2),
        render("detection/match_anchors"),
    )


def documented_results(labels: str, masks: bool) -> tuple[str, ...]:
    """Paragraphs on targets and detections; `labels` says which there are."""
    more = ", `masks` (n, H, W) of zeros and ones" if masks else ""
    return (
        "Takes normalised images, N x 3 x H x W. With targets it returns a dict of losses, whose sum is "
        "to be trained; in training mode it needs them. Targets are one dict an image: `boxes` (n, 4), "
        f"corners x0, y0, x1, y1 in pixels, `labels` (n,) {labels}{more}.",
        "Without targets it returns such a dict for each image, with `scores` (n,); the best come first.",
    )
