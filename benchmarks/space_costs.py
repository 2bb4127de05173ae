"""How fast members of the paper's search space are drawn and costed: `python -m benchmarks.space_costs`.

Prints networks a second in one process and over all cores, and what a process holds after many.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from spinedsl.analysis.requirements import Requirements
from spinedsl.spaces.opening import open_space
from spinedsl.spaces.sampling import sample

SPACE = "std:spinenet"


def drawn(number: int, seed: int = 0) -> float:
    """Seconds for drawing so many."""
    space, start = open_space(SPACE), time.perf_counter()
    for _ in islice(sample(space, Requirements(()), seed), number):
        pass
    return time.perf_counter() - start


def costed(number: int, seed: int = 0) -> float:
    """Seconds for drawing so many and asking what each costs, after a hundred to learn the pieces from."""
    space, requirements = open_space(SPACE), Requirements(())
    members = sample(space, requirements, seed)
    for member in islice(members, 100):
        requirements.costs(member.network)
    start = time.perf_counter()
    for member in islice(members, number):
        requirements.costs(member.network)
    return time.perf_counter() - start


def held() -> float:
    """Most that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Print the table."""
    number = 10_000
    seconds = drawn(number)
    print(f"{number:,} drawn in {seconds:.2f} s, {seconds / number * 1e3:.2f} ms each")
    cores = os.cpu_count() or 1
    alone = 3_000 / costed(3_000)
    print(f"drawn and costed in one process: {alone:,.0f} networks a second, {1e3 / alone:.2f} ms each")
    with ProcessPoolExecutor(cores) as pool:
        list(pool.map(costed, [10] * cores))
        times = list(pool.map(costed, [3_000] * cores, range(cores)))
    together = sum(3_000 / each for each in times)
    print(f"in {cores} processes: {together:,.0f} a second, {together / alone:.2f} times as many")
    for many in (1_000, 9_000, 90_000):
        costed(many, seed=1)
        print(f"held after {many:,} more: {held():.0f} MiB")


if __name__ == "__main__":
    main()
