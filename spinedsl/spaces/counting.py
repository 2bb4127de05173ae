"""How many networks a space has: exactly, factor by factor.

`counts` are of encodings, as the papers count. Several encodings may stand for one network, where
blocks of the seed are alike or an adjustment makes them so: `distinct` counts the networks that differ
as they are written, if that can be counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import groupby, product
from math import comb, factorial, prod

from spinedsl.ir.adjusting import adjusted_values, adjustments_of, group_of, look
from spinedsl.ir.model import Block, Group, Space
from spinedsl.records import record
from spinedsl.spaces.factors import Adjusted, Chosen, Factor, Order, Parents
from spinedsl.spaces.search_space import SearchSpace

MAX_STATES = 5_000_000
"""Most steps of counting different rows of blocks, which takes some seconds; the paper's takes a million."""


@record
class Count:
    """A factor of a space's size.

    Attributes:
        what: in words: `order of intermediate blocks`.
        formula: how it comes about: `10!`.
    """

    what: str
    formula: str
    number: int


def counts(space: SearchSpace) -> tuple[Count, ...]:
    """The factors of a space's size; their product is `space.size`."""
    found = []
    for what, factors in groupby(space.factors, key=lambda factor: _subject(factor, space.space)):
        members = list(factors)
        sizes = [size for factor in members for size in factor.sizes]
        found.append(Count(what, _formula(members), prod(sizes)))
    return tuple(found)


def _subject(factor: Factor, space: Space) -> str:
    match factor:
        case Order(group=group):
            return f"order of {group} blocks"
        case Parents(place=place):
            return f"parents of {group_of(space.blocks[place])} blocks"
        case Adjusted(adjustment=adjustment):
            return f"{adjustment.attribute} of {adjustment.group or 'all'} blocks"
        case Chosen(choice=choice):
            return choice.setting
    raise TypeError(type(factor))


def _formula(factors: list[Factor]) -> str:
    first = factors[0]
    if isinstance(first, Order):
        return f"{len(first.sizes)}!"
    if isinstance(first, Parents):
        pairs = [(f.last - f.first, f.count) for f in factors if isinstance(f, Parents)]
        return " · ".join(_power(f"C({n},{k})", len(list(run))) for (n, k), run in groupby(pairs))
    runs = [(size, len(list(run))) for size, run in groupby(f.sizes[0] for f in factors)]
    return " · ".join(_power(str(size), count) for size, count in runs)


def _power(base: str, exponent: int) -> str:
    return base if exponent == 1 else f"{base}^{exponent}"


def distinct(space: SearchSpace) -> int | None:
    """How many networks differ as they are written: in a block's attributes or parents, or in a setting.

    None if there are too many kinds of blocks to count.
    """
    numbers = [prod(f.sizes) for f in space.factors if isinstance(f, Parents | Chosen)]
    for group in ("intermediate", "output"):
        sequences = _sequences(space, group)
        if sequences is None:
            return None
        numbers.append(sequences)
    return prod(numbers)


def _sequences(space: SearchSpace, group: Group) -> int | None:
    """How many rows of blocks of a group differ.

    A row is possible if every block in it can be given a block of the seed of its own that may look so.
    """
    blocks = [block for block in space.space.blocks if group_of(block) == group]
    possible = [_looks(space, block) for block in blocks]
    if group not in space.space.permute:
        return prod(len(looks) for looks in possible)
    return _rows(Counter(possible), len(blocks))


def _rows(kinds: Counter[frozenset[Hashable]], places: int) -> int | None:
    """Rows of looks, as long as there are seeds, with an assignment of seeds to them.

    Looks that the same seeds may have are alike: only how many places such a class takes matters. A row
    of classes is possible if no set of classes takes more places than there are seeds for it (Hall), so
    counts are enumerated class by class and looked at once, at the end.
    """
    looks = sorted({look for kind in kinds for look in kind}, key=repr)
    classes: dict[frozenset[int], int] = {}
    numbered = list(kinds)
    for each in looks:
        seeds = frozenset(i for i, kind in enumerate(numbered) if each in kind)
        classes[seeds] = classes.get(seeds, 0) + 1
    members = list(classes.items())
    if comb(places + len(members) - 1, places) << min(places, len(members)) > MAX_STATES:
        return None
    supply = [kinds[kind] for kind in numbered]

    total = 0
    for taken in _compositions(places, len(members)):
        if _served({seeds: n for (seeds, _), n in zip(members, taken, strict=True)}, supply):
            ways = factorial(places)
            for (_, alike), n in zip(members, taken, strict=True):
                ways = ways // factorial(n) * alike**n
            total += ways
    return total


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way in which whole numbers from 0 add up."""
    if parts == 0:
        if total == 0:
            yield ()
    elif parts == 1:
        yield (total,)
    else:
        for first in range(total + 1):
            for rest in _compositions(total - first, parts - 1):
                yield (first, *rest)


def _served(taken: Mapping[frozenset[int], int], supply: list[int]) -> bool:
    """Whether kinds of seeds can serve the places of every class."""
    wanted = [(seeds, n) for seeds, n in taken.items() if n]
    for some in _subsets(wanted):
        seeds = frozenset().union(*(seeds for seeds, _ in some))
        if sum(n for _, n in some) > sum(supply[i] for i in seeds):
            return False
    return True


def _subsets(items: list[tuple[frozenset[int], int]]) -> Iterator[list[tuple[frozenset[int], int]]]:
    for mask in range(1, 1 << len(items)):
        yield [item for i, item in enumerate(items) if mask >> i & 1]


def _looks(space: SearchSpace, seed: Block) -> frozenset[Hashable]:
    """Everything that a block of the seed may look like, whatever its place."""
    widths = space.seed.widths
    own = look(seed, space.space, widths)
    adjusted = adjustments_of(space.space, group_of(seed))
    level = adjusted.get("level")
    levels = (seed.level,) if level is None else adjusted_values(seed, level, seed.level, widths)
    found: set[Hashable] = set()
    for at in levels:
        assert isinstance(at, int)
        options: list[Iterable[Hashable]] = []
        for attribute, value in own.items():
            if attribute == "level":
                options.append((at,))
            elif attribute in adjusted:
                options.append(dict.fromkeys(adjusted_values(seed, adjusted[attribute], at, widths)))
            elif attribute == "width":
                options.append((seed.width or widths.get(at),))
            else:
                options.append((value,))
        found.update(product(*options))
    return frozenset(found)
