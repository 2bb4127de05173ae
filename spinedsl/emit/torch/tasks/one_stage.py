"""RetinaNet (Lin et al. 2017): a score for every class and a box at every anchor."""

from __future__ import annotations

from spinedsl.emit.torch.tasks.detecting import (
    OPTIONS,
    anchor_helpers,
    box_helpers,
    documented_results,
    match_helpers,
    target_helpers,
)
from spinedsl.emit.torch.tasks.parts import Machinery
from spinedsl.emit.torch.templates import render
from spinedsl.graph.tasks import Detection

MATCHED = 0.5
"""Overlap from which on an anchor learns a box. Source: official/vision/configs/retinanet.py."""


def one_stage(task: Detection) -> Machinery:
    """Everything around a head for detection."""
    last = task.classes - 1
    return Machinery(
        standard_imports=("from functools import lru_cache", "from typing import NamedTuple"),
        imports=("from torchvision.ops import batched_nms",),
        helpers=(
            *anchor_helpers(task),
            *box_helpers(),
            *target_helpers(0, last, masks=False),
            *match_helpers(MATCHED, MATCHED),
            render("detection/focal_loss"),
            render("detection/highest"),
        ),
        attributes=(f"classes = {task.classes}",),
        options=OPTIONS,
        returns=documented_results(f"from 0 to {last}", masks=False),
        raw="The head's raw outputs: logits of classes and codes of boxes of every level.",
        keeps_features=False,
        methods=render("detection/detect_or_learn") + "\n" + render("detection/one_stage"),
    )
