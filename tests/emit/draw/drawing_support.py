"""Networks to draw: of any size, with repeats, unread blocks and both published kinds."""

from __future__ import annotations

import random
from functools import cache

from support import compile_text

from spinedsl.analysis.summary import summarise
from spinedsl.emit.draw.diagram import Block, Connection, Diagram, diagram_of
from spinedsl.emit.draw.layout import Layout, layout_of
from spinedsl.pipeline import AnyCompilation
from spinedsl.specification import open_spec

SHIPPED = (
    "spinenet49", "spinenet96", "r50_fpn", "nas_fpn", "bifpn", "spinenet_mobile49", "resnet50",
    "spinenet49_retinanet", "spinenet49_mask_rcnn", "r50_nas_fpn_retinanet", "spinenet49_semantic",
)  # fmt: skip

HOSTILE = "<script>alert(1)</script> & -- 'x' `rm` ]]> \\ #1; \ufffe%%{init}%%"


def drawn_text(count: int, seed: int = 0, title: str = "Drawn") -> str:
    """A network of about `count` blocks, drawn at random."""
    drawn = random.Random(seed)
    order, lines = ["s0", "s1"], []
    for number in range(count - 5):
        level, kind = drawn.choice((2, 3, 3, 4, 4, 5, 6, 7)), drawn.choice(("bottleneck", "residual"))
        repeat = " repeat 2" if drawn.random() < 0.1 else ""
        lines.append(f"b{number}: {kind} @{level}{repeat} <- {', '.join(drawn.sample(order[-9:], 2))}")
        order.append(f"b{number}")
    for level in range(3, 8):
        lines.append(
            f"o{level}: bottleneck @{level} <- {', '.join(drawn.sample(order[-12:], 2))} => P{level}"
        )
        order.append(f"o{level}")
    body = "\n  ".join(lines)
    return f"""import "std/resnet.spine"
network drawn {{
  title "{title}"
  input 3 x 128 x 128
  width {{ 2..7: 8 }}
  resample cross_scale(alpha = 0.5)
  stem {{ conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2  s0: bottleneck @2  s1: bottleneck @2 }}
  {body}
  endpoints -> 8
}}
"""


def diagram(compilation: AnyCompilation) -> Diagram:
    """The diagram of a compilation."""
    return diagram_of(compilation, summarise(compilation))


def shipped(name: str) -> Diagram:
    """The diagram of a network or model that ships."""
    return diagram(open_spec(f"std:{name}"))


def drawn(count: int, seed: int = 0, title: str = "Drawn") -> Diagram:
    """The diagram of a drawn network."""
    return diagram(compile_text(drawn_text(count, seed, title)))


LAID_OUT = (*SHIPPED, "15", "30", "60", "200")
"""Networks of all sizes, for `laid_out`."""


@cache
def laid_out(name: str) -> Layout:
    """The layout of a network or model that ships, or of a drawn one of so many blocks."""
    return layout_of(drawn(int(name), int(name)) if name.isdigit() else shipped(name))


def chain(blocks: int, connections: int) -> Diagram:
    """A diagram whose connections skip a block each."""
    made = tuple(Block(f"b{n}", f"b{n}", "residual", level=3) for n in range(blocks))
    joined = tuple(Connection(n % (blocks - 2), n % (blocks - 2) + 2) for n in range(connections))
    return Diagram("chain", "", made, joined, (), ("residual",))
