"""What the words of the language mean, in a sentence and an example: for hovers and completions.

The reference is docs/language.md. Tests see that no word of the grammar is missing here.
"""

from __future__ import annotations

from spinedsl.ir.adjusting import ATTRIBUTES
from spinedsl.ir.space_rules import CHOOSABLE
from spinedsl.ops.activation import FUNCTIONS
from spinedsl.records import record


@record
class Word:
    """A word that means something at some place.

    Attributes:
        text: what it means there.
        example: as one would write it.
        snippet: what completion writes, with places to fill in (`$1`, `${2:name}`); the word itself if empty.
    """

    text: str
    example: str = ""
    snippet: str = ""


ITEMS: dict[str, Word] = {
    "import": Word(
        "Brings in everything a file declares or imports; it is looked for beside this file, then in the "
        "standard library.",
        'import "std/resnet.spine"',
        'import "$1"',
    ),
    "network": Word(
        "A network: what its figure draws, levels, blocks and arrows.",
        "network spinenet96 extends spinenet49 { repeat 2 }",
        "network ${1:name} {\n  input 3 x ${2:640 x 640}\n  width { ${3:2..7: 64} }\n\n  $0\n}",
    ),
    "model": Word(
        "A network with heads: a backbone, perhaps necks, and what the features are for.",
        "model my_detector { backbone spinenet49  head retinanet(classes = 21) }",
        "model ${1:name} {\n  backbone ${2:network}\n  head     ${3:retinanet}(${4:classes = 21})\n}",
    ),
    "block": Word(
        "A kind of block: a definition that says how many channels it puts out.",
        "block residual(width) -> width { conv 3x3 / stride -> width, norm, act }",
        "block ${1:name}(width) -> width {\n  $0\n}",
    ),
    "resampling": Word(
        "A resampling rule: what an arrow between two levels does.",
        "resampling nearest { upsample(nearest, target) }",
        "resampling ${1:name} {\n  when down { $2 }\n  when up { upsample(nearest, target) }\n"
        "  conv 1x1 -> target.channels, norm\n}",
    ),
    "merge": Word(
        "How the inputs of a block become one: a definition, or which of them a network or block uses.",
        "merge plain { sum(inputs, dangling) }",
        "merge ${1:name} { sum(inputs, dangling), act }",
    ),
    "part": Word(
        "Operators under a name, for use in other definitions.",
        "part projection(channels) { conv 1x1 -> channels, norm }",
        "part ${1:name}(${2:channels}) {\n  $0\n}",
    ),
    "head": Word(
        "What the features are for: a definition with a task, or one that a model uses.",
        "head scene(classes) -> classification(classes) { global_pool, dense -> classes => logits }",
        "head ${1:name}(classes) -> ${2:classification}(classes) {\n  $0\n}",
    ),
    "conventions": Word(
        "A named bundle of the details on which implementations disagree, or the one a network follows.",
        "conventions mine { padding same }",
        "conventions ${1:name} {\n  $0\n}",
    ),
    "space": Word(
        "A search space: what may be permuted, connected and adjusted in a network.",
        "space spinenet of r0_sp53 { permute intermediate, output }",
        "space ${1:name} of ${2:network} {\n  $0\n}",
    ),
}
"""What begins an item of a file."""

