"""Give unread blocks a reader: the next output block of their shape.

1. A block is read once a connection, a chain edge (stem and repeats too) or rule 2 reads it.
2. When an output block is reached, every block before it that nobody has read so far and that has
   its level and channels joins its merge as it is: not resampled, not normalised.
3. Under `dangling error`, a block that nobody reads and that feeds no endpoint is an error instead.
4. Under `dangling prune`, nothing is merged.

Requires: channels known (scale_widths).
Ensures: edges of unread blocks are in `dangling`.
Source: the published implementation, which counts while it builds; SpineNet-49 has one such edge.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from spinedsl.diagnostics import Diagnostics
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork


def merge_dangling(expanded: ExpandedNetwork) -> ExpandedNetwork:
    """The network with the edges of unread blocks.

    Raises:
        DiagnosticError: an unread block, under `dangling error` (SP036).
    """
    policy = expanded.network.dangling
    if policy == "error":
        _refuse(expanded)
    if policy != "merge":
        return expanded
    # Unread blocks by shape, so that an output block looks only at those it may merge.
    unread: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    shape_of: dict[str, tuple[int, int]] = {}

    def read(names: tuple[str, ...]) -> None:
        for name in names:
            if name in shape_of:
                unread[shape_of[name]].pop(name, None)

    def add(block: ExpandedBlock) -> None:
        shape_of[block.name] = (block.level, block.channels)
        unread[shape_of[block.name]][block.name] = None

    previous: str | None = None
    for item in expanded.stem:
        if previous is not None:
            read((previous,))
        if isinstance(item, ExpandedBlock):
            add(item)
            previous = item.name
    blocks = []
    outputs = {b.base for b in expanded.blocks if b.endpoint is not None}
    for block in expanded.blocks:
        read(block.reads)
        if block.base in outputs and block.after is None:
            # The whole group of copies is the output block; its first copy merges.
            matching = tuple(unread[block.level, block.channels])
            block = replace(block, dangling=matching)
            read(matching)
        blocks.append(block)
        add(block)
    return replace(expanded, blocks=tuple(blocks))


def _refuse(expanded: ExpandedNetwork) -> None:
    read = {name for block in expanded.blocks for name in block.reads}
    diagnostics = Diagnostics()
    for block in expanded.blocks:
        if block.name not in read and block.endpoint is None:
            diagnostics.add(
                "SP036",
                f"nobody reads block “{block.base}”",
                block.span,
                help="let a later block read it, remove it, or write `dangling merge`",
            )
    diagnostics.stop_on_errors()
