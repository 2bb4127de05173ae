"""Find, for every block of a member, the seed's block that it is.

1. Output levels are the seed's.
2. Where the space permutes a group, its blocks are the seed's in any order; else each is the one in
   its place.
3. What isn't adjusted is as in the seed: level, kind, width, repeat, merge, resampling.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from spinedsl.diagnostics import Diagnostics, Label
from spinedsl.ir.adjusting import Look, adjustments_of, group_of, look, looks
from spinedsl.ir.model import Group, Network, Space
from spinedsl.passes.assignment import unserved
from spinedsl.records import record

Looks = Mapping[str, frozenset[Hashable]]


@record
class Candidates:
    """The seed's blocks that the blocks of one group may be.

    Attributes:
        places: of the group, in the seed and in the member.
        permuted: whether they may change places.
    """

    network: Network
    space: Space
    group: Group
    places: tuple[int, ...]

    @property
    def permuted(self) -> bool:
        return self.group in self.space.permute

    def look(self, place: int) -> Look:
        """What the member's block in a place looks like."""
        return look(self.network.blocks[place], self.space, self.network.widths)

    def looks(self, seed: int, level: int) -> Looks:
        """What the seed's block may look like at a level."""
        return looks(self.space.blocks[seed], level, self.space, self.network.widths)

    def fits(self, place: int, seed: int) -> bool:
        """Whether the member's block in a place may be one of the seed's."""
        found = self.look(place)
        return _fits(found, self.looks(seed, self.network.blocks[place].level))


def candidates_of(network: Network, space: Space) -> tuple[Candidates, ...]:
    """One for each group."""
    places: dict[Group, list[int]] = {"intermediate": [], "output": []}
    for place, block in enumerate(space.blocks):
        places[group_of(block)].append(place)
    return tuple(Candidates(network, space, group, tuple(each)) for group, each in places.items())


def match_blocks(network: Network, space: Space, diagnostics: Diagnostics) -> None:
    """Record the blocks that are none of the seed's (SP039)."""
    if [group_of(b) for b in network.blocks] != [group_of(b) for b in space.blocks]:
        return
    for each in candidates_of(network, space):
        if each.group == "output" and _other_levels(each, diagnostics):
            continue
        if each.permuted:
            _match(each, diagnostics)
        else:
            for place in each.places:
                if not each.fits(place, place):
                    _tell(each, place, (place,), diagnostics)


def _other_levels(each: Candidates, diagnostics: Diagnostics) -> bool:
    mine = sorted(each.network.blocks[place].level for place in each.places)
    theirs = sorted(each.space.blocks[place].level for place in each.places)
    if mine != theirs:
        diagnostics.add(
            "SP039",
            f"output levels must be {_listed(theirs)}, not {_listed(mine)}",
            each.network.span, secondary=_declared(each.space), help="outputs keep the seed's levels",
        )  # fmt: skip
    return mine != theirs


def _match(each: Candidates, diagnostics: Diagnostics) -> None:
    kinds, seeds, fits = _kinds(each)
    index = unserved(kinds, seeds, fits)
    if index is not None:
        examples = dict(zip(seeds, each.places, strict=True))
        _tell(each, each.places[index], tuple(examples.values()), diagnostics)


def first_assignment(each: Candidates) -> dict[int, int]:
    """Place → the seed's block there; every place in turn has the first of those it can have.

    Requires: the network is a member.
    """
    if not each.permuted:
        return {place: place for place in each.places}
    kinds, seeds, fits = _kinds(each)
    left = dict(zip(each.places, seeds, strict=True))
    found: dict[int, int] = {}
    for index, (place, kind) in enumerate(zip(each.places, kinds, strict=True), start=1):
        tried: set[Hashable] = set()
        for seed, key in left.items():
            if key in tried or key not in fits[kind]:
                continue
            tried.add(key)
            rest = [other for at, other in left.items() if at != seed]
            if unserved(kinds[index:], rest, fits) is None:
                found[place] = seed
                break
        del left[found[place]]
    return found


def _kinds(
    each: Candidates,
) -> tuple[list[Hashable], list[Hashable], dict[Hashable, list[Hashable]]]:
    """What every place has, what every block of the seed may become, and which of these fit which.

    Equal blocks count as one: a network has many, and few that differ.
    """
    kinds: list[Hashable] = [tuple(each.look(place).items()) for place in each.places]
    seeds = [_key(each, place) for place in each.places]
    examples = dict(zip(seeds, each.places, strict=True))
    fits = {
        kind: [key for key, seed in examples.items() if each.fits(place, seed)]
        for kind, place in dict(zip(kinds, each.places, strict=True)).items()
    }
    return kinds, seeds, fits


def _key(each: Candidates, place: int) -> Hashable:
    """Equal for blocks of the seed that are alike."""
    block = each.space.blocks[place]
    return (block.width, *look(block, each.space, {}).items())


def _fits(found: Look, possible: Looks) -> bool:
    return all(found[name] in values for name, values in possible.items())


def _tell(each: Candidates, place: int, seeds: Sequence[int], diagnostics: Diagnostics) -> None:
    """Say why a block is none of the seed's: by an attribute that none of them may have, if there is one."""
    block = each.network.blocks[place]
    found = each.look(place)
    possible = [each.looks(seed, block.level) for seed in seeds]
    wrong = next((n for n in possible[0] if not any(found[n] in looks[n] for looks in possible)), None)
    message, help = _reason(each, place, wrong, possible)
    adjustment = None if wrong is None else adjustments_of(each.space, each.group).get(wrong)
    span = each.space.span if adjustment is None else adjustment.span
    secondary = [Label(span, "the rule" if adjustment else f"the space “{each.space.name}”")] if span else []
    diagnostics.add("SP039", message, block.span, secondary=secondary, help=help)


def _reason(each: Candidates, place: int, wrong: str | None, possible: Sequence[Looks]) -> tuple[str, str]:
    block, name = each.network.blocks[place], each.space.name
    seeds = [each.space.blocks[place] for place in each.places]
    if wrong in ("level", None):
        adjustment = adjustments_of(each.space, each.group).get("level")
        moves = f", each may move by {_listed(adjustment.values)}" if adjustment else "; none is moved"
        message = f"no block of the seed can be moved to level {block.level} for block “{block.name}”"
        if wrong is None:
            message = f"no block of the seed is left to be “{block.name}”, a {block.kind.name} at level {block.level}"
        return message, f"seed levels are {_listed(seed.level for seed in seeds)}{moves}"
    allowed = ", ".join(sorted({_shown(value) for looks in possible for value in looks[wrong]}))
    value = _shown(each.look(place)[wrong])
    if wrong == "kind":
        return f"block “{block.name}” is a {value}; “{name}” allows {allowed}", "choose an allowed kind"
    return f"“{wrong}” of block “{block.name}” is {value}; “{name}” allows {allowed}", "choose one of these"


def _shown(value: Hashable) -> str:
    """A value as it is written."""
    if isinstance(value, tuple):
        name, *arguments = value
        inside = ", ".join(f"{n} = {v}" for n, v in arguments)
        return f"{name}({inside})" if inside else str(name)
    return "the network's" if value is None else str(value)


def _declared(space: Space) -> list[Label]:
    return [Label(space.span, f"the space “{space.name}”")] if space.span else []


def _listed(numbers: Iterable[object]) -> str:
    return ", ".join(map(str, sorted(int(str(number)) for number in numbers))) or "none"
