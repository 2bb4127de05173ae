"""What each network of a text depends on, as a key: while that stays, so does what is known of it.

A network depends on its own words and on those of every item of its file that it may lead to: whatever
item one of its words names, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

from spinedsl.ir.loading import Named, Scope, kind_of, prelude

Item = tuple[str, str]
"""Kind and name of an item."""
Key = bytes
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def keys_of(scope: Scope) -> dict[str, Key]:
    """The key of each network and model that a file declares, by name."""
    own = {(kind_of(item), item.name.text): item for item in scope.own}
    uses = _uses(own)
    wanted: list[Item] = [("network", node.name.text) for node in scope.compiled()]
    # What the prelude declares may be used without being named.
    shadowing = [item for item in own if item in prelude()]
    digests: dict[Item, Key] = {}
    for group in groups([*wanted, *shadowing], uses):
        used = {digests[other] for item in group for other in uses(item) if other in digests}
        # Items that use each other depend on the same.
        digest = _digest([*(own[item].span.text.encode() for item in sorted(group)), *sorted(used)])
        digests.update(dict.fromkeys(group, digest))
    always = [digests[item] for item in shadowing]
    return {item[1]: _digest([digests[item], *always]) for item in wanted}


def _uses(own: dict[Item, Named]) -> Callable[[Item], list[Item]]:
    """The items that the words of one name."""
    by_name: dict[str, list[Item]] = {}
    for item in own:
        by_name.setdefault(item[1], []).append(item)
    known: dict[Item, list[Item]] = {}

    def uses(item: Item) -> list[Item]:
        if item not in known:
            words = dict.fromkeys(_WORD.findall(own[item].span.text))
            known[item] = [other for word in words for other in by_name.get(word, ())]
        return known[item]

    return uses


def _digest(parts: Iterable[bytes]) -> Key:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:%b" % (len(part), part))
    return digest.digest()


def groups(start: Sequence[Item], uses: Callable[[Item], Iterable[Item]]) -> Iterator[list[Item]]:
    """Items that lead to one another, a group at a time: first what a group uses, then itself.

    Tarjan's algorithm, with a stack of its own: somebody may write a chain of thousands.
    """
    number: dict[Item, int] = {}
    # The earliest item that one leads back to; those of finished groups lead nowhere.
    earliest: dict[Item, int] = {}
    waiting: list[Item] = []
    path: list[tuple[Item, Iterator[Item]]] = []

    def enter(item: Item) -> None:
        number[item] = earliest[item] = len(number)
        waiting.append(item)
        path.append((item, iter(uses(item))))

    for root in start:
        if root not in number:
            enter(root)
        while path:
            item, rest = path[-1]
            used = next(rest, None)
            if used is not None and used not in number:
                enter(used)
            elif used is not None:
                earliest[item] = min(earliest[item], earliest.get(used, number[item]))
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    earliest[above] = min(earliest[above], earliest[item])
                if earliest[item] == number[item]:
                    group = _taken(waiting, item)
                    for member in group:
                        del earliest[member]
                    yield group


def _taken(waiting: list[Item], last: Item) -> list[Item]:
    """What waits, from the end to `last`."""
    group = [waiting.pop()]
    while group[-1] != last:
        group.append(waiting.pop())
    return group
