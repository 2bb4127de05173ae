"""Two-stage detectors: regions are proposed, cut out of the levels, classified, refined and masked.

1. The best 1000 boxes of each level are proposed; per level, those that overlap a better one by more
   than 0.7 go; the best 1000 of an image remain. An image has always so many regions: behind the last
   one they have no extent, and their scores don't count.
2. A region is cut out of the level that suits its extent (RoIAlign, He et al. 2017), one sample in the
   middle of each cell.
3. The region's scores are one softmax with the background as class 0, and each class has a box.
4. Masks are made for the detections that remain, of their own class: probabilities on a grid of the
   box, `masks` (N, K, M, M). Where they lie in the image follows from the box alone.

Source: tf-models-official 2.20.0, official/vision/modeling/layers/roi_generator.py and
detection_generator.py, official/vision/ops/spatial_transform_ops.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from spinedsl.emit.onnx.pipeline.anchors import divided
from spinedsl.emit.onnx.pipeline.boxes import clip, decode, of_corners, without_nan
from spinedsl.emit.onnx.pipeline.candidates import Candidates, Value, Values, best_by_level, sound
from spinedsl.emit.onnx.pipeline.detection import MASKS, Found, best, write_detections
from spinedsl.emit.onnx.pipeline.options import PipelineOptions
from spinedsl.emit.onnx.pipeline.preprocess import Placement
from spinedsl.emit.onnx.pipeline.steps import LOWEST, Steps
from spinedsl.emit.onnx.pipeline.suppression import suppress
from spinedsl.graph.tasks import MOST_PROPOSALS, Proposals, RegionBoxes, RegionMasks
from spinedsl.records import record

PROPOSAL_OVERLAP = 0.7
PROPOSALS_BY_LEVEL = 1000
"""Source: tf-models-official 2.20.0, official/vision/configs/maskrcnn.py, as evaluated."""

CANONICAL_EXTENT, CANONICAL_STRIDE = 224, 16
"""Regions from this extent on are cut from the level of this stride. Source: Lin et al. 2017, FPN, (1)."""

RunPart = Callable[[str, str], Mapping[str, Value]]
"""`run_part(head, regions)` writes a head that runs on regions, on the value `regions` (R, channels,
pool, pool); its raw outputs by their names."""


@record
class Regions:
    """The regions of every image.

    Attributes:
        corners: float32 (N, R, 4), in pixels of the network's input.
        valid: bool (N, R).
        count: R.
    """

    corners: str
    valid: str
    count: int


def detect_in_regions(
    steps: Steps,
    tasks: tuple[Proposals, RegionBoxes, RegionMasks | None],
    values: Values,
    placement: Placement,
    options: PipelineOptions,
    run_part: RunPart,
) -> None:
    """Write the detections of a two-stage detector, with masks if it has any, as outputs."""
    proposals, boxes, masks = tasks
    regions = propose(steps.at("proposals"), proposals, values, placement)
    there = steps.at("regions")
    raw = run_part(boxes.head, cut_regions(there.at("cut"), boxes, regions, values))
    candidates = _candidates(there, boxes, regions, raw, options.candidates)
    found = best(there, candidates, candidates.scores, placement, options)
    classes = there.add("classes", "Add", found.classes, there.integer(1))  # 0 is the background
    found = Found(found.corners, found.scores, classes, found.valid)
    write_detections(steps, found, placement, options.detections)
    if masks is not None:
        _write_masks(steps.at("masks"), masks, found, values, options.detections, run_part)


def propose(steps: Steps, task: Proposals, values: Values, placement: Placement) -> Regions:
    """Boxes of every image that may hold an object, the likeliest first."""
    candidates = best_by_level(steps, task, values, PROPOSALS_BY_LEVEL)
    corners = clip(steps.at("clip"), candidates.corners, placement)
    scores = without_nan(steps, candidates.scores, candidates.corners)
    kept = suppress(
        steps.at("suppress"),
        Candidates(corners, scores, candidates.groups, candidates.group_count, candidates.count),
        threshold=LOWEST,
        overlap=PROPOSAL_OVERLAP,
        most=MOST_PROPOSALS,
    )
    valid = steps.unsqueeze("valid", kept.valid, -1)
    chosen = steps.rows("chosen", corners, kept.index)
    regions = steps.add("regions", "Where", valid, chosen, steps.constant(0, np.float32))
    return Regions(regions, kept.valid, MOST_PROPOSALS)


def cut_regions(steps: Steps, task: RegionBoxes | RegionMasks, regions: Regions, values: Values) -> str:
    """Features of all regions of all images: (N · R, channels, pool, pool), image by image."""
    corners = steps.reshape("corners", regions.corners, -1, 4)
    images = steps.reshape("images", _image_of(steps, regions), -1)
    rows, cuts = [], []
    level = _level_of(steps, task, corners)
    for index, (endpoint, stride) in enumerate(zip(task.endpoints, task.strides, strict=True)):
        there = steps.at(endpoint)
        at = there.add("at", "Equal", level, there.integer(index))
        row = there.reshape("rows", there.add("found", "NonZero", at), -1)
        # As published, pixel i of a level is at i · stride: half a pixel less than `half_pixel` has it.
        moved = there.add(
            "moved", "Add", there.add("corners", "Gather", corners, row), there.floats(stride / 2)
        )
        cuts.append(
            there.add(
                "cut", "RoiAlign", values[endpoint].name, moved, there.add("image", "Gather", images, row),
                coordinate_transformation_mode="half_pixel", mode="avg", sampling_ratio=1,
                output_height=task.pool, output_width=task.pool, spatial_scale=1 / stride,
            )
        )  # fmt: skip
        rows.append(row)
    # Row i of the result stands where rows has i.
    order = steps.add("order", "Concat", *rows, axis=0)
    count = steps.add("count", "Shape", order)
    numbers = steps.add(
        "numbers", "Range", steps.integer(0), steps.add("rank", "Squeeze", count), steps.integer(1)
    )
    place = steps.add("place", "ScatterElements", numbers, order, numbers, axis=0)
    return steps.add("ordered", "Gather", steps.add("cuts", "Concat", *cuts, axis=0), place, axis=0)


def _image_of(steps: Steps, regions: Regions) -> str:
    """Number of the image of every region: int64 (N, R)."""
    shape = steps.add("shape", "Shape", regions.valid)
    batch = steps.add(
        "batch", "Squeeze", steps.add("first", "Slice", shape, *(steps.integers(n) for n in (0, 1)))
    )
    numbers = steps.add("every", "Range", steps.integer(0), batch, steps.integer(1))
    return steps.add("image", "Expand", steps.unsqueeze("column", numbers, -1), shape)


def _level_of(steps: Steps, task: RegionBoxes | RegionMasks, corners: str) -> str:
    """The level that suits a region's extent, which is the root of its area: int64 (N · R)."""
    sides = of_corners(steps, corners).extent
    width, height = steps.pair("sides", "Split", sides, steps.integers(1, 1), axis=-1)
    extent = steps.add("extent", "Sqrt", steps.add("area", "Mul", width, height))
    limits = [CANONICAL_EXTENT / CANONICAL_STRIDE * stride for stride in task.strides]
    limits[0] = 0.0  # every region is at the finest level or above
    above = steps.cast("above", steps.add("least", "GreaterOrEqual", extent, steps.floats(*limits)), np.int64)
    return steps.add("level", "Sub", steps.total("levels", above, -1), steps.integer(1))


