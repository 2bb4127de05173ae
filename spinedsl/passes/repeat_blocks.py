"""Turn every repeated block into a chain of blocks.

1. Copy i (from 0) of block b is called `b.i`.
2. The first copy has the block's inputs, dangling ones too; each other copy follows the one
   before, directly.
3. Whoever reads the block reads its last copy, which feeds its endpoint.
4. All copies keep the block's share of the drop-path rate.

Requires: repeat counts within the limit (elaborate).
Ensures: `repeat` is 1 everywhere.
Source: Du et al., section 3.4 and figure 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork


def repeat_blocks(expanded: ExpandedNetwork) -> ExpandedNetwork:
    """The network without repeat counts."""
    last = {
        b.name: f"{b.name}.{b.repeat - 1}"
        for b in (*expanded.stem_blocks(), *expanded.blocks)
        if b.repeat > 1
    }
    stem = tuple(
        copy
        for item in expanded.stem
        for copy in (_copies(item, last) if isinstance(item, ExpandedBlock) else (item,))
    )
    blocks = tuple(copy for block in expanded.blocks for copy in _copies(block, last))
    return replace(expanded, stem=stem, blocks=blocks)


def _copies(block: ExpandedBlock, last: dict[str, str]) -> Iterator[ExpandedBlock]:
    arrows = tuple(replace(a, source=last.get(a.source, a.source)) for a in block.arrows)
    dangling = tuple(last.get(name, name) for name in block.dangling)
    block = replace(block, arrows=arrows, dangling=dangling)
    if block.repeat == 1:
        yield block
        return
    for index in range(block.repeat):
        name = f"{block.name}.{index}"
        endpoint = block.endpoint if index == block.repeat - 1 else None
        if index == 0:
            yield replace(block, name=name, repeat=1, endpoint=endpoint)
        else:
            yield replace(
                block,
                name=name,
                repeat=1,
                arrows=(),
                dangling=(),
                merge=None,
                after=f"{block.name}.{index - 1}",
                endpoint=endpoint,
            )
