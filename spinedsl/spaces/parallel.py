"""Questions about many members of a space, asked in several processes at once; answers come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

from spinedsl.analysis.costs import Costs
from spinedsl.analysis.requirements import Requirements
from spinedsl.ir.model import Requirement
from spinedsl.spaces.sampling import refused
from spinedsl.spaces.search_space import Encoding, SearchSpace

Answer = TypeVar("Answer")
Question = Callable[[SearchSpace, Requirements, Encoding], Answer]
CHUNK = 100
"""Encodings that a process gets at once."""
_here: list[tuple[SearchSpace, Requirements]] = []
"""In a process of a pool: what it is asked about; pieces whose costs it knows stay."""


def costs_of(space: SearchSpace, encodings: Iterable[Encoding], jobs: int = 1) -> Iterator[Costs]:
    """What the networks of some encodings cost.

    Args:
        jobs: processes.
    """
    return _asked(_costs, space, Requirements(()), encodings, jobs)


def met_by(
    space: SearchSpace, requirements: Requirements, encodings: Iterable[Encoding], jobs: int = 1
) -> Iterator[bool]:
    """Whether the networks of some encodings meet the requirements.

    Args:
        jobs: processes.
    """
    return _asked(_meets, space, requirements, encodings, jobs)


def _costs(space: SearchSpace, requirements: Requirements, encoding: Encoding) -> Costs:
    return requirements.costs(space.network(encoding))


def _meets(space: SearchSpace, requirements: Requirements, encoding: Encoding) -> bool:
    return not refused(space.network(encoding), requirements)


def _asked(
    question: Question[Answer],
    space: SearchSpace,
    requirements: Requirements,
    encodings: Iterable[Encoding],
    jobs: int,
) -> Iterator[Answer]:
    if jobs == 1:
        for encoding in encodings:
            yield question(space, requirements, encoding)
        return
    left = iter(encodings)
    chunks = iter(lambda: list(islice(left, CHUNK)), [])
    given = (space, tuple(requirements.conditions))
    # Spawned, not forked: whoever calls may have threads.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _settle, given) as pool:
        waiting: deque[Future[list[Answer]]] = deque()
        # A few chunks ahead, so that memory doesn't grow with their number.
        for chunk in chunks:
            waiting.append(pool.submit(_answers, question, chunk))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()


def _settle(space: SearchSpace, conditions: Sequence[Requirement]) -> None:
    _here[:] = [(space, Requirements(conditions))]


def _answers(question: Question[Answer], chunk: Sequence[Encoding]) -> list[Answer]:
    [(space, requirements)] = _here
    return [question(space, requirements, encoding) for encoding in chunk]