SETTINGS: dict[str, Word] = {
    "title": Word("Names the generated class.", 'title "SpineNet-49"', 'title "$1"'),
    "published": Word(
        "Where it was published; may stand several times.", 'published "CVPR 2020"', 'published "$1"'
    ),
    "input": Word(
        "One image, channels x height x width; or features of an image of a size.",
        "input 3 x 640 x 640",
        "input 3 x ${1:640 x 640}",
    ),
    "scale": Word("`scale width` multiplies every base width.", "scale width 0.65", "scale width ${1:1}"),
    "rounding": Word(
        "How a scaled width becomes whole: `floor`, `nearest`, or a `multiple`.", "rounding multiple 8"
    ),
    "repeat": Word(
        "Every block becomes that many in sequence; behind a level, that one block; in a body, its steps are "
        "run as often.",
        "repeat 2",
    ),
    "stack": Word("The whole graph over features, that many times.", "stack 7"),
    "resample": Word("What a connection between two blocks does.", "resample cross_scale(alpha = 0.5)"),
    "merge": Word("How a block's inputs become one.", "merge weighted"),
    "norm": Word(
        "The normalisation: in a network its numbers, in a body the operator.",
        "norm batch(eps = 1e-3, momentum = 0.99)",
        "norm batch(eps = ${1:1e-3}, momentum = ${2:0.99})",
    ),
    "act": Word("The activation: in a network which, in a body the operator.", "act swish"),
    "padding": Word(
        "How strided convolutions are padded: `symmetric`, or TensorFlow's `same`; `pools` apart.",
        "padding symmetric pools same",
    ),
    "drop_path": Word(
        "Stochastic depth: in a network its rate and schedule, in a body the operator.",
        "drop_path 0.2 linear of blocks",
    ),
    "dangling": Word("A block that nobody reads: `merge`, `prune`, or `error`.", "dangling merge"),
    "sizes": Word("`any` accepts sizes that don't divide by the deepest level's stride.", "sizes any"),
    "conventions": Word("A named bundle of settings, laid under the network's own.", "conventions garden"),
    "default": Word(
        "A default for an argument of a definition, in this network.", "default endpoint(activate = false)"
    ),
    "expect": Word(
        "A published fact that `spinec check` proves.",
        "expect params = 22.1M within 1%",
        "expect ${1:params} = $2",
    ),
}
"""What may stand in networks and in models."""

NETWORK: dict[str, Word] = {
    **SETTINGS,
    "width": Word(
        "Base channels of a block at a level, before scaling; behind a level, of that block.",
        "width { 2: 64, 3: 128, 4..7: 256 }",
        "width { ${1:2..7}: ${2:64} }",
    ),
    "stem": Word(
        "A sequence of operators and named blocks that goes down only.",
        "stem { conv 7x7 / 2 -> 64, norm, act  s0: bottleneck @2 }",
        "stem {\n  $0\n}",
    ),
    "without": Word("Removes inherited blocks.", "without b2, b3"),
    "endpoints": Word(
        "Which levels must be covered, and the width that all endpoints are brought to.",
        "endpoints 3..7 -> 256",
        "endpoints ${1:3..7} -> ${2:256}",
    ),
    "member": Word("Checked: the network lies in a search space.", "member of spinenet", "member of $1"),
}
"""What may stand in a network, but for its blocks."""

MODEL: dict[str, Word] = {
    **SETTINGS,
    "backbone": Word("The network that reads the image.", "backbone spinenet49"),
    "neck": Word("A network over features, between what stands before it and the heads.", "neck nas_fpn"),
    "head": Word(
        "Reads the endpoints of the last neck, or of the backbone.",
        "head retinanet(classes = 91)",
        "head ${1:retinanet}($2)",
    ),
    "pixels": Word("How images become numbers.", "pixels imagenet"),
}
"""What may stand in a model."""

CONVENTIONS: dict[str, Word] = {
    word: meaning
    for word, meaning in SETTINGS.items()
    if word not in ("title", "published", "input", "conventions", "expect")
}
"""What may stand in a bundle of conventions."""

SPACE: dict[str, Word] = {
    "permute": Word("Groups of blocks that are put in a new order.", "permute intermediate, output"),
    "connect": Word(
        "How many earlier blocks a block reads, and from how many.",
        "connect 2 from last 5 for intermediate",
        "connect ${1:2} from ${2:earlier}",
    ),
    "adjust": Word(
        "What may be adjusted in every block: level, kind, width, repeat, merge, resample, or a parameter.",
        "adjust level by {-1, 0, 1, 2}",
        "adjust ${1:level by} {$2}",
    ),
    "choose": Word(
        "What may be chosen for the whole network.",
        "choose scale width from {0.65, 1}",
        "choose ${1:repeat} from {$2}",
    ),
    "freeze": Word("What stays as it is in the network.", "freeze order, connections"),
    "require": Word(
        "What every member has to meet.",
        "require macs(640) <= 30G",
        "require ${1:params} <= ${2:30M}",
    ),
}
"""What may stand in a search space."""

STATEMENTS: dict[str, Word] = {
    "when": Word(
        "Decided when the network is compiled.", "when up { upsample(nearest, target) }", "when $1 { $2 }"
    ),
    "else": Word("What happens where the condition of `when` doesn't hold.", "else { act }", "else { $1 }"),
    "repeat": Word("Steps, that many times.", "repeat steps - 1 { maxpool 3x3 / 2 }", "repeat $1 { $2 }"),
}
"""Statements of every body."""

