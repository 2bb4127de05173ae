"""Passes: one verb a file. `EXPANSION` is the order in which a network is expanded."""

from spinedsl.passes.check_space import check_space
from spinedsl.passes.elaborate import elaborate
from spinedsl.passes.lower import lower
from spinedsl.passes.merge_dangling import merge_dangling
from spinedsl.passes.prune import prune
from spinedsl.passes.repeat_blocks import repeat_blocks
from spinedsl.passes.scale_widths import scale_widths
from spinedsl.passes.stack_graph import stack_graph

EXPANSION = (scale_widths, merge_dangling, stack_graph, repeat_blocks, prune)

__all__ = [
    "EXPANSION",
    "check_space",
    "elaborate",
    "lower",
    "merge_dangling",
    "prune",
    "repeat_blocks",
    "scale_widths",
    "stack_graph",
]
