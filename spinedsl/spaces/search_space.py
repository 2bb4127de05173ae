"""A search space as a compiler sees it: encodings, their numbers, and the networks they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod

from spinedsl.diagnostics import fail
from spinedsl.ir.adjusting import adjustments_of, group_of
from spinedsl.ir.model import Block, Network, Space
from spinedsl.ir.possible import candidates, window_of
from spinedsl.records import record
from spinedsl.spaces.building import Builder
from spinedsl.spaces.factors import FACTORS, Adjusted, Chosen, Design, Factor, Order, Parents

Encoding = tuple[int, ...]
"""One number for each digit of a space, below its size: all that is decided in a member."""


@record
class Digit:
    """One decision: which of `size` possibilities. Its name is unique in the space: `parents.b5`."""

    name: str
    size: int


@record
class SearchSpace:
    """A space, and the network it starts from.

    Attributes:
        seed: with the definitions of everything that members may have.
        start: what is kept of what isn't decided; the seed network's own if None.
        decided: kinds of factors that are decided; the others stay as they are in `start`.
    """

    space: Space
    seed: Network
    start: Design | None = None
    decided: tuple[type[Factor], ...] = FACTORS

    @property
    def name(self) -> str:
        """The space's."""
        return self.space.name

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """Everything that is decided, the settings of the whole network first."""
        return tuple(factor for factor in _factors(self.space) if isinstance(factor, self.decided))

    @cached_property
    def digits(self) -> tuple[Digit, ...]:
        """The decisions one by one, in the order of an encoding."""
        return tuple(
            Digit(name, size)
            for factor in self.factors
            for name, size in zip(factor.names, factor.sizes, strict=True)
        )

    @cached_property
    def size(self) -> int:
        """How many encodings there are, whatever is required of them."""
        return prod(digit.size for digit in self.digits)

    # ---- numbers

    def unrank(self, rank: int) -> Encoding:
        """The encoding of a number from 0; the last digit changes fastest.

        Raises:
            DiagnosticError: the space has no such number (SP046).
        """
        if not 0 <= rank < self.size:
            raise fail(
                "SP046", f"“{self.name}” has no network number {rank:,}", self.space.span,
                help=f"numbers are 0 to {self.size - 1:,}",
            )  # fmt: skip
        found = []
        for digit in reversed(self.digits):
            rank, value = divmod(rank, digit.size)
            found.append(value)
        return tuple(reversed(found))

    def rank(self, encoding: Encoding) -> int:
        """The number of an encoding."""
        number = 0
        for digit, value in zip(self.digits, encoding, strict=True):
            number = number * digit.size + value
        return number

    def number(self, encoding: Encoding) -> int:
        """The number in the whole space, of which this may be the part where only something is decided."""
        return self._whole.rank(self._whole.encode(self.design(encoding)))

    # ---- networks

    def network(self, encoding: Encoding, name: str | None = None) -> Network:
        """The network that an encoding stands for; blocks are called as the seed's in their places.

        Args:
            name: the network's; the space's if None.
        """
        return self._builder.network(self.design(encoding), name or self.name)

    def design(self, encoding: Encoding) -> Design:
        """What an encoding says, undone into its factors."""
        design = self.seed_design()
        at = 0
        for factor, count in self._counts:
            factor.decide(encoding[at : at + count], design)
            at += count
        return design

    def seed_design(self) -> Design:
        """What is kept of what isn't decided; what is, will be overwritten."""
        return self._builder.design() if self.start is None else self.start.copy()

    def deciding(self, factors: tuple[type[Factor], ...], start: Encoding) -> SearchSpace:
        """The part of the space where only some kinds of factors are decided.

        Args:
            start: of this space; what isn't decided stays as it is there.
        """
        return replace(self, start=self.design(start), decided=factors)

    def encode(self, design: Design) -> Encoding:
        """The encoding that says what a design does."""
        return tuple(digit for factor in self.factors for digit in factor.digits(design))

    @cached_property
    def _whole(self) -> SearchSpace:
        return replace(self, start=None, decided=FACTORS)

    @cached_property
    def _builder(self) -> Builder:
        return Builder(self.space, self.seed)

    @cached_property
    def _counts(self) -> tuple[tuple[Factor, int], ...]:
        return tuple((factor, len(factor.sizes)) for factor in self.factors)


def _factors(space: Space) -> Iterator[Factor]:
    for choice in space.choices:
        yield Chosen(choice)
    for group in space.permute:
        yield Order(group, tuple(p for p, block in enumerate(space.blocks) if group_of(block) == group))
    for place, block in enumerate(space.blocks):
        window = window_of(space, block)
        if window is not None:
            allowed = candidates(space, place, window)
            yield Parents(place, block.name, allowed.start, allowed.stop, window.count)
    for attribute in dict.fromkeys(a.attribute for a in space.adjustments):
        yield from _adjusted(attribute, space, space.blocks)


def _adjusted(attribute: str, space: Space, blocks: Sequence[Block]) -> Iterator[Factor]:
    for place, block in enumerate(blocks):
        adjustment = adjustments_of(space, group_of(block)).get(attribute)
        if adjustment is not None:
            yield Adjusted(place, block.name, adjustment)
