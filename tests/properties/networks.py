"""Random valid networks, as texts of the language.

`networks()` draws a text with one network called `drawn`. Everything that the language lets a network
say may be in it: any kind, any merge, resampling rules of its own, level differences up to 4,
repeats, unread blocks, widths per block, endpoints, odd sizes, blocks written by the user. Networks
are small: at most `most` blocks of few channels, on a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

NAME = "drawn"

USER_KINDS = """
part squeezed(reduced) {
  gate = global_pool, conv(bias = true) 1x1 -> reduced, relu, conv(bias = true) 1x1 -> input.channels, sigmoid
  multiply(gate)
}
block gated(width, dilation = 1) -> width {
  shortcut = input
  conv(dilation = dilation) 3x3 / stride -> width, norm, act
  squeezed(max(1, floor(width / 4)))
  when stride == 1 and shortcut.channels == width { drop_path, add(shortcut) }
  act
}
block branched(width) -> 2 * width {
  left = conv 1x1 / stride -> width, norm
  right = depthwise 3x3 / stride, conv(bias = true) 1x1 -> width
  concat(left, right), act(swish)
}
"""

KINDS = {
    "residual": 1, "bottleneck": 4, "mbconv": 1, "gated": 1, "branched": 2,
    "residual(dilation = 2)": 1, "mbconv(expand = 2, ratio = 0)": 1, "gated(dilation = 2)": 1,
}  # fmt: skip
"""Kind of block → how many times its width it puts out."""
MERGES = ["sum", "plain", "weighted", "weighted(eps = 0.01)"]
OF_TWO = ["attention"]
RULES = [
    "cross_scale",
    "cross_scale(alpha = 1)",
    "cross_scale(pooling = single)",
    "depthwise_scale",
    "pool_scale(overlap = true)",
]
TOUCHING = "pool_scale"
"""Its windows touch, so it takes sizes that divide only."""
ACTS = ["relu", "swish", "relu6", "hard_swish", "hard_sigmoid(slope = 0.2)"]
CONVENTIONS = ["torch", "garden", "tpu", "port"]


@dataclass(frozen=True)
class Source:
    """What a block may read."""

    name: str
    level: int


@st.composite
def networks(draw: st.DrawFn, most: int = 8, exact: bool | None = None, backbone: bool = False) -> str:
    """The text of a valid network called `drawn`.

    Args:
        draw: given by hypothesis.
        most: most scale-permuted blocks.
        exact: whether the size divides down to the deepest level; None: either.
        backbone: whether it reads an image, and its endpoints have one width.
    """
    deepest = draw(st.integers(2, 5))
    divides = draw(st.booleans()) if exact is None else exact
    if divides:
        height, width = (draw(st.integers(1, 2)) << deepest for _ in range(2))
    else:
        height, width = draw(st.integers(5, 60)), draw(st.integers(5, 60))
    external = not backbone and draw(st.booleans())
    lines = [f"conventions {draw(st.sampled_from(CONVENTIONS))}"]
    lines += [f"input of {height} x {width} {{"] if external else [f"input 3 x {height} x {width}"]
    sources = []
    if external:
        for level in draw(st.lists(st.integers(1, deepest), min_size=1, max_size=3, unique=True)):
            sources.append(Source(f"c{level}", level))
            lines.append(f"  c{level} @{level} -> {draw(st.integers(2, 6))}")
        lines.append("}")
    widths = draw(st.lists(st.integers(6, 9), min_size=deepest, max_size=deepest))
    lines.append(f"width {{ {', '.join(f'{i}: {w}' for i, w in enumerate(widths, start=1))} }}")
    rules = RULES + [TOUCHING] * divides
    lines += _settings(draw, divides, rules)
    if not external:
        stem, sources = _stem(draw, deepest)
        lines += stem
    lines += _blocks(draw, sources, deepest, most, rules)
    if backbone or draw(st.booleans()):
        lines.append(f"endpoints -> {draw(st.integers(1, 6))}")
    inside = "".join(f"  {line}\n" for line in lines)
    return (
        f'import "std/resnet.spine"\nimport "std/mbconv.spine"\n{USER_KINDS}\nnetwork {NAME} {{\n{inside}}}\n'
    )


def _settings(draw: st.DrawFn, divides: bool, rules: list[str]) -> list[str]:
    lines = [] if divides else ["sizes any"]
    if draw(st.booleans()):
        lines.append(f"resample {draw(st.sampled_from(rules))}")
    if draw(st.booleans()):
        lines.append(f"merge {draw(st.sampled_from(MERGES))}")
    if draw(st.booleans()):
        lines.append(f"act {draw(st.sampled_from(ACTS))}")
    if draw(st.booleans()):
        lines.append(f"scale width {draw(st.sampled_from(['0.65', '1.3', '2', '1 / 3']))}")
    if draw(st.booleans()):
        lines.append(f"rounding {draw(st.sampled_from(['floor', 'nearest', 'multiple 2']))}")
    if draw(st.booleans()):
        lines.append(f"repeat {draw(st.integers(1, 2))}")
    if draw(st.booleans()):
        lines.append(
            f"drop_path {draw(st.sampled_from(['0', '0.2', '0.2 linear', '0.1 linear of blocks + 3']))}"
        )
    lines.append(f"dangling {draw(st.sampled_from(['merge', 'merge', 'prune']))}")
    return lines


def _stem(draw: st.DrawFn, deepest: int) -> tuple[list[str], list[Source]]:
    level = draw(st.integers(0, 2))
    lines = ["stem {", f"  conv 3x3{' / 2' if level else ''} -> {draw(st.integers(2, 6))}, norm, act"]
    lines += ["  maxpool 3x3 / 2"] if level == 2 else []
    sources = []
    for index in range(draw(st.integers(1, 3))):
        # A stem only goes down, and levels from 1 have a width.
        level = draw(st.integers(max(1, level), min(deepest, max(1, level) + 1)))
        repeat = draw(st.sampled_from(["", "", " repeat 2"]))
        lines.append(f"  s{index}: {draw(st.sampled_from(list(KINDS)))} @{level}{repeat}")
        sources.append(Source(f"s{index}", level))
    return [*lines, "}"], sources


def _blocks(draw: st.DrawFn, sources: list[Source], deepest: int, most: int, rules: list[str]) -> list[str]:
    lines = []
    known = list(sources)
    free = set(range(1, deepest + 1))
    count = draw(st.integers(1, most))
    for index in range(count):
        level = draw(st.integers(1, deepest))
        readable = [s for s in known if abs(s.level - level) <= 4]
        inputs = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3))
        text = f"b{index}: {draw(st.sampled_from(list(KINDS)))} @{level}"
        text += draw(st.sampled_from(["", "", f" width {draw(st.integers(6, 9))}"]))
        text += draw(st.sampled_from(["", "", "", " repeat 2"]))
        if draw(st.integers(0, 3)) == 0:
            text += f" merge {draw(st.sampled_from(MERGES + OF_TWO * (len(inputs) == 2)))}"
        via = (draw(st.sampled_from(["", "", "", f" via {draw(st.sampled_from(rules))}"])) for _ in inputs)
        text += " <- " + ", ".join(f"{s.name}{rule}" for s, rule in zip(inputs, via, strict=True))
        ends = level in free and (draw(st.booleans()) or index == count - 1)
        if ends:
            free.discard(level)
            text += f" => P{level}"
        lines.append(text)
        known.append(Source(f"b{index}", level))
    if len(free) == deepest:
        lines[-1] += f" => P{known[-1].level}"
    return lines


PARTS = """
part tower(wide, own = true) {
  conv(bias = true, std = 0.2) 3x3 -> wide
  when own { norm(per_level = true) } else { norm }
  act
}
part gated_level {
  gate = global_pool, conv(bias = true) 1x1, sigmoid
  multiply(gate)
}
"""
STEPS = [
    "conv 3x3 -> 5", "conv(bias = true, std = 0.1, prior = 0.2) 1x1 -> 6", "conv(init = glorot_uniform) 3x3",
    "depthwise 3x3", "norm", "norm(per_level = true)", "act", "act(swish)", "scale(1 / levels)", "gated_level",
    "tower(4)", "tower(6, own = false)", "side = conv 1x1 -> 3  side, norm, act",
]  # fmt: skip
"""What may happen at every level."""
BEHIND = [
    "conv 3x3 -> 5, norm, act", "depthwise(std = 0.2) 3x3", "deconv(bias = true) 2x2 / 2 -> 4, norm, act",
    "global_pool, dense -> 6, norm, act", "scale(levels)", "act",
]  # fmt: skip
"""What may happen behind a walk over the levels, in this order."""


@st.composite
def models(draw: st.DrawFn, most: int = 3) -> str:
    """The text of a valid model called `drawn_model`, over a network called `drawn`.

    Args:
        draw: given by hypothesis.
        most: most scale-permuted blocks of its backbone.
    """
    network = draw(networks(most=most, backbone=True))
    kind = draw(st.sampled_from(["detection", "segmentation", "classification"]))
    if kind == "detection":
        steps = draw(st.lists(st.sampled_from(STEPS), max_size=4))
        predict = "conv 1x1 -> 2 * anchors => scores  conv(bias = true) 3x3 -> 4 * anchors => boxes"
        body, task = f"each level {{ {'  '.join(steps)}  {predict} }}", "detection(2, octaves = 1)"
    else:
        method = draw(st.sampled_from(["nearest", "bilinear"]))
        body = f"from coarsest {{ upsample({method}, level), add(level) }}"
        behind = [step for step in BEHIND if draw(st.booleans())]
        if kind == "segmentation":
            # One pixel, or twice as many, would be no level of the image.
            behind = [step for step in behind if "pool" not in step and "deconv" not in step]
            body, task = f"{body} {'  '.join(behind)}  conv 1x1 -> 2 => logits", "segmentation(2)"
        else:
            body, task = f"{body} {'  '.join(behind)}  global_pool, dense -> 3 => logits", "classification(3)"
    settings = draw(st.sampled_from(["", "act swish", "padding same", "conventions garden", "repeat 2"]))
    head = f"{PARTS}head drawn_head -> {task} {{ {body} }}"
    return f"{network}{head}\nmodel drawn_model {{ backbone {NAME}  head drawn_head  {settings} }}\n"
