"""Drawing members: uniformly, by number.

Every encoding is as likely as any other. Those that don't meet the requirements are drawn again, so
those that do stay equally likely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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
"""Spaces up to this size may be looked at whole."""


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
