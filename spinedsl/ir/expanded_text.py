"""The expanded network as text, for reading: what the passes made explicit."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.writing import call_text
from spinedsl.syntax import printer


def expanded_text(expanded: ExpandedNetwork) -> str:
    """One block a line: level, scaled width, channels, and everything it reads.

    `via` names the rule of each connection, `+ b` a block that joins the merge as it is, `after b`
    one that is followed directly.
    """
    network = expanded.network
    lines = [f"expanded {network.name} {{"]
    lines += [f"  {line}" for line in _lines(expanded)]
    lines += [f"  # removed {r.name}: {r.reason}" for r in expanded.removed]
    return "\n".join([*lines, "}"]) + "\n"


def _lines(expanded: ExpandedNetwork) -> Iterator[str]:
    if expanded.stem:
        yield "stem {"
        for item in expanded.stem:
            text = _block(item) if isinstance(item, ExpandedBlock) else printer.chain(item.operators)
            yield f"  {text}"
        yield "}"
    for block in expanded.blocks:
        yield _block(block)
    endpoints = expanded.network.endpoints
    if endpoints.rule is not None:
        channels = "" if endpoints.channels is None else f" -> {endpoints.channels}"
        yield f"endpoints via {call_text(endpoints.rule)}{channels}"


def _block(block: ExpandedBlock) -> str:
    text = f"{block.name}: {call_text(block.kind)} @{block.level} width {block.width} -> {block.channels}"
    if block.after is not None:
        text += f"  after {block.after}"
    if block.arrows:
        merge = f"{call_text(block.merge)} of " if block.merge else ""
        text += f"  <- {merge}{', '.join(f'{a.source} via {call_text(a.rule)}' for a in block.arrows)}"
    text += "".join(f" + {name}" for name in block.dangling)
    return text + (f"  => {block.endpoint}" if block.endpoint else "")
