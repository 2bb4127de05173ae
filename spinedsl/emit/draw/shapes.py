"""The outlines of blocks: one for each kind.

Bottlenecks are rectangles and residual blocks diamonds, as in the paper's figures; other kinds take
the remaining shapes in order of appearance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from spinedsl.emit.draw.diagram import Block

Shape = Literal["rectangle", "diamond", "hexagon", "pill", "trapezoid", "parallelogram", "octagon", "funnel"]
Point = tuple[float, float]

PUBLISHED: dict[str, Shape] = {"bottleneck": "rectangle", "residual": "diamond"}
OTHERS: tuple[Shape, ...] = ("hexagon", "pill", "parallelogram", "octagon", "trapezoid")
_CUT = {"hexagon": 13.0, "octagon": 7.0, "trapezoid": 16.0, "parallelogram": 11.0, "funnel": 22.0}


def shapes_of(kinds: Sequence[str]) -> dict[str, Shape]:
    """The shape of every kind of block; from the sixth unpublished kind on they recur."""
    others = [kind for kind in kinds if kind not in PUBLISHED]
    given = {kind: OTHERS[place % len(OTHERS)] for place, kind in enumerate(others)}
    return {kind: PUBLISHED.get(kind) or given[kind] for kind in kinds}


def shape_of(block: Block, shapes: dict[str, Shape]) -> Shape:
    """The shape of a block, or of what stands for one."""
    if block.role == "block":
        return shapes[block.kind]
    return "funnel" if block.role == "stem" else "pill"


def outline(shape: Shape, half_width: float, half_height: float) -> tuple[Point, ...]:
    """Corners around the origin, y downwards; those of the rectangles whose corners may be rounded, too."""
    w, h = half_width, half_height
    cut = min(_CUT.get(shape, 0.0), w / 3)
    match shape:
        case "diamond":
            return (-w, 0), (0, -h), (w, 0), (0, h)
        case "hexagon":
            return (-w, 0), (-w + cut, -h), (w - cut, -h), (w, 0), (w - cut, h), (-w + cut, h)
        case "octagon":
            low = min(cut, h / 2)
            return (
                (-w, -h + low), (-w + cut, -h), (w - cut, -h), (w, -h + low),
                (w, h - low), (w - cut, h), (-w + cut, h), (-w, h - low),
            )  # fmt: skip
        case "trapezoid" | "funnel":
            return (-w, h), (-w + cut, -h), (w - cut, -h), (w, h)
        case "parallelogram":
            return (-w, h), (-w + cut, -h), (w, -h), (w - cut, h)
        case "rectangle" | "pill":
            return (-w, -h), (w, -h), (w, h), (-w, h)


def edge(shape: Shape, half_width: float, half_height: float, y: float, side: int) -> float:
    """Where the outline is at height `y`, on a side (-1 or 1): x, from the centre."""
    if shape == "pill":
        inward: float = half_height - (max(0.0, half_height**2 - y**2)) ** 0.5
        return side * (half_width - inward)
    corners = outline(shape, half_width, half_height)
    found = []
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if min(y0, y1) <= y <= max(y0, y1) and y0 != y1:
            found.append(x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return max(found, key=lambda x: x * side)


def room(shape: Shape, half_width: float) -> float:
    """How wide a line of text in the middle may be."""
    shares = {"diamond": 1.2, "rectangle": 1.85}
    return half_width * shares.get(shape, 1.6)
