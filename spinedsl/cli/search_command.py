"""`spinec search`: networks of a search space, tried until some are good."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinedsl.cli import console
from spinedsl.cli.progress import progress
from spinedsl.cli.space_members import network_called, spaced
from spinedsl.cli.tables import aligned
from spinedsl.cli.verify_command import size_of
from spinedsl.runtime.tools import need

if TYPE_CHECKING:
    from spinedsl.analysis.requirements import Requirements
    from spinedsl.search.objectives import Objective
    from spinedsl.search.session import Outcome, Request
    from spinedsl.spaces.search_space import SearchSpace

SAMPLERS = ("random", "evolution", "tpe", "nsga2")
STEPS = ("order", "connections", "adjustments")
TRIALS = 100
"""Networks that are tried if nobody says how many, or for how long."""


def _steps(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    steps = tuple(text.strip() for text in value.split(",")) if value else ()
    for step in steps:
        if step not in STEPS:
            raise click.BadParameter(f"“{step}” is no step; write {', '.join(STEPS)}, or some of them")
    if len(set(steps)) < len(steps):
        raise click.BadParameter("a step is named twice")
    return steps


@click.command("search")
@spaced
@click.option("--minimise", "--minimize", multiple=True, metavar="OBJECTIVE", help="Make this small.")
@click.option("--maximise", "--maximize", multiple=True, metavar="OBJECTIVE", help="Make this large.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where results and the journal go.  [default: SPACE_search]")  # fmt: skip
@click.option("--sampler", type=click.Choice(SAMPLERS),
              help="Who proposes networks.  [default: evolution, or nsga2 for several objectives]")  # fmt: skip
@click.option("--trials", type=click.IntRange(1, 1_000_000),
              help=f"Networks to try, those of before and of others included.  [default: {TRIALS}]")  # fmt: skip
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Begin with none after so long, in each step."
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="A network that takes longer fails.  [default: no limit]")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True,
              help="Networks that are measured side by side; they share the cores.")  # fmt: skip
@click.option("--size", metavar="H or HxW", callback=size_of,
              help="Of the input that networks are measured at.  [default: their own]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything drawn.")
@click.option(
    "--start", "starts", multiple=True, metavar="SPEC", help="A network of the space to begin with."
)
@click.option("--steps", metavar="STEP,…", callback=_steps,
              help="Decide one thing after the other, as the paper does: order,connections,adjustments.")  # fmt: skip
@click.option("--storage", metavar="URL",
              help="A database that machines share: postgresql://user:password@host/name.")  # fmt: skip
@click.option("--study", metavar="NAME", help="What it is called there.  [default: the space's name]")
@click.option("--force", is_flag=True, help="Replace files that spinec did not write.")
def command(
    space: SearchSpace,
    requirements: Requirements,
    minimise: tuple[str, ...],
    maximise: tuple[str, ...],
    output: Path | None,
    trials: int | None,
    minutes: float | None,
    timeout: float | None,
    jobs: int,
    starts: tuple[str, ...],
    **others: Any,
) -> None:
    """Search a space for networks that are good at something.

    \b
    OBJECTIVE is one of
      params, macs, memory, depth   told by the cost model
      synflow, naswot, zen          zero-cost proxies, of the untrained torch module
      latency                       milliseconds in ONNX Runtime on this machine
      MODULE:FUNCTION               yours: it gets the path of a .spine file and returns a number

    What the space and --require ask for is seen to before anything is built. Everything is kept in
    DIR/journal.log as it happens: killed, the same command goes on where it was; given in two terminals,
    or with one --storage on many machines, all work on one search. DIR gets the winners as .spine files
    (best/), a picture (front.svg), a page (report.html) and all numbers (results.json).

    \b
    Examples:
      spinec search std:spinenet --minimise macs --maximise naswot --trials 200
      spinec search my.spine --maximise my_training:accuracy --require "macs(640) <= 30G" --minutes 120
      spinec search std:spinenet --maximise synflow --steps order,connections,adjustments
      spinec search std:spinenet --minimise latency --jobs 1 --size 256
    """
    need("optuna", "`spinec search`")
    from spinedsl.search.objectives import distinct, objective
    from spinedsl.search.search import Events, Limits
    from spinedsl.search.session import Request, search

    # A process that lives long has garbage to collect.
    gc.enable()
    objectives = distinct([
        *(objective(name, "minimise") for name in minimise), *(objective(name, "maximise") for name in maximise)
    ])  # fmt: skip
    if trials is None and minutes is None:
        trials = TRIALS
    if jobs > 1 and any(each.kind == "latency" for each in objectives):
        console.say(
            "warning: networks that are timed side by side slow each other down; use --jobs 1", err=True
        )
    request = Request(
        space=space, requirements=requirements, objectives=objectives,
        folder=output or Path(f"{space.name}_search"),
        limits=Limits(trials, minutes, timeout, jobs),
        starts=tuple(network_called(spec) for spec in starts), **others,
    )  # fmt: skip
    label = "searching" if trials is not None else "searching, in seconds"
    with progress(label, patience=0.0) as tell:
        told = _Told(objectives, tell, minutes)
        events = Events(told.finished, told.news, told.progress)
        try:
            outcome = search(request, events)
        except KeyboardInterrupt:
            console.say(f"stopped; the same command goes on. So far: {request.folder}", err=True)
            raise
    _show(outcome, request)
    if not outcome.best:
        click.get_current_context().exit(1)


class _Told:
    """What a person sees of a search: how far it is, and every network that is the best so far."""

    def __init__(self, objectives: Sequence[Objective], tell: Any, minutes: float | None) -> None:
        self.objectives, self.tell, self.minutes = objectives, tell, minutes
        self.begun = time.monotonic()
        self.best: tuple[float, ...] | None = None
        self.failed = 0

    def finished(self, number: int, values: Sequence[float] | None, reason: str) -> None:
        """A trial is done."""
        from spinedsl.search.picture import values_text

        if values is None:
            self.failed += 1
            console.say(f"trial {number} failed: {reason}", err=True)
        elif len(self.objectives) == 1 and (
            self.best is None or self.objectives[0].better(values[0], self.best[0])
        ):
            self.best = tuple(values)
            console.say(f"trial {number}: {values_text(values, self.objectives)}, the best so far", err=True)

    def news(self, text: str) -> None:
        """Something else that a person should know."""
        console.say(text, err=True)

    def progress(self, done: int, total: int | None) -> None:
        """How far it is, by networks or by time."""
        what = f"{self.failed} failed" if self.failed else ""
        if total is None:
            assert self.minutes is not None
            passed = min(time.monotonic() - self.begun, 60 * self.minutes)
            self.tell(round(passed), round(60 * self.minutes), f"{done:,} networks {what}".strip())
        else:
            self.tell(done, max(done, total), what)


def _show(outcome: Outcome, request: Request) -> None:
    from spinedsl.search.picture import number_text

    failed = sum(not each.values for each in outcome.tried)
    click.echo(f"{len(outcome.tried):,} networks tried" + (f", {failed:,} failed" if failed else ""))
    if outcome.best:
        rows = [("trial", *(each.short for each in request.objectives), "network")]
        rows += [
            (
                str(each.number),
                *map(number_text, each.values),
                str(outcome.space.number(each.encoding)),
            )
            for each in outcome.best
        ]
        click.echo("\n" + "\n".join(aligned(rows, right=set(range(1, len(request.objectives) + 1)))))
    click.echo(f"\nwrote {outcome.folder}/report.html, front.svg, results.json and best/")
