"""What a head is for: how its raw outputs are read.

A head's raw outputs are plain features of the Program. A task says what they mean: which anchors
stand at a pixel, how a box is coded, how many classes there are. Targets write the code that
follows from it (losses, decoding, suppression); nothing here computes.

Raw outputs of a head that works level by level are called `scores_P3`, `boxes_P3`, …: one for each
endpoint. With A anchors a pixel, scores have A · classes channels (channel = anchor · classes +
class) and boxes 4 · A (channel = 4 · anchor + coordinate), the coordinates being dx, dy, dw, dh.
"""

from __future__ import annotations

from spinedsl.records import record

ASPECTS = (0.5, 1.0, 2.0)
"""Width by height of the anchors of one size, as published."""

BOX_CLIP = 4.135166556742356
"""log(1000 / 16): dw and dh count at most this much, so that an exponential can't overflow."""


@record
class Anchors:
    """The boxes that predictions start from.

    Anchors of stride s are centred at (column + 1/2) · s, (row + 1/2) · s. Octave o of `octaves`
    has the area (size · s · 2^(o / octaves))²; within an octave, aspects follow one another, so that
    anchor = octave · len(aspects) + aspect. All anchors of an image: level by level from the finest,
    row by row, column by column, anchor by anchor.
    Source: tf-models-official 2.20.0, official/vision/ops/anchor.py; size 3 up to SpineNet-96 and 4
    from SpineNet-143 on (Du et al., section 5.1), 4 in RetinaNet (Lin et al. 2017).
    """

    size: float = 4.0
    octaves: int = 3
    aspects: tuple[float, ...] = ASPECTS

    @property
    def count(self) -> int:
        """Anchors at a pixel."""
        return self.octaves * len(self.aspects)


@record
class Detection:
    """One-stage detection (RetinaNet): a score for every class and a box at every anchor.

    Scores are logits of independent sigmoids. A box is coded against its anchor with centre (x, y)
    and extent (w, h): centre (x + dx · w, y + dy · h), extent (w · exp(dw), h · exp(dh)).

    Attributes:
        head: name of the part that makes the raw outputs.
        endpoints: names of the levels, finest first; raw outputs are `scores_NAME`, `boxes_NAME`.
        strides: of the endpoints, in pixels of the network's input.
    """

    head: str
    endpoints: tuple[str, ...]
    strides: tuple[int, ...]
    classes: int
    anchors: Anchors


@record
class Proposals:
    """The first stage of Faster R-CNN: one objectness logit and a box at every anchor.

    Attributes: as `Detection`; scores have one channel an anchor.
    """

    head: str
    endpoints: tuple[str, ...]
    strides: tuple[int, ...]
    anchors: Anchors


@record
class RegionBoxes:
    """The second stage: every region is classified, and its box refined for each class.

    Raw outputs are `scores` (R, classes), logits of one softmax in which class 0 is the background,
    and `boxes` (R, 4 · classes), coded against the region with `box_weights`: dx and dy are divided
    by the first, dw and dh by the second.

    Attributes:
        endpoints, strides: the levels that regions are cut from.
        pool: rows and columns of a region (RoIAlign, He et al. 2017).
    """

    head: str
    endpoints: tuple[str, ...]
    strides: tuple[int, ...]
    classes: int
    pool: int = 7
    box_weights: tuple[float, float] = (10.0, 5.0)


@record
class RegionMasks:
    """The mask branch: `masks` (R, classes, M, M), logits of independent sigmoids.

    Attributes: as `RegionBoxes`.
    """

    head: str
    endpoints: tuple[str, ...]
    strides: tuple[int, ...]
    classes: int
    pool: int = 14


@record
class Classification:
    """One class an image: `logits` (N, classes) of one softmax."""

    head: str
    classes: int


@record
class Segmentation:
    """One class a pixel: `logits` (N, classes, H / stride, W / stride) of one softmax."""

    head: str
    classes: int
    stride: int


MOST_PROPOSALS = 1000
"""Regions of an image that the second stage looks at, in the published evaluation."""
MOST_DETECTIONS = 100
"""Detections of an image that are kept, and get masks."""


def regions_of(task: object) -> int:
    """How many regions of an image a head runs on at inference; 0 for a head on whole images."""
    if isinstance(task, RegionBoxes):
        return MOST_PROPOSALS
    return MOST_DETECTIONS if isinstance(task, RegionMasks) else 0


Task = Detection | Proposals | RegionBoxes | RegionMasks | Classification | Segmentation


@record
class Preprocessing:
    """How an image becomes the network's input.

    Attributes:
        mean, std: of red, green and blue in the range 0 to 1; pixels / 255 are shifted and divided.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


PIXELS = {
    "imagenet": Preprocessing(),
    "unit": Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""What `pixels` can be set to: ImageNet's mean and deviation, as published, or plainly 0 to 1."""
