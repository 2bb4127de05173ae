"""See that a network is a member of the search space it says it belongs to.

1. It has as many intermediate and output blocks as the seed network.
2. Every place of the seed has a block of the same group.
3. Every block has the number of inputs the space gives, distinct, from within its window; where the
   space doesn't connect anew, it reads what the seed's block in its place reads.
4. Output levels are the seed's.
5. Every block is one of the seed's, adjusted as the space allows: see match_blocks.py.
6. Settings that are chosen have one of their values. Others are not looked at: a member may be wider,
   or have another input, than the seed.

Requires: a validated network.
Ensures: nothing is changed.
Source: Du et al., section 3.1, and the search spaces the authors published later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from spinedsl.diagnostics import Diagnostics, Label
from spinedsl.ir.adjusting import adjustments_of, group_of
from spinedsl.ir.model import Block, Network, Space, Window
from spinedsl.ir.possible import candidates, window_of
from spinedsl.ir.space_rules import GROUPS
from spinedsl.ir.spaces import sources_of
from spinedsl.passes.match_blocks import match_blocks


def check_space(network: Network) -> Network:
    """The network itself.

    Raises:
        DiagnosticError: every way in which it leaves its space (SP039).
    """
    space = network.space
    if space is None:
        return network
    diagnostics = Diagnostics()
    _counts(network, space, diagnostics)
    _order(network, space, diagnostics)
    _inputs(network, space, diagnostics)
    match_blocks(network, space, diagnostics)
    _settings(network, space, diagnostics)
    diagnostics.stop_on_errors()
    return network


def _declared(space: Space) -> list[Label]:
    return [Label(space.span, f"the space “{space.name}”")] if space.span else []


def _counts(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    mine, theirs = Counter(map(group_of, network.blocks)), Counter(map(group_of, space.blocks))
    for group in GROUPS:
        if mine[group] != theirs[group]:
            diagnostics.add(
                "SP039",
                f"“{network.name}” has {mine[group]} {group} blocks; its space “{space.name}” has {theirs[group]}",
                network.span,
                secondary=_declared(space),
                help=f"add or remove {group} blocks, or leave out `member of {space.name}`",
            )


def _order(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    """Every place of the seed is for a block of one group."""
    if len(network.blocks) != len(space.blocks):
        return
    for place, (block, seed) in enumerate(zip(network.blocks, space.blocks, strict=True), start=1):
        if group_of(block) != group_of(seed):
            diagnostics.add(
                "SP039",
                f"{group_of(block)} block “{block.name}” stands in place {place}, which is for "
                f"an {group_of(seed)} block",
                block.span,
                secondary=[Label(seed.span, "the seed's block")] if seed.span else [],
                help="blocks change places within their group",
            )
            return


def _inputs(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    names = [*sources_of(network), *(block.name for block in network.blocks)]
    position = {name: index for index, name in enumerate(names)}
    theirs = {name: i for i, name in enumerate((*space.sources, *(b.name for b in space.blocks)))}
    for place, block in enumerate(network.blocks):
        window = window_of(space, block)
        if window is not None:
            _windowed(block, window, candidates(space, place, window), position, space, diagnostics)
        elif place < len(space.blocks):
            _as_the_seed(block, space.blocks[place], names, theirs, space, diagnostics)


def _as_the_seed(
    block: Block,
    seed: Block,
    names: Sequence[str],
    theirs: Mapping[str, int],
    space: Space,
    diagnostics: Diagnostics,
) -> None:
    """Connections and their rules are those of the seed's block in the place."""
    wanted = [(names[theirs[c.source]], c.via) for c in seed.inputs if theirs[c.source] < len(names)]
    mine = [(c.source, c.via) for c in block.inputs]
    if "resample" in adjustments_of(space, group_of(block)):
        wanted, mine = [(name, None) for name, _ in wanted], [(name, None) for name, _ in mine]
    if len(wanted) != len(mine) or any(each not in wanted for each in mine):
        diagnostics.add(
            "SP039",
            f"block “{block.name}” reads other blocks than the seed's in its place, or by other rules",
            block.span, secondary=[Label(seed.span, "the seed's block")] if seed.span else [],
            help=f"read {', '.join(name for name, _ in wanted)}; “{space.name}” doesn't change connections",
        )  # fmt: skip


def _windowed(
    block: Block,
    window: Window,
    allowed: range,
    position: Mapping[str, int],
    space: Space,
    diagnostics: Diagnostics,
) -> None:
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
    for connection in block.inputs:
        if position.get(connection.source, allowed.start) < allowed.start:
            diagnostics.add(
                "SP039",
                f"block “{block.name}” reads “{connection.source}”, "
                f"which is not among the last {window.last} blocks before it",
                connection.span, secondary=rule, help="read a nearer block",
            )  # fmt: skip


def _settings(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    for choice in space.choices:
        if getattr(network, choice.field) not in choice.values:
            diagnostics.add(
                "SP039",
                f"“{choice.setting}” of “{network.name}” is none of the {len(choice.values)} that “{space.name}” has",
                network.span,
                secondary=[Label(choice.span, "the rule")] if choice.span else [],
                help="take one of them",
            )
