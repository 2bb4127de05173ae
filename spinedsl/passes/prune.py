"""Remove what no endpoint needs, and say what was removed.

1. An output block is needed; so is everything a needed block reads.
2. Of the stem, everything up to the last needed block stays: it is one sequence.

Requires: all edges explicit (merge_dangling).
Ensures: every remaining block leads to an endpoint; `removed` lists the others.
"""

from __future__ import annotations

from dataclasses import replace

from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork, Removed


def prune(expanded: ExpandedNetwork) -> ExpandedNetwork:
    """The network without useless blocks."""
    needed: set[str] = set()
    kept: list[ExpandedBlock] = []
    removed: list[Removed] = []
    read = {name for block in expanded.blocks for name in block.reads}
    for block in reversed(expanded.blocks):
        if block.endpoint is not None or block.name in needed:
            needed.update(block.reads)
            kept.append(block)
        else:
            reason = "only removed blocks read it" if block.name in read else "nobody reads it"
            removed.append(Removed(block.name, reason, block.span))
    stem = list(expanded.stem)
    while stem and not (isinstance(stem[-1], ExpandedBlock) and stem[-1].name in needed):
        last = stem.pop()
        if isinstance(last, ExpandedBlock):
            removed.append(Removed(last.name, "nobody reads it", last.span))
    return replace(expanded, stem=tuple(stem), blocks=tuple(reversed(kept)), removed=tuple(reversed(removed)))
