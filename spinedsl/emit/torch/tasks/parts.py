"""What goes in and what comes out: parts of a model, texts of a file."""

from __future__ import annotations

from spinedsl.ir.names import RESERVED_PARTS
from spinedsl.records import record

TAKEN_ATTRIBUTES = RESERVED_PARTS | {"forward", "initialise"}
"""Attributes of the model's class beside those of `nn.Module`: no part may be called so."""

TAKEN_NAMES = frozenset(
    (
        "CODE_SCALE",
        "NamedTuple",
        "REGION_STRIDES",
        "STRIDES",
        "Targets",
        "anchors_of",
        "at_random",
        "batched_nms",
        "check_labels",
        "check_target",
        "crop_masks",
        "cut_regions",
        "decode_boxes",
        "encode_boxes",
        "focal_loss",
        "highest",
        "image_of",
        "join_levels",
        "lru_cache",
        "match",
        "match_anchors",
        "overlaps",
        "paste_masks",
        "read_targets",
        "roi_align",
        "sample",
        "sample_regions",
        "shares",
    )
)
"""Global names of the texts made here: no class of the file may be called so."""


@record
class Part:
    """A network of a model: backbone, neck or head.

    Its class takes `generator` by name, and has `initialise(generator)`. A backbone is called with
    images, a neck or head with a dict of features; a head of regions with one tensor
    (R, channels, pool, pool). All return a dict.

    Attributes:
        attribute: what it is called in the model; parameters' names begin with it. That of a head
            is the `head` of its task.
        class_name: of its class in the same file.
        drop_path: published rate of stochastic depth, if its class takes one by that name.
        sources: of a neck: its inputs, and which feature of the part before each is.
    """

    attribute: str
    class_name: str
    drop_path: float | None = None
    sources: tuple[tuple[str, str], ...] = ()


@record
class ModelParts:
    """Texts of the file, in its order; each ends with a line break.

    Attributes:
        standard_imports: lines of imports from the standard library.
        imports: lines of imports that stand behind those of torch.
        helpers: of functions, classes and constants; each is a text that stands by itself.
        model: of the model's class.
    """

    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    model: str


@record
class Option:
    """A keyword argument of the model's constructor, which becomes an attribute of the same name."""

    name: str
    annotation: str
    default: str
    explanation: str


@record
class Machinery:
    """What a family brings to the file.

    Attributes:
        standard_imports, imports, helpers: as in `ModelParts`.
        attributes: lines of the class.
        options: of the constructor.
        returns: paragraphs of the class's documentation: what goes in and out.
        raw: one sentence on what `outputs` returns.
        keeps_features: whether the raw outputs hold the features too.
        methods: text of the methods behind `outputs`.
    """

    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    attributes: tuple[str, ...]
    options: tuple[Option, ...]
    returns: tuple[str, ...]
    raw: str
    keeps_features: bool
    methods: str
