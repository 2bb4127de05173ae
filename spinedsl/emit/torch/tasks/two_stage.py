"""Faster and Mask R-CNN: regions are proposed, then cut out, classified, refined and masked."""

from __future__ import annotations

from collections.abc import Sequence

from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.prose import wrapped
from spinedsl.emit.torch.tasks.detecting import (
    OPTIONS,
    anchor_helpers,
    box_helpers,
    documented_results,
    match_helpers,
    strides,
    target_helpers,
)
from spinedsl.emit.torch.tasks.family import TwoStage
from spinedsl.emit.torch.tasks.parts import Machinery, Option
from spinedsl.emit.torch.templates import render
from spinedsl.graph.tasks import MOST_PROPOSALS, RegionBoxes

BACKGROUND, MATCHED = 0.3, 0.7
"""Overlaps below and from which on an anchor is background, or learns a box. Source: Ren et al. 2015."""

CANONICAL_EXTENT, CANONICAL_STRIDE = 224, 16
"""Regions from this extent on are cut from the level of this stride. Source: Lin et al. 2017, FPN, (1)."""

PROPOSALS = Option(
    "max_proposals", "int", str(MOST_PROPOSALS), "regions of an image that the second stage sees."
)


def two_stage(family: TwoStage) -> Machinery:
    """Everything around heads for proposals, boxes of regions, and perhaps their masks."""
    boxes, masks = family.boxes, family.masks
    last = boxes.classes - 1
    return Machinery(
        standard_imports=("from functools import lru_cache", "from typing import NamedTuple"),
        imports=("from torchvision.ops import batched_nms, roi_align",),
        helpers=(
            *anchor_helpers(family.proposals),
            *_region_constants(family),
            *box_helpers(),
            *target_helpers(1, last, masks=masks is not None),
            *match_helpers(BACKGROUND, MATCHED),
            render("detection/sample"),
            render("detection/sample_regions"),
            _cut_regions(family),
            render("detection/image_of"),
            render("detection/highest"),
            *([render("detection/crop_masks"), render("detection/paste_masks")] if masks else []),
        ),
        attributes=(f"classes = {boxes.classes}  # with the background, which is class 0",),
        options=(*OPTIONS, PROPOSALS),
        returns=documented_results(f"from 1 to {last}", masks is not None),
        raw="What regions are cut from and found by: features, and the first stage's outputs.",
        keeps_features=True,
        methods=_methods(family),
    )


def _methods(family: TwoStage) -> str:
    boxes, masks = family.boxes, family.masks
    texts = [
        render("detection/detect_or_learn"),
        render("detection/two_stage", masks=masks is not None),
        render("detection/proposals"),
        render("detection/regions", head=boxes.head, pool=boxes.pool),
    ]
    if masks:
        texts.append(render("detection/masks", head=masks.head, pool=masks.pool))
    return "\n".join(texts)


def _region_constants(family: TwoStage) -> list[str]:
    boxes = family.boxes
    shift, log = (repr(float(weight)) for weight in boxes.box_weights)
    texts = [render("detection/code_scale", scale=f"({shift}, {shift}, {log}, {log})")]
    if not _same_levels(family):
        lines = strides("REGION_STRIDES", boxes.endpoints, boxes.strides)
        texts.insert(0, render("detection/region_strides", strides=lines))
    return texts


def _same_levels(family: TwoStage) -> bool:
    boxes, proposals = family.boxes, family.proposals
    return (boxes.endpoints, boxes.strides) == (proposals.endpoints, proposals.strides)


def _cut_regions(family: TwoStage) -> str:
    limits = region_limits(family.boxes)
    shown = [repr(limit) for limit in limits]
    if len(shown) == 1:
        shown = [f"{shown[0]},"]
    return render(
        "detection/cut_regions",
        limits=bracketed(4, "limits = (", shown, ")"),
        explanation=wrapped(_explained(family.boxes.endpoints, limits), 4),
        strides="STRIDES" if _same_levels(family) else "REGION_STRIDES",
    )


def region_limits(boxes: RegionBoxes) -> list[float]:
    """Extents in pixels from which on the second, third, … level is the one to cut from."""
    return [CANONICAL_EXTENT / CANONICAL_STRIDE * stride for stride in boxes.strides[1:]]


def _explained(endpoints: Sequence[str], limits: Sequence[float]) -> str:
    if not limits:
        return "RoIAlign (He et al. 2017) with one sample in the middle of each cell."
    levels = [f"{name} below {limit:g}" for name, limit in zip(endpoints[:-1], limits, strict=True)]
    return (
        "RoIAlign (He et al. 2017) with one sample in the middle of each cell. A region is cut from the "
        "level that suits its extent, which is the root of its area: "
        f"{', '.join(levels)}, {endpoints[-1]} from there on."
    )
