"""Which block of one network is which of another.

1. Blocks of one name are the same block.
2. A block that has another name, but reads the same and is otherwise alike, was renamed.
3. So was one that stands alone between the same neighbours, with its kind and level.

Where blocks were numbered anew, names mislead: there rule 2 comes before rule 1. Both ways are
given, and whoever counts the changes that follow takes the shorter story. All is linear in blocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from spinedsl.ir.model import Block, Call, StemBlock

AnyBlock = Block | StemBlock
Matching = dict[str, str]
"""Name now → name before."""


def matchings(
    before: Sequence[AnyBlock], after: Sequence[AnyBlock], known: Mapping[str, str]
) -> tuple[Matching, ...]:
    """The ways to match blocks, names first and structure first.

    Args:
        known: what is matched already and blocks may read: blocks of the stem, features.
    """
    named = dict(known)
    _by_name(before, after, named)
    _by_structure(before, after, named)
    _by_neighbours(before, after, named)
    shaped = dict(known)
    _by_structure(before, after, shaped)
    _by_name(before, after, shaped)
    _by_neighbours(before, after, shaped)
    return (named,) if named == shaped else (named, shaped)


def moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """Which names stand elsewhere among the others: all but a longest run that kept its order.

    Both have the same names, each once.
    """
    place = {name: index for index, name in enumerate(before)}
    return set(after) - set(_longest_rising(after, place))


def _longest_rising(names: Sequence[str], place: Mapping[str, int]) -> list[str]:
    """A longest subsequence whose places rise, by patience sorting."""
    tops: list[int] = []
    piles: list[str] = []
    below: dict[str, str | None] = {}
    for name in names:
        pile = bisect_left(tops, place[name])
        below[name] = piles[pile - 1] if pile else None
        tops[pile : pile + 1] = [place[name]]
        piles[pile : pile + 1] = [name]
    found: list[str] = []
    last = piles[-1] if piles else None
    while last is not None:
        found.append(last)
        last = below[last]
    return found


def _rest(
    before: Sequence[AnyBlock], after: Sequence[AnyBlock], matching: Matching
) -> tuple[list[AnyBlock], list[AnyBlock]]:
    taken = set(matching.values())
    return [b for b in before if b.name not in taken], [b for b in after if b.name not in matching]


def _by_name(before: Sequence[AnyBlock], after: Sequence[AnyBlock], matching: Matching) -> None:
    old, new = _rest(before, after, matching)
    names = {block.name for block in old}
    matching.update((block.name, block.name) for block in new if block.name in names)


def _by_structure(before: Sequence[AnyBlock], after: Sequence[AnyBlock], matching: Matching) -> None:
    old, new = _rest(before, after, matching)
    alike: dict[Hashable, OrderedDict[str, None]] = {}
    for block in old:
        alike.setdefault(_look(block, str), OrderedDict())[block.name] = None
    # In running order: what a block reads is matched before it.
    for block in new:
        found = alike.get(_look(block, matching.get))
        if not found:
            continue
        if block.name in found:
            del found[block.name]
            matching[block.name] = block.name
        else:
            matching[block.name] = found.popitem(last=False)[0]


def _look(block: AnyBlock, name_of: Callable[[str], str | None]) -> Hashable:
    """Everything about a block but its name; `name_of` says what the older network calls what it reads."""
    own = (_call(block.kind), block.level, block.width, block.repeat)
    if isinstance(block, StemBlock):
        return own
    reads = tuple((name_of(c.source), _call(c.via)) for c in block.inputs)
    return (*own, _call(block.merge), block.endpoint, reads)


def _call(call: Call | None) -> Hashable:
    return None if call is None else (call.name, tuple(sorted(call.arguments.items())))


def _by_neighbours(before: Sequence[AnyBlock], after: Sequence[AnyBlock], matching: Matching) -> None:
    taken = set(matching.values())
    gaps = _gaps((b, b.name if b.name in taken else None) for b in before)
    for gap, new in _gaps((b, matching.get(b.name)) for b in after).items():
        old = gaps.get(gap, [])
        if len(old) == len(new) == 1:
            (one,), (other,) = old, new
            if (one.kind.name, one.level) == (other.kind.name, other.level):
                matching[other.name] = one.name


def _gaps(blocks: Iterable[tuple[AnyBlock, str | None]]) -> dict[tuple[str, str], list[AnyBlock]]:
    """Unmatched blocks by the matched ones around them."""
    gaps: dict[tuple[str, str], list[AnyBlock]] = {}
    last, waiting = "", []
    for block, matched in blocks:
        if matched is None:
            waiting.append(block)
        else:
            if waiting:
                gaps[last, matched] = waiting
            last, waiting = matched, []
    if waiting:
        gaps[last, ""] = waiting
    return gaps
