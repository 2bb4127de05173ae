"""The candidates of an image: the best scores of its anchors, and the boxes they belong to.

Of 7 million scores at 640 x 640 a few thousand count. Instead of laying all of them out and sorting
them, the best anchors are found by their best class; only their scores are picked from the raw
outputs. The result is that of sorting all scores: an anchor among whose scores is one of the best n is
itself one of the n best, for each anchor before it has a better score, or an equal one before.

A score that is no number (NaN) is none: it counts as the lowest. An anchor may lose its other scores
with it, as the maximum of several numbers and a NaN isn't defined.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spinedsl.emit.onnx.pipeline.anchors import (
    Boxes,
    Grid,
    Located,
    anchor_boxes,
    channels_at,
    divided,
    locate,
)
from spinedsl.emit.onnx.pipeline.boxes import decode
from spinedsl.emit.onnx.pipeline.steps import LOWEST, Steps
from spinedsl.graph.tasks import Detection, Proposals
from spinedsl.ops import Shape
from spinedsl.records import record


@record
class Value:
    """A value of the network.

    Attributes:
        name: in the graph.
        shape: without the batch.
    """

    name: str
    shape: Shape


Values = Mapping[str, Value]
"""Raw outputs and features, by the names that tasks have for them: `scores_P3`, `P3`."""


@record
class Candidates:
    """Boxes with scores, of every image n.

    Attributes:
        corners: float32 (N, n, 4), in pixels of the network's input, not clipped.
        scores: float32 (N, n), logits; `LOWEST` for what is none.
        groups: int64 (N, n) or (1, n): class or level; boxes of different groups don't compete.
        group_count: groups are numbered from 0.
        count: n.
    """

    corners: str
    scores: str
    groups: str
    group_count: int
    count: int


def grid_of(task: Detection | Proposals, values: Values) -> Grid:
    """The levels of a head that has anchors."""
    shapes = tuple(values[f"scores_{endpoint}"].shape for endpoint in task.endpoints)
    return Grid(task.anchors, task.strides, shapes)


def best_of_all(steps: Steps, task: Detection, values: Values, most: int) -> Candidates:
    """The best scores of all levels and classes, with their boxes."""
    grid = grid_of(task, values)
    anchor_count = min(most, grid.total)
    count = min(most, grid.total * task.classes)
    best = _best_class(steps, task, values)
    chosen = steps.ascending("anchors", steps.highest("best", best, anchor_count)[1], anchor_count)
    there = steps.at("scores")
    places = channels_at(there, "places", locate(there, grid, chosen), task.classes)
    scores = sound(there, "picked", _pick(there, _raw(task, "scores", values), places))
    logits, place = steps.highest("candidates", scores, count)
    row, groups = divided(steps, "row", "class", place, task.classes)
    anchors = steps.add("anchor", "GatherElements", chosen, row, axis=1)
    corners = _boxes(steps.at("boxes"), task, values, grid, anchors, count)
    return Candidates(corners, logits, groups, task.classes, count)


def best_by_level(steps: Steps, task: Proposals, values: Values, most: int) -> Candidates:
    """The best scores of each level, with their boxes; levels are groups."""
    grid = grid_of(task, values)
    scores, numbers, levels = [], [], []
    for level, endpoint in enumerate(task.endpoints):
        there = steps.at(endpoint)
        flat = sound(there, "flat", _in_order(there, values[f"scores_{endpoint}"], grid.anchors.count))
        count = min(most, grid.counts[level])
        logits, place = there.highest("best", flat, count)
        scores.append(logits)
        numbers.append(there.add("anchors", "Add", place, there.integer(grid.offsets[level])))
        levels += [level] * count
    logits = steps.add("scores", "Concat", *scores, axis=1)
    anchors = steps.add("anchors", "Concat", *numbers, axis=1)
    corners = _boxes(steps.at("boxes"), task, values, grid, anchors, len(levels))
    groups = steps.constant([levels], np.int64)
    return Candidates(corners, logits, groups, len(task.endpoints), len(levels))


def every_anchor(steps: Steps, task: Detection, values: Values) -> tuple[str, str]:
    """Corners (N, anchors, 4) and logits (N, anchors, classes) of all anchors."""
    grid = grid_of(task, values)
    numbers = steps.add("anchors", "Range", *(steps.integer(n) for n in (0, grid.total, 1)))
    codes = _all_channels(steps.at("codes"), task, "boxes", values, 4)
    corners = decode(steps.at("decode"), codes, anchor_boxes(steps, grid, locate(steps, grid, numbers)))
    return corners, _all_channels(steps.at("scores"), task, "scores", values, task.classes)


def sound(steps: Steps, name: str, scores: str) -> str:
    """Scores without NaN, which no order is defined for: some runtimes' sorting would read astray."""
    lowest = steps.constant(LOWEST, np.float32)
    return steps.add(f"{name}.sound", "Where", steps.add(f"{name}.nan", "IsNaN", scores), lowest, scores)