HEAD_STATEMENTS: dict[str, Word] = {
    "each": Word(
        "`each level` happens at every level, all with the same parameters.",
        "each level { conv 3x3 => scores }",
        "each level {\n  $0\n}",
    ),
    "from": Word(
        "From one end of the levels to the other, the value carried along.",
        "from coarsest { upsample(nearest, level), add(level) }",
        "from ${1:coarsest} { $2 }",
    ),
}
"""Statements of a head."""

OTHERS: dict[str, Word] = {
    "extends": Word("States only the differences to another network or model.", "extends spinenet49"),
    "of": Word("Joins a declaration to what it is of.", "space paper of r0_sp53"),
    "via": Word("A connection's own resampling rule, or the part that makes endpoints.", "s0 via direct"),
    "for": Word(
        "Which group of blocks a rule of a search space is for.", "connect 2 from earlier for output"
    ),
    "within": Word("How far a number may differ, relative to what is expected.", "within 0.3%"),
    "pools": Word("How pools are padded, if not as convolutions.", "padding symmetric pools same"),
    "linear": Word("The rate of drop path grows from block to block.", "drop_path 0.2 linear of blocks"),
    "constant": Word("The rate of drop path is the same everywhere.", "drop_path 0.2 constant"),
    "level": Word("A resolution: level i is 1/2^i of the input.", "each level { act }"),
    "kind": Word("Which definition a block is made by.", "adjust kind to {bottleneck, residual}"),
    "by": Word("By how much something is adjusted.", "adjust level by {-1, 0, 1}"),
    "to": Word("To what something is adjusted.", "adjust kind to {bottleneck, residual}"),
    "last": Word("The blocks right before.", "connect 2 from last 5"),
    "earlier": Word("All blocks before.", "connect 2 from earlier"),
    "and": Word("Both hold.", "up and steps > 1"),
    "or": Word("One of them holds, or both.", "down or same"),
    "not": Word("It doesn't hold.", "not separable"),
    "true": Word("It holds.", "bias = true"),
    "false": Word("It doesn't hold.", "bias = false"),
}
"""Words that join others."""

VALUES: dict[str, dict[str, str]] = {
    "rounding": {
        "floor": "Cut, as published.",
        "nearest": "To the nearest whole number.",
        "multiple": "To the nearest multiple, never below 90 %.",
    },
    "act": {**FUNCTIONS, "none": "No activation."},
    "norm": {"batch": "Batch normalisation with `eps` and `momentum`, as in the papers: what is kept."},
    "padding": {
        "symmetric": "The same on both sides, as torch has it.",
        "same": "As TensorFlow has it: what is uneven goes to the end.",
    },
    "dangling": {
        "merge": "Joins the next output block of the same level and channels, as published.",
        "prune": "Is removed.",
        "error": "Is an error.",
    },
    "sizes": {
        "exact": "Height and width are multiples of the deepest level's stride.",
        "any": "Levels round up, up-sampling reaches the target's extent.",
    },
    "pixels": {"imagenet": "ImageNet's mean and deviation.", "unit": "From 0 to 1."},
    "from": {
        "coarsest": "From the coarsest level to the finest.",
        "finest": "From the finest to the coarsest.",
    },
    "permute": {"intermediate": "Blocks without an endpoint.", "output": "Output blocks."},
    "freeze": {
        "order": "The order of blocks.",
        "connections": "Which blocks a block reads.",
        **dict.fromkeys(ATTRIBUTES, "What is adjusted in blocks."),
    },
    "adjust": {
        "level": "Added to the level, of intermediate blocks.",
        "kind": "Which definition a block is made by.",
        "width": "`by` a factor of the width, or `to` widths.",
        "repeat": "How many copies of a block follow one another.",
        "merge": "How the inputs of a block are merged.",
        "resample": "How the inputs of a block are resampled.",
    },
    "choose": {
        setting: f"One for the whole network: `{example}`." for setting, (_, example) in CHOOSABLE.items()
    },
}
"""What a setting may be set to, where it is one of a few words."""

