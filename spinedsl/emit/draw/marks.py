"""The elements of a drawing: outlines, ways, texts and flags, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spinedsl.emit.draw.shapes import Point, Shape, outline
from spinedsl.emit.draw.wording import escaped

BEND = 12.0
"""Radius of an arc's corners."""
TIP_LENGTH, TIP_HALF = 7.0, 3.6


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")  # -0.0 + 0.0 is 0.0


def point(x: float, y: float) -> str:
    """Two coordinates."""
    return f"{number(x)} {number(y)}"


def text(x: float, y: float, content: str, classes: str) -> str:
    """A line of text from a point of its baseline."""
    return f'<text class="{classes}" x="{number(x)}" y="{number(y)}">{escaped(content)}</text>'


def shape(kind: Shape, half_width: float, half_height: float, y: float = 0.0) -> str:
    """An outline around (0, y)."""
    if kind in ("rectangle", "pill"):
        radius = half_height if kind == "pill" else 4.0
        return (
            f'<rect class="shape" x="{number(-half_width)}" y="{number(y - half_height)}" '
            f'width="{number(2 * half_width)}" height="{number(2 * half_height)}" rx="{number(radius)}"/>'
        )
    corners = "L".join(point(x, y + dy) for x, dy in outline(kind, half_width, half_height))
    return f'<path class="shape" d="M{corners}Z"/>'


def way(points: Sequence[Point]) -> str:
    """A line through points, its corners bent, and the tip at its end."""
    parts = [f"M{point(*points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(BEND, _distance(before, corner), _distance(corner, after) / 2)
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{point(*start)}Q{point(*corner)} {point(*end)}")
    parts.append(f"L{point(*points[-1])}")
    return f'<path class="way" d="{"".join(parts)}"/>{_tip(points[-2], points[-1])}'


def flag(x: float, y: float, label: str, kind: str) -> str:
    """A small sign around a point."""
    half = 5 + 3.4 * len(label)
    return (
        f'<g class="mark {kind}"><rect x="{number(x - half)}" y="{number(y - 7.5)}" '
        f'width="{number(2 * half)}" height="15" rx="7.5"/>'
        f'<text x="{number(x)}" y="{number(y + 3.8)}">{escaped(label)}</text></g>'
    )


def _tip(before: Point, end: Point) -> str:
    """A triangle that goes on from the end of a line."""
    length = _distance(before, end) or 1.0
    dx, dy = (end[0] - before[0]) / length, (end[1] - before[1]) / length
    left = (end[0] - dy * TIP_HALF, end[1] + dx * TIP_HALF)
    right = (end[0] + dy * TIP_HALF, end[1] - dx * TIP_HALF)
    top = (end[0] + dx * TIP_LENGTH, end[1] + dy * TIP_LENGTH)
    return f'<path class="tip" d="M{point(*left)}L{point(*top)}L{point(*right)}Z"/>'


def _distance(one: Point, other: Point) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    share = length / (_distance(start, end) or 1.0)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
