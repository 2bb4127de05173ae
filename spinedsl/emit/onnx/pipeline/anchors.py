"""Where the anchors of a head stand, worked out from their numbers inside the graph.

A table of them would take a megabyte at 640 x 640; a few nodes on the anchors that were chosen
cost nothing. All anchors of an image are numbered level by level from the finest, row by row, column
by column, anchor by anchor (spinedsl/graph/tasks.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinedsl.emit.onnx.pipeline.steps import Steps
from spinedsl.graph.tasks import Anchors
from spinedsl.ops import Shape
from spinedsl.records import record


@record
class Grid:
    """The levels that have anchors.

    Attributes:
        strides: of the levels in pixels of the network's input, finest first.
        shapes: of the levels' raw outputs; only height and width count.
    """

    anchors: Anchors
    strides: tuple[int, ...]
    shapes: tuple[Shape, ...]

    @property
    def areas(self) -> tuple[int, ...]:
        """Pixels of each level."""
        return tuple(shape.height * shape.width for shape in self.shapes)

    @property
    def counts(self) -> tuple[int, ...]:
        """Anchors of each level."""
        return tuple(self.anchors.count * area for area in self.areas)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Number of each level's first anchor."""
        return tuple(sum(self.counts[:level]) for level in range(len(self.shapes)))

    @property
    def total(self) -> int:
        """Anchors of an image."""
        return sum(self.counts)


@record
class Boxes:
    """Boxes as values (…, 2) of float32: x and y of the centre, width and height."""

    centre: str
    extent: str


@record
class Located:
    """Where chosen anchors stand: names of int64 values, all of one shape.

    Attributes:
        level: 0 for the finest.
        pixel: row · width + column.
        anchor: which one at its pixel.
        area: pixels of the level.
        offset: number of the level's first anchor.
    """

    level: str
    pixel: str
    anchor: str
    area: str
    offset: str


def locate(steps: Steps, grid: Grid, numbers: str) -> Located:
    """Level, pixel and anchor of anchors' numbers."""
    starts = grid.offsets[1:]
    if starts:
        behind = steps.add(
            "behind", "GreaterOrEqual", steps.unsqueeze("numbers", numbers, -1), steps.integers(*starts)
        )
        level = steps.total("level", steps.cast("levels", behind, np.int64), -1)
    else:
        level = steps.add("level", "Mul", numbers, steps.integers(0))
    offset = steps.add("offset", "Gather", steps.integers(*grid.offsets), level)
    inside = steps.add("inside", "Sub", numbers, offset)
    pixel, anchor = divided(steps, "pixel", "anchor", inside, grid.anchors.count)
    area = steps.add("area", "Gather", steps.integers(*grid.areas), level)
    return Located(level, pixel, anchor, area, offset)


def divided(steps: Steps, quotient: str, remainder: str, value: str, by: int) -> tuple[str, str]:
    """Quotient and remainder of int64 values that aren't negative."""
    divisor = steps.integer(by)
    whole = steps.add(quotient, "Div", value, divisor)
    return whole, steps.add(remainder, "Mod", value, divisor)


def channels_at(steps: Steps, name: str, located: Located, count: int) -> str:
    """Where an anchor's own `count` channels stand in raw outputs (N, all of them): (…, count).

    Raw outputs of all levels are flattened one after another. Channel c of anchor a at pixel p stands
    at count · offset + (count · a + c) · area + p.
    """
    before = steps.add(f"{name}.before", "Mul", located.offset, steps.integer(count))
    first = steps.add(f"{name}.first", "Mul", located.anchor, steps.integer(count))
    channels = steps.add(
        f"{name}.channels", "Add",
        steps.unsqueeze(f"{name}.column", first, -1), steps.integers(*range(count)),
    )  # fmt: skip
    planes = steps.add(f"{name}.planes", "Mul", channels, steps.unsqueeze(f"{name}.area", located.area, -1))
    start = steps.add(f"{name}.start", "Add", before, located.pixel)
    return steps.add(name, "Add", planes, steps.unsqueeze(f"{name}.starts", start, -1))


def anchor_boxes(steps: Steps, grid: Grid, located: Located) -> Boxes:
    """The anchors themselves, in pixels of the network's input."""
    widths = steps.integers(*(shape.width for shape in grid.shapes))
    width = steps.add("width", "Gather", widths, located.level)
    row = steps.add("row", "Div", located.pixel, width)
    column = steps.add("column", "Mod", located.pixel, width)
    cells = [steps.unsqueeze(f"{name}s", value, -1) for name, value in (("column", column), ("row", row))]
    cell = steps.cast("cell", steps.add("cells", "Concat", *cells, axis=-1), np.float32)
    stride = steps.add("stride", "Gather", steps.floats(*grid.strides), located.level)
    stride = steps.unsqueeze("strides", stride, -1)
    centre = steps.add("centre", "Mul", steps.add("middle", "Add", cell, steps.floats(0.5)), stride)
    shape = steps.add(
        "shape", "Gather", steps.constant(anchor_shapes(grid.anchors), np.float32), located.anchor
    )
    return Boxes(centre, steps.add("extent", "Mul", shape, stride))


def anchor_shapes(anchors: Anchors) -> Sequence[tuple[float, float]]:
    """Width and height of the anchors of a pixel, in strides."""
    sizes = [anchors.size * 2 ** (octave / anchors.octaves) for octave in range(anchors.octaves)]
    roots = [aspect**0.5 for aspect in anchors.aspects]
    return [(size * root, size / root) for size in sizes for root in roots]
