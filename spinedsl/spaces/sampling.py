"""Drawing members: uniformly, by number; and how many meet what is required.

Every encoding is as likely as any other. Those that don't meet the requirements are drawn again, so
those that do stay equally likely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, sqrt
from random import Random

from spinedsl.analysis.requirements import Requirements, Violation
from spinedsl.diagnostics import DiagnosticError, Label, fail
from spinedsl.ir.model import Network
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.spaces.search_space import Encoding, SearchSpace

MAX_REFUSED = 5_000
"""How many networks in a row may be refused before drawing gives up."""
SMALL = 20_000
"""Spaces up to this size are looked at whole."""
_Z = 1.959963984540054
"""Of a confidence of 95 %."""


@record
class Member:
    """An encoding, and its network."""

    encoding: Encoding
    network: Network


@dataclass
class Refusals:
    """Why networks were refused: requirements that they don't meet, or errors."""

    drawn: int = 0
    by_condition: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, Span | None]] = field(default_factory=dict)

    def add(self, violations: tuple[Violation, ...]) -> None:
        """Record why one was refused."""
        self.drawn += 1
        for violation in violations:
            self.by_condition[violation.condition] += 1
            self.examples.setdefault(violation.condition, (", ".join(violation.actual), violation.span))

    def error(self, space: SearchSpace, whole: bool) -> DiagnosticError:
        """What to say when nothing is left; the requirement that refused most is shown.

        Args:
            whole: whether every network of the space was looked at.
        """
        condition, count = self.by_condition.most_common(1)[0]
        example, span = self.examples[condition]
        looked_at = f"all its {self.drawn:,} networks" if whole else f"{self.drawn:,} networks drawn in a row"
        message = (
            f"“{space.name}” has no network that meets what is required"
            if whole
            else f"nothing that meets what is required was found in “{space.name}”"
        )
        others = [f"`{c}` {n:,}" for c, n in self.by_condition.most_common(4)[1:]]
        told = f"; {', '.join(others)}" if others else ""
        return fail(
            "SP047", message, span or space.space.span,
            f"`{condition}` refused {count:,} of {looked_at}{told}",
            secondary=[Label(space.space.span, "the space")] if span and space.space.span else [],
            help=f"loosen it: one of them has {example}",
        )  # fmt: skip


def sample(space: SearchSpace, requirements: Requirements, seed: int) -> Iterator[Member]:
    """Members that meet the requirements, drawn uniformly, without end; equal ones may come again.

    Args:
        seed: the same one gives the same members.

    Raises:
        DiagnosticError: none was found in `MAX_REFUSED` draws (SP047).
    """
    random = Random(seed)
    drawn = (space.unrank(random.randrange(space.size)) for _ in iter(int, 1))
    return meeting(drawn, space, requirements)


def meeting(
    encodings: Iterable[Encoding], space: SearchSpace, requirements: Requirements
) -> Iterator[Member]:
    """Those of some encodings that meet the requirements.

    Raises:
        DiagnosticError: `MAX_REFUSED` in a row don't (SP047).
    """
    refusals = Refusals()
    for encoding in encodings:
        network = space.network(encoding)
        violations = refused(network, requirements)
        if not violations:
            refusals = Refusals()
            yield Member(encoding, network)
            continue
        refusals.add(violations)
        if refusals.drawn >= MAX_REFUSED:
            raise refusals.error(space, whole=False)


def members(space: SearchSpace, requirements: Requirements) -> Iterator[Member]:
    """All members that meet the requirements, in the order of their numbers: for small spaces.

    Raises:
        DiagnosticError: there is none (SP047).
    """
    refusals, found = Refusals(), False
    for rank in range(space.size):
        encoding = space.unrank(rank)
        network = space.network(encoding)
        violations = refused(network, requirements)
        if violations:
            refusals.add(violations)
        else:
            found = True
            yield Member(encoding, network)
    if not found:
        raise refusals.error(space, whole=True)


def refused(network: Network, requirements: Requirements) -> tuple[Violation, ...]:
    """The requirements that a network doesn't meet; that it compiles is one of them."""
    try:
        return requirements.violations(network)
    except DiagnosticError as error:
        first = error.diagnostics[0]
        return (Violation("a network that compiles", (first.message,)),)


@record
class Estimate:
    """How many encodings meet the requirements.

    Attributes:
        met, drawn: of how many that were looked at.
        low, high: bounds of their number, with a confidence of 95 % (Wilson 1927); equal if it is exact.
    """

    met: int
    drawn: int
    low: int
    high: int

    @property
    def exact(self) -> bool:
        """Whether all were looked at."""
        return self.low == self.high


def count_meeting(
    space: SearchSpace,
    requirements: Requirements,
    draws: int,
    seed: int,
    tell: Callable[..., None] = lambda done, total, what="": None,
) -> Estimate:
    """How many encodings of a space meet the requirements: exactly if it is small, else an estimate.

    Args:
        draws: how many are drawn from a large space.
        tell: is told how far it is: so many of so many.
    """
    if not requirements.conditions:
        return Estimate(space.size, space.size, space.size, space.size)
    whole, random = space.size <= max(SMALL, draws), Random(seed)
    number, met = space.size if whole else draws, 0
    for index in range(number):
        tell(index, number)
        network = space.network(space.unrank(index if whole else random.randrange(space.size)))
        met += not refused(network, requirements)
    if whole:
        return Estimate(met, number, met, met)
    low, high = (Fraction(bound) * space.size for bound in wilson(met, draws))
    return Estimate(met, draws, floor(low), ceil(high))


def wilson(met: int, drawn: int) -> tuple[float, float]:
    """Bounds of a share, with a confidence of 95 %, from how many of those drawn met it."""
    share, z2 = met / drawn, _Z * _Z
    middle = (share + z2 / (2 * drawn)) / (1 + z2 / drawn)
    reach = _Z * sqrt(share * (1 - share) / drawn + z2 / (4 * drawn * drawn)) / (1 + z2 / drawn)
    # Where all or none met it, rounding would leave something of what is exactly 0 or 1.
    return (middle - reach if met else 0.0), (middle + reach if met < drawn else 1.0)
