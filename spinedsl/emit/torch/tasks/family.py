"""Which tasks one model can have together."""

from __future__ import annotations

from collections.abc import Sequence

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.graph.tasks import (
    Classification,
    Detection,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
    Task,
)
from spinedsl.records import record
from spinedsl.source import Span


@record
class TwoStage:
    """Faster R-CNN (Ren et al. 2015), and with masks Mask R-CNN (He et al. 2017)."""

    proposals: Proposals
    boxes: RegionBoxes
    masks: RegionMasks | None


Family = Detection | TwoStage | Classification | Segmentation


def family_of(tasks: Sequence[Task], span: Span | None) -> Family:
    """What a model with these tasks is, taken as a whole.

    Args:
        tasks: of the model, in any order.
        span: where the model is defined.

    Raises:
        DiagnosticError: SP044, no loss or result follows from these tasks together.
    """
    match _sorted(tasks):
        case [Classification() | Segmentation() | Detection() as task]:
            return task
        case [Proposals() as proposals, RegionBoxes() as boxes]:
            return TwoStage(proposals, boxes, None)
        case [Proposals() as proposals, RegionBoxes() as boxes, RegionMasks() as masks]:
            return TwoStage(proposals, boxes, masks)
        case _:
            raise _unrelated(tasks, span)


def _sorted(tasks: Sequence[Task]) -> list[Task]:
    order = (Classification, Segmentation, Detection, Proposals, RegionBoxes, RegionMasks)
    return sorted(tasks, key=lambda task: order.index(type(task)))


def _unrelated(tasks: Sequence[Task], span: Span | None) -> DiagnosticError:
    heads = " and ".join(f"“{task.head}”" for task in tasks)
    message = f"heads {heads} don't make one task together" if heads else "the model has no head"
    return fail(
        "SP044",
        message,
        span,
        help="a model has one head for detection, classification or segmentation, or those of a two-stage "
        "detector: proposals, boxes of regions, and perhaps their masks",
    )
