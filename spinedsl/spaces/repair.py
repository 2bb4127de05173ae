"""The member that is nearest to a network.

1. Blocks keep their places; if there are too few, the seed's stand where none does, and the last ones
   are left out if there are too many.
2. A block keeps the parents it may have; the nearest blocks before it replace the others.
3. Blocks of the seed are assigned so that as little as possible has to change: a level by as little as
   can be, then kinds, widths and the rest.
4. If the member doesn't meet the requirements, moves that bring it nearest are made until it does.

What counts as near is a choice; it is the same for equal input.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from spinedsl.analysis.requirements import Requirements
from spinedsl.diagnostics import fail
from spinedsl.ir.adjusting import adjusted_values, adjustments_of, group_of, look, looks
from spinedsl.ir.model import Block, Network
from spinedsl.ir.possible import candidates, window_of
from spinedsl.ir.spaces import sources_of
from spinedsl.passes.assignment import cheapest
from spinedsl.spaces.factors import Design
from spinedsl.spaces.moves import neighbours
from spinedsl.spaces.search_space import Encoding, SearchSpace

MAX_MOVES = 100
_LEVEL, _OTHER, _GROUP = 10.0, 3.0, 1e6


def repair(network: Network, space: SearchSpace, requirements: Requirements) -> Encoding:
    """The encoding of the nearest member.

    Raises:
        DiagnosticError: no move leads nearer to the requirements (SP047).
    """
    aligned = _aligned(network, space)
    design = space.seed_design()
    _connect(network, aligned, space, design)
    _place(network, aligned, space, design)
    for choice in space.space.choices:
        value = getattr(network, choice.field)
        design.chosen[choice.setting] = choice.values.index(value) if value in choice.values else 0
    return _meeting(space.encode(design), space, requirements)


def _aligned(network: Network, space: SearchSpace) -> list[Block]:
    """For every place of the seed a block of its group: the network's, as far as there is one."""
    mine = {
        group: [b for b in network.blocks if group_of(b) == group] for group in ("intermediate", "output")
    }
    left = {group: iter(blocks) for group, blocks in mine.items()}
    return [next(left[group_of(block)], block) for block in space.space.blocks]


def _connect(network: Network, aligned: Sequence[Block], space: SearchSpace, design: Design) -> None:
    sources = sources_of(network)
    position = {name: min(i, len(space.space.sources) - 1) for i, name in enumerate(sources)}
    for place, block in enumerate(aligned):
        position.setdefault(block.name, len(space.space.sources) + place)
    for place, block in enumerate(aligned):
        window = window_of(space.space, space.space.blocks[place])
        if window is None:
            continue
        allowed = candidates(space.space, place, window)
        wanted = dict.fromkeys(position.get(c.source, -1) for c in block.inputs)
        kept = [parent for parent in wanted if parent in allowed][: window.count]
        nearest = (parent for parent in reversed(allowed) if parent not in kept)
        kept += [parent for parent, _ in zip(nearest, range(window.count - len(kept)), strict=False)]
        design.parents[place] = tuple(sorted(kept))


def _place(network: Network, aligned: Sequence[Block], space: SearchSpace, design: Design) -> None:
    for group in ("intermediate", "output"):
        places = [p for p, block in enumerate(space.space.blocks) if group_of(block) == group]
        if group in space.space.permute:
            costs = [[_cost(aligned[place], seed, network, space) for seed in places] for place in places]
            for place, column in zip(places, cheapest(costs), strict=True):
                design.placed[place] = places[column]
        for place in places:
            _adjust(aligned[place], place, network, space, design)


def _cost(block: Block, seed: int, network: Network, space: SearchSpace) -> float:
    """How much of a block has to change if it is one of the seed's."""
    found = look(block, space.space, network.widths)
    possible = looks(space.space.blocks[seed], block.level, space.space, network.widths)
    cost = 0.0
    for name, values in possible.items():
        if found[name] not in values:
            cost += _OTHER
            if name == "level":
                cost += _LEVEL * min(abs(block.level - int(str(value))) for value in values)
    return cost


def _adjust(block: Block, place: int, network: Network, space: SearchSpace, design: Design) -> None:
    """Of everything adjusted, the value that is nearest to the block's."""
    seed = space.space.blocks[design.placed[place]]
    found = look(block, space.space, network.widths)
    level = block.level
    for attribute, adjustment in adjustments_of(space.space, group_of(seed)).items():
        values = adjusted_values(seed, adjustment, level, space.seed.widths)
        distances = [_distance(value, found.get(attribute)) for value in values]
        design.adjusted[place, attribute] = distances.index(min(distances))


def _distance(value: Hashable, wanted: Hashable) -> float:
    if value == wanted:
        return 0.0
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return abs(value - wanted)
    # Of one name, with other arguments.
    if isinstance(value, tuple) and isinstance(wanted, tuple) and value[:1] == wanted[:1]:
        return 0.5
    return _GROUP


def _meeting(encoding: Encoding, space: SearchSpace, requirements: Requirements) -> Encoding:
    excess = requirements.excess(space.network(encoding))
    for _ in range(MAX_MOVES):
        if excess == 0:
            return encoding
        moved = [(requirements.excess(space.network(each)), each) for each in neighbours(space, encoding)]
        nearest = min(moved, default=(excess, encoding))
        if nearest[0] >= excess:
            break
        excess, encoding = nearest
    violations = requirements.violations(space.network(encoding))
    raise fail(
        "SP047", f"no move leads “{space.name}” nearer to what is required", violations[0].span,
        str(violations[0]), help="loosen the requirement, or start from another network",
    )  # fmt: skip
