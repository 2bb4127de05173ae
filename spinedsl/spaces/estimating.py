"""How many members meet what is required: exactly in small spaces, else bounds from a sample."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, sqrt
from random import Random

from spinedsl.analysis.requirements import Requirements
from spinedsl.records import record
from spinedsl.spaces.parallel import met_by
from spinedsl.spaces.sampling import SMALL
from spinedsl.spaces.search_space import SearchSpace

_Z = 1.959963984540054
"""Of a confidence of 95 %."""


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
    jobs: int = 1,
) -> Estimate:
    """How many encodings of a space meet the requirements: exactly if it is small, else an estimate.

    Args:
        draws: how many are drawn from a large space.
        tell: is told how far it is: so many of so many.
        jobs: processes; the result is the same with any number of them.
    """
    if not requirements.conditions:
        return Estimate(space.size, space.size, space.size, space.size)
    whole, random = space.size <= max(SMALL, draws), Random(seed)
    number, met = space.size if whole else draws, 0
    ranks = (index if whole else random.randrange(space.size) for index in range(number))
    for index, meets in enumerate(met_by(space, requirements, map(space.unrank, ranks), jobs)):
        tell(index, number)
        met += meets
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
