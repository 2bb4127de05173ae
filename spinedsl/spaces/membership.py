"""From a network to its encoding: whether it lies in a space, and where."""

from __future__ import annotations

from spinedsl.ir.adjusting import adjusted_values, adjustments_of, look
from spinedsl.ir.model import Network
from spinedsl.ir.spaces import sources_of
from spinedsl.passes.check_space import check_space
from spinedsl.passes.match_blocks import Candidates, candidates_of, first_assignment
from spinedsl.spaces.factors import Design
from spinedsl.spaces.search_space import Encoding, SearchSpace


def encoding_of(network: Network, space: SearchSpace) -> Encoding:
    """The first of the encodings that stand for a network.

    Where blocks of the seed are alike, or an adjustment makes them so, several encodings stand for
    one network; the first is the one with the smallest number. Names of blocks, the order in which
    parents are written, and settings that the space doesn't choose make no difference.

    Raises:
        DiagnosticError: why it isn't in the space (SP039).
    """
    claimed = network.model_copy(update={"space": space.space})
    check_space(claimed)
    return space.encode(_design(claimed, space))


def _design(network: Network, space: SearchSpace) -> Design:
    design = space.seed_design()
    names = (*sources_of(network), *(block.name for block in network.blocks))
    position = {name: index for index, name in enumerate(names)}
    for place, block in enumerate(network.blocks):
        design.parents[place] = tuple(sorted(position[c.source] for c in block.inputs))
    for each in candidates_of(network, space.space):
        for place, seed in first_assignment(each).items():
            design.placed[place] = seed
            _adjusted(each, place, design)
    for choice in space.space.choices:
        design.chosen[choice.setting] = choice.values.index(getattr(network, choice.field))
    return design


def _adjusted(each: Candidates, place: int, design: Design) -> None:
    """The first value of everything adjusted that makes the block look as it does."""
    block, seed = each.network.blocks[place], each.space.blocks[design.placed[place]]
    widths = each.network.widths
    found = look(block, each.space, widths)
    for attribute, adjustment in adjustments_of(each.space, each.group).items():
        values = adjusted_values(seed, adjustment, block.level, widths)
        design.adjusted[place, attribute] = values.index(found[attribute])
