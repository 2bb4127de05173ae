"""Give unread blocks a reader: the next output block of their shape.

1. A block is read once a connection, a chain edge of the stem or rule 2 reads it.
2. When an output block is reached, every block and every external feature before it that nobody has
   read so far and that has its level and channels joins its merge as it is: not resampled, not
   normalised.
3. Under `dangling error`, a block that nobody reads and that feeds no endpoint is an error instead.
4. Under `dangling prune`, nothing is merged.

Requires: channels known (scale_widths); repeats and stacked copies not yet written out, so that a
block counts once and every copy of a stacked graph for itself.
Ensures: edges of unread blocks are in `dangling`.
Source: the published implementations, which count while they build. SpineNet-49 has one such edge,
NAS-FPN two in each of its copies.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from spinedsl.diagnostics import Diagnostics
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.passes.elaborate import feature_levels


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

    def add(name: str, level: int, channels: int) -> None:
        shape_of[name] = (level, channels)
        unread[level, channels][name] = None

    for name, shape in feature_levels(expanded.network).items():
        add(name, *shape)
    previous: str | None = None
    for item in expanded.stem:
        if previous is not None:
            read((previous,))
        if isinstance(item, ExpandedBlock):
            add(item.name, item.level, item.channels)
            previous = item.name
    blocks = []
    for block in expanded.blocks:
        read(block.reads)
        if block.endpoint is not None:
            matching = tuple(unread[block.level, block.channels])
            block = replace(block, dangling=matching)
            read(matching)
        blocks.append(block)
        add(block.name, block.level, block.channels)
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
