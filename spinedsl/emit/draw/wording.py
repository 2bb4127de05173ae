"""What drawings say in words: titles of blocks, and the description that stands for the picture."""

from __future__ import annotations

import html
import re

from spinedsl.emit.draw.diagram import Block, Diagram

DESCRIBED = 200
"""Most blocks that a description tells one by one."""

# What XML 1.0 can't hold even escaped; titles may come from anywhere.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: str) -> str:
    """The text without what text formats can't hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def escaped(text: str) -> str:
    """As text or an attribute's value in XML and HTML."""
    return html.escape(storable(text))


def shortened(text: str, most: int) -> str:
    """The text, cut to a number of letters."""
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"


def told(block: Block) -> str:
    """A block in a line: “b12: bottleneck, level 4, 1,024 channels, twice; feeds P4”."""
    if block.role == "input":
        return f"image, {block.label}"
    facts = [block.kind]
    if block.level is not None:
        facts.append(f"level {block.level}")
    if block.channels:
        facts.append(f"{block.channels:,} channels")
    if block.repeat > 1:
        facts.append(f"{block.repeat} in sequence")
    if block.role == "stem":
        facts = ["operators before the first block"]
    feeds = f"; feeds {block.endpoint}" if block.endpoint else ""
    return f"{block.label}: {', '.join(facts)}{feeds}"


def description(diagram: Diagram) -> str:
    """The whole drawing in words: who reads whom."""
    blocks = diagram.blocks
    head = f"{diagram.facts}. {len(blocks)} blocks and {len(diagram.connections)} connections, from bottom to top."
    if len(blocks) > DESCRIBED:
        return head
    reads: list[list[str]] = [[] for _ in blocks]
    for connection in diagram.connections:
        joins = " as it is" if connection.dangling else ""
        reads[connection.target].append(blocks[connection.source].label + joins)
    told_all = (
        told(block) + (f"; reads {', '.join(sources)}" if sources else "")
        for block, sources in zip(blocks, reads, strict=True)
    )
    return f"{head} {'. '.join(told_all)}."