def _best_class(steps: Steps, task: Detection, values: Values) -> str:
    """The best score of every anchor: (N, anchors)."""
    found = []
    for endpoint in task.endpoints:
        there, value = steps.at(endpoint), values[f"scores_{endpoint}"]
        area = value.shape.height * value.shape.width
        classes = there.reshape("classes", value.name, 0, task.anchors.count, task.classes, area)
        best = there.add("best", "Transpose", there.maximum("maximum", classes, 2), perm=(0, 2, 1))
        found.append(there.reshape("flat", best, 0, area * task.anchors.count))
    return sound(steps, "best", steps.add("every", "Concat", *found, axis=1))


def _in_order(steps: Steps, value: Value, anchors: int) -> str:
    """Raw outputs of one channel an anchor, in the order of the anchors: (N, anchors)."""
    area = value.shape.height * value.shape.width
    planes = steps.reshape("planes", value.name, 0, anchors, area)
    return steps.reshape(
        "ordered", steps.add("pixels", "Transpose", planes, perm=(0, 2, 1)), 0, area * anchors
    )


def _raw(task: Detection | Proposals, kind: str, values: Values) -> list[Value]:
    return [values[f"{kind}_{endpoint}"] for endpoint in task.endpoints]


def _pick(steps: Steps, raw: list[Value], places: str) -> str:
    """What stands at places (N, k, c) of the raw outputs, flattened one after another: (N, k · c)."""
    flat = [
        steps.reshape(f"flat{level}", value.name, 0, value.shape.elements) for level, value in enumerate(raw)
    ]
    index = steps.reshape("index", places, 0, -1)
    return steps.add("values", "GatherElements", steps.add("all", "Concat", *flat, axis=1), index, axis=1)


def _boxes(
    steps: Steps, task: Detection | Proposals, values: Values, grid: Grid, anchors: str, count: int
) -> str:
    """Corners (N, n, 4) of anchors' numbers (N, n)."""
    located: Located = locate(steps, grid, anchors)
    places = channels_at(steps, "places", located, 4)
    codes = steps.reshape("codes", _pick(steps, _raw(task, "boxes", values), places), 0, count, 4)
    against: Boxes = anchor_boxes(steps, grid, located)
    return decode(steps.at("decode"), codes, against)


def _all_channels(steps: Steps, task: Detection, kind: str, values: Values, channels: int) -> str:
    """Raw outputs of all levels in the order of the anchors: (N, anchors, channels)."""
    parts = []
    for endpoint in task.endpoints:
        there, value = steps.at(endpoint), values[f"{kind}_{endpoint}"]
        area = value.shape.height * value.shape.width
        planes = there.reshape("planes", value.name, 0, task.anchors.count, channels, area)
        rows = there.add("rows", "Transpose", planes, perm=(0, 3, 1, 2))
        parts.append(there.reshape("flat", rows, 0, area * task.anchors.count, channels))
    return steps.add("every", "Concat", *parts, axis=1)
