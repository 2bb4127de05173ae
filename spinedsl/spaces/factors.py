"""The factors of a search space: what is decided, one after the other.

Every factor is a row of digits; a digit has `size` possibilities, which depend on no other digit. So an
encoding is a number in a mixed base, and the size of a space is a product.

    order      digit i: which of the blocks that are left stands in place i of the group
    parents    which of the C(n, k) sets of parents, in lexicographic order
    adjusted   which of the values
    chosen     which of the values
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Protocol

from spinedsl.ir.model import Adjustment, Choice, Group
from spinedsl.records import record


@dataclass
class Design:
    """A member on its way: what its encoding says, before it is a network.

    Attributes:
        placed: place → index of the seed's block that stands there.
        parents: place → what it reads: indices into the sources, then the places.
        adjusted: (place, attribute) → index of the value.
        chosen: setting → index of the value.
    """

    placed: list[int]
    parents: list[tuple[int, ...]]
    adjusted: dict[tuple[int, str], int] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Design:
        """Another one that says the same."""
        return Design(list(self.placed), list(self.parents), dict(self.adjusted), dict(self.chosen))


class Factor(Protocol):
    """One thing that is decided.

    Attributes:
        sizes: how many possibilities each of its digits has.
        names: of its digits, each unique in the space.
    """

    @property
    def sizes(self) -> tuple[int, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def decide(self, digits: Sequence[int], design: Design) -> None:
        """Write into the design what the digits say."""

    def digits(self, design: Design) -> tuple[int, ...]:
        """What says that of a design."""


@record
class Order:
    """In which order the blocks of a group stand, in the places of that group."""

    group: Group
    places: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(range(len(self.places), 0, -1))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"order.{self.group}.{index}" for index in range(len(self.places)))

    def decide(self, digits: Sequence[int], design: Design) -> None:
        left = list(self.places)
        for place, digit in zip(self.places, digits, strict=True):
            design.placed[place] = left.pop(digit)

    def digits(self, design: Design) -> tuple[int, ...]:
        left = list(self.places)
        found = []
        for place in self.places:
            found.append(left.index(design.placed[place]))
            left.pop(found[-1])
        return tuple(found)


@record
class Parents:
    """Which blocks a block reads.

    Attributes:
        place: of the block.
        block: what the place is called.
        first, last: its candidates, indices into the sources, then the places; `last` is the first that isn't.
        count: how many it reads.
    """

    place: int
    block: str
    first: int
    last: int
    count: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return (comb(self.last - self.first, self.count),)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"parents.{self.block}",)

    def decide(self, digits: Sequence[int], design: Design) -> None:
        design.parents[self.place] = combination(digits[0], range(self.first, self.last), self.count)

    def digits(self, design: Design) -> tuple[int, ...]:
        return (rank_of_combination(design.parents[self.place], range(self.first, self.last)),)


@record
class Adjusted:
    """Which value an attribute of a block has."""

    place: int
    block: str
    adjustment: Adjustment

    @property
    def sizes(self) -> tuple[int, ...]:
        return (len(self.adjustment.values),)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.adjustment.attribute}.{self.block}",)

    def decide(self, digits: Sequence[int], design: Design) -> None:
        design.adjusted[self.place, self.adjustment.attribute] = digits[0]

    def digits(self, design: Design) -> tuple[int, ...]:
        return (design.adjusted[self.place, self.adjustment.attribute],)


@record
class Chosen:
    """Which value a setting of the network has."""

    choice: Choice

    @property
    def sizes(self) -> tuple[int, ...]:
        return (len(self.choice.values),)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.choice.setting.replace(" ", "_"),)

    def decide(self, digits: Sequence[int], design: Design) -> None:
        design.chosen[self.choice.setting] = digits[0]

    def digits(self, design: Design) -> tuple[int, ...]:
        return (design.chosen[self.choice.setting],)


FACTORS: tuple[type[Factor], ...] = (Chosen, Order, Parents, Adjusted)
"""All kinds of factors, in the order of an encoding."""


def combination(rank: int, candidates: range, count: int) -> tuple[int, ...]:
    """The `rank`-th set of `count` candidates in lexicographic order, ascending."""
    found = []
    for candidate in candidates:
        if count == 0:
            break
        # So many sets begin with this candidate.
        begin = comb(candidates.stop - candidate - 1, count - 1)
        if rank < begin:
            found.append(candidate)
            count -= 1
        else:
            rank -= begin
    return tuple(found)


def rank_of_combination(members: Sequence[int], candidates: range) -> int:
    """Which of the sets of as many candidates it is, in lexicographic order."""
    rank, left, wanted = 0, len(members), sorted(members)
    for candidate in candidates:
        if left == 0:
            break
        if candidate == wanted[-left]:
            left -= 1
        else:
            rank += comb(candidates.stop - candidate - 1, left - 1)
    return rank
