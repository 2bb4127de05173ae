"""See that a network is a member of the search space it says it belongs to.

1. It has as many intermediate and output blocks as the seed network.
2. Intermediate blocks come before output blocks, where the space permutes within groups.
3. Every block has the number of inputs the space gives, distinct, from within its window.
4. Output levels are the seed's; intermediate levels are the seed's, each moved by an allowed offset.
5. Every kind is one the space allows (without a rule for kinds: the seed's kinds).

Requires: a validated network.
Ensures: nothing is changed.
Source: Du et al., section 3.1, and the search spaces the authors published later.
"""

from __future__ import annotations

from spinedsl.diagnostics import Diagnostics, Label
from spinedsl.ir.model import Block, Network, Space, StemBlock, Window


def check_space(network: Network) -> Network:
    """The network itself.

    Raises:
        DiagnosticError: every way in which it leaves its space (SP039).
    """
    space = network.space
    if space is None:
        return network
    diagnostics = Diagnostics()
    _counts_and_order(network, space, diagnostics)
    _inputs(network, space, diagnostics)
    _levels(network, space, diagnostics)
    _kinds(network, space, diagnostics)
    diagnostics.stop_on_errors()
    return network


def _groups(network: Network) -> tuple[list[Block], list[Block]]:
    intermediate = [b for b in network.blocks if b.endpoint is None]
    return intermediate, [b for b in network.blocks if b.endpoint is not None]


def _declared(space: Space) -> list[Label]:
    return [Label(space.span, f"the space “{space.name}”")] if space.span else []


def _counts_and_order(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    intermediate, outputs = _groups(network)
    for what, mine, theirs in (
        ("intermediate", intermediate, [b for b in space.blocks if not b.output]),
        ("output", outputs, [b for b in space.blocks if b.output]),
    ):
        if len(mine) != len(theirs):
            diagnostics.add(
                "SP039",
                f"“{network.name}” has {len(mine)} {what} blocks; its space “{space.name}” has {len(theirs)}",
                network.span,
                secondary=_declared(space),
                help=f"add or remove {what} blocks, or leave out `member of {space.name}`",
            )
    seen_output: Block | None = None
    for block in network.blocks:
        if block.endpoint is not None:
            seen_output = seen_output or block
        elif seen_output is not None:
            diagnostics.add(
                "SP039",
                f"intermediate block “{block.name}” comes after output block “{seen_output.name}”",
                block.span,
                secondary=[Label(seen_output.span, "the output block")] if seen_output.span else [],
                help="in this space, output blocks come last",
            )


def _window(space: Space, block: Block) -> Window | None:
    group = "output" if block.endpoint is not None else "intermediate"
    return next((w for w in space.connect if w.group in (None, group)), None)


def _inputs(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    order = [b.name for b in network.stem if isinstance(b, StemBlock)]
    position = {name: index for index, name in enumerate(order)}
    for block in network.blocks:
        position[block.name] = len(position)
        window = _window(space, block)
        if window is None:
            continue
        rule = [Label(window.span, "the rule")] if window.span else []
        sources = [c.source for c in block.inputs]
        if len(sources) != window.count:
            diagnostics.add(
                "SP039",
                f"block “{block.name}” has {len(sources)} input(s); “{space.name}” gives every such block {window.count}",
                block.span, secondary=rule, help=f"connect exactly {window.count} blocks",
            )  # fmt: skip
        if len(set(sources)) != len(sources):
            diagnostics.add(
                "SP039", f"block “{block.name}” reads one block twice", block.inputs[-1].span,
                secondary=rule, help="its parents must be distinct",
            )  # fmt: skip
        first = 0 if window.last is None else position[block.name] - window.last
        for connection in block.inputs:
            if position.get(connection.source, first) < first:
                diagnostics.add(
                    "SP039",
                    f"block “{block.name}” reads “{connection.source}”, "
                    f"which is not among the last {window.last} blocks before it",
                    connection.span, secondary=rule, help="read a nearer block",
                )  # fmt: skip


def _levels(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    intermediate, outputs = _groups(network)
    seed_outputs = sorted(b.level for b in space.blocks if b.output)
    if sorted(b.level for b in outputs) != seed_outputs:
        diagnostics.add(
            "SP039",
            f"output levels must be {seed_outputs}, not {sorted(b.level for b in outputs)}",
            network.span, secondary=_declared(space), help="outputs keep the seed's levels",
        )  # fmt: skip
    seeds = [b.level for b in space.blocks if not b.output]
    if len(seeds) != len(intermediate):
        return
    unmatched = _unmatched([b.level for b in intermediate], seeds, space.level_offsets)
    if unmatched is not None:
        block = intermediate[unmatched]
        diagnostics.add(
            "SP039",
            f"no block of the seed can be moved to level {block.level} for block “{block.name}”",
            block.span,
            secondary=_declared(space),
            help=f"seed levels are {sorted(seeds)}, each may move by {', '.join(map(str, space.level_offsets))}",
        )


def _unmatched(levels: list[int], seeds: list[int], offsets: tuple[int, ...]) -> int | None:
    """Index of a level that no matching of levels to moved seeds can serve (Kuhn's algorithm)."""
    taken: dict[int, int] = {}
    for start in range(len(levels)):
        came_from: dict[int, int] = {}
        queue = [start]
        free: int | None = None
        while queue and free is None:
            level_index = queue.pop(0)
            for seed_index, seed in enumerate(seeds):
                if seed_index in came_from or levels[level_index] - seed not in offsets:
                    continue
                came_from[seed_index] = level_index
                if seed_index not in taken:
                    free = seed_index
                    break
                queue.append(taken[seed_index])
        if free is None:
            return start
        while True:
            level_index = came_from[free]
            previous = next((s for s, i in taken.items() if i == level_index), None)
            taken[free] = level_index
            if previous is None or level_index == start:
                break
            free = previous
    return None


def _kinds(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    allowed = set(space.kinds) or {b.kind for b in space.blocks}
    for block in network.blocks:
        if block.kind.name not in allowed:
            diagnostics.add(
                "SP039",
                f"block “{block.name}” is a {block.kind.name}; “{space.name}” allows {', '.join(sorted(allowed))}",
                block.span, secondary=_declared(space), help="choose an allowed kind",
            )  # fmt: skip
