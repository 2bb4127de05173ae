"""A Diagram for Mermaid, which GitHub and GitLab draw inside Markdown."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from spinedsl.emit.draw.diagram import Block, Diagram
from spinedsl.emit.draw.palette import GROUNDS, tint_class, tint_of
from spinedsl.emit.draw.shapes import Shape, shape_of, shapes_of
from spinedsl.emit.draw.wording import storable

_BRACKETS: dict[Shape, tuple[str, str]] = {
    "rectangle": ("[", "]"), "diamond": ("{", "}"), "hexagon": ("{{", "}}"), "pill": ("([", "])"),
    "octagon": ("[[", "]]"), "trapezoid": ("[/", "\\]"), "parallelogram": ("[/", "/]"), "funnel": ("[/", "\\]"),
}  # fmt: skip


def mermaid_of(diagram: Diagram, banner: Sequence[str]) -> str:
    """The text of a flowchart: order upwards, a subgraph for each part of a model."""
    return "".join(f"{line}\n" for line in _lines(diagram, banner))


def _lines(diagram: Diagram, banner: Sequence[str]) -> Iterator[str]:
    # What stands before the chart is YAML, and JSON is.
    yield from ("---", f"title: {json.dumps(storable(diagram.title), ensure_ascii=False)}", "---")
    yield from (f"%% {line}" for line in banner)
    yield "flowchart BT"
    shapes = shapes_of(diagram.kinds)
    numbered = enumerate(diagram.blocks)
    for number, (part, group) in enumerate(groupby(numbered, key=lambda pair: pair[1].part)):
        nodes = [_node(place, block, shapes) for place, block in group]
        if part:
            yield f'  subgraph part{number}["{_text(part)}"]'
            yield from (f"    {node}" for node in nodes)
            yield "  end"
        else:
            yield from (f"  {node}" for node in nodes)
    for connection in diagram.connections:
        arrow = "-.->" if connection.dangling else "-->"
        yield f"  n{connection.source} {arrow} n{connection.target}"
    yield from _classes(diagram)


def _node(place: int, block: Block, shapes: dict[str, Shape]) -> str:
    before, after = _BRACKETS[shape_of(block, shapes)]
    return f'n{place}{before}"{_text(block.words)}"{after}'


def _classes(diagram: Diagram) -> Iterator[str]:
    members: dict[str, list[str]] = defaultdict(list)
    for place, block in enumerate(diagram.blocks):
        name = tint_class(block.level)
        if name not in members:
            tint = tint_of(block.level)
            yield f"  classDef {name} fill:{tint.fill},stroke:{tint.line},color:{GROUNDS['light'].ink}"
        members[name].append(f"n{place}")
    outputs = [f"n{place}" for place, block in enumerate(diagram.blocks) if block.endpoint]
    if outputs:
        yield f"  classDef output stroke:{GROUNDS['light'].output},stroke-width:3px"
        members["output"] = outputs
    for name, nodes in members.items():
        yield f"  class {','.join(nodes)} {name}"


def _text(text: str) -> str:
    """As a quoted label: signs that mean something to Mermaid, Markdown or HTML as their numbers."""
    return "".join(f"#{ord(sign)};" if sign in '"#&<>`*_;\\' else sign for sign in storable(text))