GIVEN: dict[str, dict[str, str]] = {
    "block": {
        "width": "Base channels at the block's level, scaled.",
        "channels": "Channels that it must put out.",
        "level": "The block's level.",
        "stride": "By how much it goes down.",
        "input": "What it reads.",
    },
    "resampling": {
        "up": "Whether the target is finer.",
        "down": "Whether the target is coarser.",
        "same": "Whether both are at one level.",
        "steps": "How many halvings or doublings.",
        "factor": "2 to the power of `steps`.",
        "source": "The block that is read: `source.width`, `source.channels`, `source.level`.",
        "target": "The block that reads, and the extent to reach: `target.width`, `target.channels`, `target.level`.",
        "input": "What it reads.",
    },
    "merge": {
        "inputs": "What the arrows bring, in order.",
        "dangling": "What unread blocks of the same shape add.",
        "coarse": "Of two inputs, the one from the coarser level.",
        "fine": "Of two inputs, the one from the finer level.",
    },
    "part": {"input": "What it reads."},
    "head": {
        "input": "The level's feature, or one region.",
        "level": "The level: `level.number`, `level.channels`.",
        "levels": "How many levels there are.",
        "features": "All levels.",
        "anchors": "Anchors at a pixel.",
    },
}
"""What a body finds under names, by the kind of definition."""

ARITHMETIC: dict[str, str] = {
    "floor": "The whole number below.",
    "ceil": "The whole number above.",
    "round": "The nearest whole number.",
    "abs": "Without its sign.",
    "min": "The smallest of several.",
    "max": "The largest of several.",
    "multiple": "`multiple(x, 8)`: the nearest multiple of 8, never below 90 %.",
}
"""Functions of expressions."""

STEM_FUNCTIONS: dict[str, str] = {
    "width": "`width(2)`: the scaled width of level 2.",
    "scaled": "`scaled(8)`: a number, scaled as widths are.",
}
"""Functions that a stem has besides."""

OPERATORS: dict[str, str] = {
    "conv": "A convolution; no bias unless stated. Without `->` it keeps the channels.",
    "depthwise": "A convolution with one filter a channel.",
    "deconv": "A transposed convolution whose kernel is its stride.",
    "dense": "Reads every channel and pixel, puts out one pixel; has a bias unless stated.",
    "maxpool": "The largest of a window; pads never count.",
    "avgpool": "The average of a window; pads never count.",
    "global_pool": "The average of a channel: one pixel.",
    "global_maxpool": "The largest of a channel: one pixel.",
    "norm": "The network's normalisation.",
    "act": "The network's activation, or a stated one.",
    "upsample": "To an extent, or by a factor: `nearest` or `bilinear`.",
    "space_to_depth": "Pixels of a square become channels; order: row, column, channel.",
    "add": "The running value and others, added.",
    "multiply": "The running value times another.",
    "scale": "Every number times a constant.",
    "sum": "Its operands only, added; lists count as their members.",
    "concat": "Its operands only, side by side.",
    "weighted_sum": "Its operands only, by learnt weights: the fast normalised fusion of BiFPN.",
    "drop_path": "Stochastic depth at the block's rate.",
    **{name: f"The activation {formula}." for name, formula in FUNCTIONS.items()},
}
"""The operators, each in a sentence."""

TASKS: dict[str, str] = {
    "detection": "One-stage detection: scores and boxes at every level.",
    "proposals": "The first of two stages: one score and a box an anchor.",
    "region_boxes": "The second stage, on regions; class 0 is the background.",
    "region_masks": "Masks of the second stage's regions.",
    "classification": "One class an image.",
    "segmentation": "One class a pixel.",
}
"""What heads can be for."""

QUANTITIES: dict[str, str] = {
    "params": "Trained parameters: `expect params = 21_831_488`.",
    "macs": "Multiply-adds at an input size: `expect macs(640) = 28.26G within 0.3%`.",
    "output": "Extents of an endpoint: `expect output(P3) = 256 x 80 x 80`.",
}
"""What can be expected."""


def keyword(word: str, place: str = "") -> Word | None:
    """What a keyword means at a place: a `frame` of context.py, or "" for anywhere."""
    tables = {
        "file": (ITEMS,),
        "network": (NETWORK,),
        "model": (MODEL,),
        "conventions": (CONVENTIONS,),
        "space": (SPACE,),
        "body": (STATEMENTS, HEAD_STATEMENTS),
    }
    everywhere = (OTHERS, NETWORK, MODEL, SPACE, STATEMENTS, HEAD_STATEMENTS, ITEMS)
    for table in (*tables.get(place, ()), *everywhere):
        if word in table:
            return table[word]
    return None
