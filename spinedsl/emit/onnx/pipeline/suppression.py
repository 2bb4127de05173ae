"""One box of an object remains: non-maximum suppression, and the detections of a fixed number.

1. Candidates of one group that overlap a better one by more than the threshold go. All groups of all
   images go through one NonMaxSuppression, whose layout has a score of every box for every group: a
   candidate's own score in its own group, the lowest in others. So no coordinates have to be moved
   apart, which would cost them digits.
2. What remains is written back to the candidates' places, and the best n of an image are taken there:
   the number of boxes never depends on the data, and images of a batch don't depend on each other.
"""

from __future__ import annotations

import numpy as np

from spinedsl.emit.onnx.pipeline.candidates import Candidates
from spinedsl.emit.onnx.pipeline.steps import LOWEST, Steps
from spinedsl.records import record


@record
class Kept:
    """The best candidates of every image that remain.

    Attributes:
        scores: float32 (N, n), the best first.
        index: int64 (N, n), numbers of candidates; 0 behind the last one.
        valid: bool (N, n), false behind the last one.
    """

    scores: str
    index: str
    valid: str


def suppress(steps: Steps, candidates: Candidates, *, threshold: float, overlap: float, most: int) -> Kept:
    """Keep at most `most` candidates of an image, with scores above the threshold."""
    pairs = _survivors(steps, candidates, threshold, overlap, most)
    scores = candidates.scores
    lowest = steps.constant(LOWEST, np.float32)
    nothing = steps.add("nothing", "Expand", lowest, steps.add("shape", "Shape", scores))
    remaining = steps.add("remaining", "GatherND", scores, pairs)
    written = steps.add("written", "ScatterND", nothing, pairs, remaining)
    if candidates.count < most:
        pads = steps.integers(0, 0, 0, most - candidates.count)
        written = steps.add("padded", "Pad", written, pads, lowest)
    best, index = steps.highest("kept", written, most)
    valid = steps.add("valid", "Greater", best, lowest)
    return Kept(best, steps.add("index", "Where", valid, index, steps.integer(0)), valid)


def _survivors(steps: Steps, candidates: Candidates, threshold: float, overlap: float, most: int) -> str:
    """Image and candidate of all that remain: int64 (m, 2)."""
    groups = steps.constant(np.arange(candidates.group_count)[:, None], np.int64)
    own = steps.add("own", "Equal", steps.unsqueeze("group", candidates.groups, 1), groups)
    scores = steps.unsqueeze("score", candidates.scores, 1)
    layers = steps.add("layers", "Where", own, scores, steps.constant(LOWEST, np.float32))
    selected = steps.add(
        "selected", "NonMaxSuppression", candidates.corners, layers,
        steps.integers(most), steps.floats(overlap), steps.floats(threshold),
    )  # fmt: skip
    return steps.add("pairs", "Gather", selected, steps.integers(0, 2), axis=1)
