"""A Diagram for Graphviz, which lays it out itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from spinedsl.emit.draw.diagram import Block, Diagram
from spinedsl.emit.draw.palette import GROUNDS, tint_of
from spinedsl.emit.draw.shapes import Shape, shape_of, shapes_of

_SHAPES: dict[Shape, str] = {
    "rectangle": "box", "diamond": "diamond", "hexagon": "hexagon", "pill": "ellipse", "octagon": "octagon",
    "trapezoid": "trapezium", "parallelogram": "parallelogram", "funnel": "trapezium",
}  # fmt: skip


def dot_of(diagram: Diagram, banner: Sequence[str]) -> str:
    """The text of a .dot file: order upwards, a cluster for each part of a model."""
    return "".join(f"{line}\n" for line in _lines(diagram, banner))


def _lines(diagram: Diagram, banner: Sequence[str]) -> Iterator[str]:
    yield from (f"// {line}" for line in banner)
    yield f"digraph {_quoted(diagram.title)} {{"
    yield f'  label={_quoted(diagram.title)} labelloc=t rankdir=BT fontname="sans-serif"'
    yield '  node [fontname="sans-serif" fontsize=12 style=filled]'
    yield "  edge [arrowsize=0.7]"
    shapes = shapes_of(diagram.kinds)
    numbered = enumerate(diagram.blocks)
    for cluster, (part, group) in enumerate(groupby(numbered, key=lambda pair: pair[1].part)):
        nodes = [f"n{place} [{_attributes(block, shapes)}]" for place, block in group]
        if part:
            yield f"  subgraph cluster_{cluster} {{"
            yield f"    label={_quoted(part)}"
            yield from (f"    {node}" for node in nodes)
            yield "  }"
        else:
            yield from (f"  {node}" for node in nodes)
    for connection in diagram.connections:
        colour = tint_of(diagram.blocks[connection.source].level).arc
        dashed = " style=dashed" if connection.dangling else ""
        yield f'  n{connection.source} -> n{connection.target} [color="{colour}"{dashed}]'
    yield "}"


def _attributes(block: Block, shapes: dict[str, Shape]) -> str:
    tint = tint_of(block.level)
    line = GROUNDS["light"].output if block.endpoint else tint.line
    width = " penwidth=3" if block.endpoint else ""
    shape = _SHAPES[shape_of(block, shapes)]
    return f'label={_quoted(block.words)} shape={shape} fillcolor="{tint.fill}" color="{line}"{width}'


def _quoted(text: str) -> str:
    """As a string; Graphviz reads entities and backslashes in labels."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") + '"'
