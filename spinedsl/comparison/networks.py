"""What changed between two networks: in their blocks, and in what those imply.

Blocks are spoken of by their newer names; an edge from a block that was renamed is the same edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from spinedsl.comparison.changes import Change
from spinedsl.comparison.edges import edge_changes
from spinedsl.comparison.matching import AnyBlock, Matching, matchings, moved
from spinedsl.comparison.settings import setting_changes
from spinedsl.ir.expanded import ExpandedNetwork
from spinedsl.ir.model import Block, FeatureInput, Network, StemBlock, StemStep
from spinedsl.ir.writing import block_text, call_text
from spinedsl.syntax import printer

FIRST = "nothing"
"""What the first block stands behind."""


def compare_networks(before: ExpandedNetwork, after: ExpandedNetwork) -> tuple[tuple[Change, ...], Matching]:
    """What changed, settings first; and of every block that is in both, the name now → the name before.

    Of the ways to match blocks the one with the fewest changes is taken.
    """
    old, new = before.network, after.network
    features = _features(new) & _features(old)
    stories = [
        (list(_block_changes(old, new, matching)), matching)
        for stem in matchings(_stem_blocks(old), _stem_blocks(new), {name: name for name in features})
        for matching in matchings(old.blocks, new.blocks, stem)
    ]
    changes, names = min(stories, key=lambda story: len(story[0]))
    whole = (*setting_changes(old, new), *changes, *_implied(before, after, names))
    return whole, {name: was for name, was in names.items() if name not in features}


def _features(network: Network) -> set[str]:
    given = network.input
    return {feature.name for feature in given.features} if isinstance(given, FeatureInput) else set()


def _stem_blocks(network: Network) -> list[StemBlock]:
    return [item for item in network.stem if isinstance(item, StemBlock)]


def _block_changes(before: Network, after: Network, names: Matching) -> Iterator[Change]:
    newer = {was: name for name, was in names.items()}
    yield from _stem_operators(before, after, newer)
    for old, new in ((_stem_blocks(before), _stem_blocks(after)), (before.blocks, after.blocks)):
        yield from _list_changes(old, new, names, newer)


def _list_changes(
    before: Sequence[AnyBlock], after: Sequence[AnyBlock], names: Matching, newer: Mapping[str, str]
) -> Iterator[Change]:
    known = {block.name: block for block in before}
    for block in before:
        if block.name not in newer:
            yield Change("block-removed", block.name, _described(block), None)
    kept = [block.name for block in after if block.name in names]
    elsewhere = moved([newer[block.name] for block in before if block.name in newer], kept)
    behind = _predecessors(newer.get(block.name, block.name) for block in before)
    previous: str | None = None
    for block in after:
        if block.name not in names:
            yield Change("block-added", block.name, None, _described(block))
        else:
            if block.name != names[block.name]:
                yield Change("block-renamed", block.name, names[block.name], block.name)
            if block.name in elsewhere:
                yield Change("block-moved", block.name, behind[block.name] or FIRST, previous or FIRST)
            yield from _own_changes(known[names[block.name]], block, newer)
        previous = block.name


def _described(block: AnyBlock) -> str:
    return block_text(block).removeprefix(f"{block.name}: ")


def _predecessors(names: Iterable[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    previous = None
    for name in names:
        found[name] = previous
        previous = name
    return found


def _own_changes(before: AnyBlock, after: AnyBlock, newer: Mapping[str, str]) -> Iterator[Change]:
    name = after.name
    if before.kind != after.kind:
        yield Change("block-kind", name, call_text(before.kind), call_text(after.kind))
    if before.level != after.level:
        yield Change("block-level", name, f"@{before.level}", f"@{after.level}")
    if before.width != after.width:
        yield Change("block-width", name, _width(before), _width(after))
    if before.repeat != after.repeat:
        yield Change("block-repeat", name, str(before.repeat), str(after.repeat))
    if not (isinstance(before, Block) and isinstance(after, Block)):
        return
    if before.merge != after.merge:
        yield Change("block-merge", name, _merge(before), _merge(after))
    yield from edge_changes(before, after, newer)
    if before.endpoint != after.endpoint:
        yield Change("block-endpoint", name, before.endpoint, after.endpoint)


def _width(block: AnyBlock) -> str:
    return "of its level" if block.width is None else str(block.width)


def _merge(block: Block) -> str:
    return "of the network" if block.merge is None else call_text(block.merge)


def _stem_operators(before: Network, after: Network, newer: Mapping[str, str]) -> Iterator[Change]:
    """Operators, each with the block before it that is in both stems."""
    old = _operators(before, newer)
    new = _operators(after, {name: name for name in newer.values()})
    if old != new:
        was, now = (", ".join(text for text, _ in operators) or None for operators in (old, new))
        if was == now:
            was, now = (", ".join(_items(network)) for network in (before, after))
        yield Change("stem", "", was, now)


def _operators(network: Network, names: Mapping[str, str]) -> list[tuple[str, str]]:
    found, last = [], ""
    for item in network.stem:
        if isinstance(item, StemStep):
            found.append((printer.chain(item.operators), last))
        else:
            last = names.get(item.name, last)
    return found


def _items(network: Network) -> Iterator[str]:
    for item in network.stem:
        yield printer.chain(item.operators) if isinstance(item, StemStep) else item.name


# ---- what is implied


def _implied(before: ExpandedNetwork, after: ExpandedNetwork, names: Matching) -> Iterator[Change]:
    newer = {was: name for name, was in names.items()}
    old, new = _unread(before, newer), _unread(after, {})
    for name in {**old, **new}:
        for other in old.get(name, {}):
            if other not in new.get(name, {}):
                yield Change("unread-removed", name, other, None)
        for other in new.get(name, {}):
            if other not in old.get(name, {}):
                yield Change("unread-added", name, None, other)
    gone = {newer.get(removed.name, removed.name) for removed in before.removed}
    going = {removed.name for removed in after.removed}
    present = {newer.get(name, name): name for name in newer}
    for name in sorted(going - gone):
        yield Change("pruned-added", name)
    for name in sorted(gone - going):
        if name in present:
            yield Change("pruned-removed", name)


def _unread(expanded: ExpandedNetwork, names: Mapping[str, str]) -> dict[str, dict[str, None]]:
    """The unread blocks that join each block's merge."""
    found: dict[str, dict[str, None]] = {}
    for block in expanded.blocks:
        if block.dangling:
            own = found.setdefault(names.get(block.base, block.base), {})
            own.update(
                (names.get(base, base), None) for base in (d.partition(".")[0] for d in block.dangling)
            )
    return found
