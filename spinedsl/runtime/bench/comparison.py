"""Contenders side by side: the same work, one process, in turn."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping

from spinedsl.diagnostics import DiagnosticError
from spinedsl.records import record
from spinedsl.runtime.bench.timing import Timed, alternate


@record
class Contender:
    """One way to do the work.

    Attributes:
        run: does it once.
        peak: does it once; the bytes that are held at the worst moment beyond what was held before.
        operators: nodes of its file, if it is one.
        left: kinds of nodes that the runtime's own optimisation leaves, and how many of each.
    """

    run: Callable[[], object]
    peak: Callable[[], int] | None = None
    operators: int | None = None
    left: Mapping[str, int] | None = None


Maker = Callable[[], Contender]
"""Contenders are made when their section runs: those of all sections may not fit into memory at once."""


@record
class Section:
    """What is compared.

    Attributes:
        title: the runtime and the work.
        makers: of the contenders, by name; ratios are against the first.
        repeats: how often each counts.
    """

    title: str
    makers: Mapping[str, Maker]
    repeats: int


@record
class Row:
    """What one contender took; attributes as of `Contender`."""

    name: str
    time: Timed
    peak: int | None
    operators: int | None
    left: Mapping[str, int] | None


@record
class Measured:
    """A section with its results.

    Attributes:
        missing: why nothing was measured, or "".
    """

    title: str
    rows: tuple[Row, ...] = ()
    missing: str = ""

    def faster(self, row: Row) -> float:
        """How many times a row is as fast as the first one."""
        return self.rows[0].time.median / row.time.median


def measure(section: Section, tell: Callable[[str], None] = lambda name: None) -> Measured:
    """Run a section.

    Args:
        tell: is told the name of each contender that is being made.

    Returns:
        The results; a section that needs a tool that isn't installed says so.
    """
    made: dict[str, Contender] = {}
    try:
        for name, maker in section.makers.items():
            tell(name)
            made[name] = maker()
    except DiagnosticError as error:
        (problem, *_) = error.diagnostics
        if problem.code != "SP052":
            raise
        return Measured(section.title, missing=problem.message)
    tell("in turn")
    peaks = {name: contender.peak() if contender.peak else None for name, contender in made.items()}
    times = alternate({name: contender.run for name, contender in made.items()}, section.repeats)
    rows = [
        Row(name, times[name], peaks[name], contender.operators, contender.left)
        for name, contender in made.items()
    ]
    made.clear()
    gc.collect()  # modules are circles of references, and large
    return Measured(section.title, tuple(rows))
