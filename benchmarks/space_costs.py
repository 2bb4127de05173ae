"""How fast members of the paper's search space are drawn and costed: `python -m benchmarks.space_costs`.

Tells networks a second in one process and over all cores, and what a process holds after many. Two
processes that compute sums without touching memory show what the machine itself gives for a second core.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from spinedsl.analysis.requirements import Requirements
from spinedsl.spaces.opening import open_space
from spinedsl.spaces.parallel import costs_of
from spinedsl.spaces.sampling import sample

SPACE = "std:spinenet"
NUMBER = 6_000


def drawn(number: int) -> float:
    """Seconds for drawing so many."""
    space, start = open_space(SPACE), time.perf_counter()
    for _ in islice(sample(space, Requirements(()), 0), number):
        pass
    return time.perf_counter() - start


def costed(number: int, jobs: int) -> float:
    """Seconds for telling what so many cost, behind a thousand that start processes and teach them pieces."""
    space = open_space(SPACE)
    encodings = (member.encoding for member in sample(space, Requirements(()), 0))
    costs = costs_of(space, islice(encodings, number + 1_000), jobs)
    for _ in islice(costs, 1_000):
        pass
    start = time.perf_counter()
    for _ in costs:
        pass
    return time.perf_counter() - start


def sums(number: int) -> float:
    """Seconds for so many million additions."""
    start, total = time.perf_counter(), 0
    for value in range(number * 1_000_000):
        total += value
    return time.perf_counter() - start


def held() -> float:
    """Most that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def rows() -> Iterator[tuple[str, str]]:
    """What is measured, and what came out."""
    seconds = drawn(10_000)
    yield "10,000 drawn", f"{seconds:.1f} s, {seconds / 10:.2f} ms each"
    alone = NUMBER / costed(NUMBER, 1)
    yield "costed, one process", f"{alone:,.0f} a second, {1e3 / alone:.1f} ms each"
    cores = os.cpu_count() or 1
    together = NUMBER / costed(NUMBER, cores)
    yield f"the same in {cores} processes", f"{together:,.0f} a second, {together / alone:.2f} times as many"
    single = sums(20)
    with ProcessPoolExecutor(cores) as pool:
        several = max(pool.map(sums, [20] * cores))
    yield f"sums in {cores} processes", f"{cores * single / several:.2f} times as many"
    memory = []
    for many in (1_000, 9_000, 90_000):
        costed(many, 1)
        memory.append(f"{held():.0f} MiB")
    yield "held after 1,000, 10,000, 100,000", ", ".join(memory)


def report() -> str:
    """The table."""
    return "\n".join(["| | |", "|---|---:|", *(f"| {what} | {told} |" for what, told in rows())])


if __name__ == "__main__":
    print(report())
