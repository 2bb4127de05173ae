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

from collections import Counter
from collections.abc import Iterable

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
    if not space.permute:
        return
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
                f"block “{block.name}” has {len(sources)} input{'s' * (len(sources) != 1)}; “{space.name}” gives every such block {window.count}",
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
            f"output levels must be {_listed(seed_outputs)}, not {_listed(b.level for b in outputs)}",
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
            help=f"seed levels are {_listed(seeds)}, each may move by {_listed(space.level_offsets)}",
        )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _unmatched(levels: list[int], seeds: list[int], offsets: tuple[int, ...]) -> int | None:
    """Index of the last block at a level that no assignment of moved seeds to levels can serve.

    A largest flow from levels to seeds (Edmonds & Karp 1972). Blocks of one level are alike, so the
    graph has a node for each level, not for each block.
    """
    spare = Counter(seeds)
    flow: Counter[tuple[int, int]] = Counter()
    for level, wanted in Counter(levels).items():
        while wanted:
            path = _augmenting_path(level, spare, flow, offsets)
            if path is None:
                return max(index for index, value in enumerate(levels) if value == level)
            taken = min(wanted, spare[path[-1][1]], *(flow[step] for step in path[1::2]))
            for number, step in enumerate(path):
                flow[step] += taken if number % 2 == 0 else -taken
            spare[path[-1][1]] -= taken
            wanted -= taken
    return None


def _augmenting_path(
    level: int, spare: Counter[int], flow: Counter[tuple[int, int]], offsets: tuple[int, ...]
) -> list[tuple[int, int]] | None:
    """Edges (level, seed) from a level to a seed with something to spare: forth, back, forth, …"""
    came: dict[int, list[tuple[int, int]]] = {level: []}
    queue = [level]
    for current in queue:
        for seed in {current - offset for offset in offsets} & set(spare):
            path = [*came[current], (current, seed)]
            if spare[seed] > 0:
                return path
            for other in [lv for (lv, sd), amount in flow.items() if sd == seed and amount > 0]:
                if other not in came:
                    came[other] = [*path, (other, seed)]
                    queue.append(other)
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