def _candidates(steps: Steps, task: RegionBoxes, regions: Regions, raw: Values, most: int) -> Candidates:
    """The best scores of all regions and classes, with their boxes; groups are classes less one."""
    kinds = task.classes - 1
    logits = steps.reshape("logits", raw["scores"].name, -1, regions.count, task.classes)
    shares = steps.add("shares", "Softmax", logits, axis=-1)
    objects = steps.add("objects", "Slice", shares, *(steps.integers(n) for n in (1, task.classes, 2)))
    objects = sound(steps, "objects", objects)
    lowest, valid = steps.constant(LOWEST, np.float32), steps.unsqueeze("valid", regions.valid, -1)
    flat = steps.reshape("flat", steps.add("real", "Where", valid, objects, lowest), 0, regions.count * kinds)
    count = min(most, regions.count * kinds)
    scores, place = steps.highest("best", flat, count)
    region, kind = divided(steps, "region", "kind", place, kinds)
    corners = _refined(steps.at("boxes"), task, regions, raw, region, kind, count)
    return Candidates(corners, scores, kind, kinds, count)


def _refined(
    steps: Steps, task: RegionBoxes, regions: Regions, raw: Values, region: str, kind: str, count: int
) -> str:
    """Corners (N, n, 4) that the codes of regions' classes (N, n) mean."""
    first = steps.add("first", "Mul", region, steps.integer(task.classes))
    number = steps.add("number", "Add", steps.add("class", "Add", first, kind), steps.integer(1))
    flat = steps.reshape("flat", raw["boxes"].name, -1, regions.count * task.classes, 4)
    codes = steps.rows("codes", flat, number)
    shift, log = (1 / weight for weight in task.box_weights)
    scaled = steps.add("scaled", "Mul", codes, steps.floats(shift, shift, log, log))
    against = of_corners(steps, steps.rows("against", regions.corners, region))
    return decode(steps.at("decode"), scaled, against)


def _write_masks(
    steps: Steps, task: RegionMasks, found: Found, values: Values, count: int, run_part: RunPart
) -> None:
    """Masks of the detections, each of its own class; zero behind the last one."""
    valid = steps.unsqueeze("exists", found.valid, -1)
    corners = steps.add("corners", "Where", valid, found.corners, steps.constant(0, np.float32))
    regions = Regions(corners, found.valid, count)
    masks = run_part(task.head, cut_regions(steps.at("cut"), task, regions, values))["masks"]
    cells = masks.shape.height
    own = steps.rows("own", masks.name, steps.reshape("kind", found.classes, -1))
    shaped = steps.reshape("shaped", steps.add("probable", "Sigmoid", own), -1, count, cells, cells)
    real = steps.unsqueeze("real", valid, -1)
    steps.output(
        MASKS, (count, cells, cells), np.float32, "Where", real, shaped, steps.constant(0, np.float32)
    )
