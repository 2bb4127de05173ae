"""The loop of a search: ask for a network, have it measured, tell what came of it.

    ask ─▶ claim ─▶ costs ─▶ measured in a process ─▶ tell

Requirements are met before anything is built, since the samplers propose nothing else. Everything is
written into the storage as it happens, so that a search which was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import Trial

from spinedsl.analysis.costs import Costs
from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.ir.model import Network
from spinedsl.records import record
from spinedsl.resources import SUFFIX
from spinedsl.search.claims import COSTS, ENOUGH, NUMBER, Claims
from spinedsl.search.objectives import Objective
from spinedsl.search.samplers import Exhausted, MemberSampler
from spinedsl.search.storages import TROUBLE, patiently
from spinedsl.search.worker import Answer, Task
from spinedsl.search.workers import Workers
from spinedsl.spaces.search_space import Encoding
from spinedsl.spaces.writing import member_name, member_text

MAX_FAILURES = 20
"""Networks in a row that may fail before a search gives up."""
TICK = 1.0
"""Seconds between looks at the clock, and signs of life."""


Result = TypeVar("Result")


@record
class Begun:
    """A trial that is being measured.

    Attributes:
        costs: what the network costs, by the names that objectives have.
        path: where it is put meanwhile.
    """

    trial: Trial
    costs: dict[str, int]
    path: Path


@record
class Limits:
    """When a search ends.

    Attributes:
        trials: networks that are tried, by all processes together.
        minutes: after which nothing new is begun.
        timeout: seconds for one network.
        jobs: networks side by side.
    """

    trials: int | None = None
    minutes: float | None = None
    timeout: float | None = None
    jobs: int = 1


@record
class Events:
    """What a search tells of itself.

    Attributes:
        finished: a trial's number and its values, or why it failed.
        news: something that a person should know.
        progress: so many of so many are done; the latter is None if time decides.
    """

    finished: Callable[[int, Sequence[float] | None, str], None] = lambda number, values, reason: None
    news: Callable[[str], None] = lambda text: None
    progress: Callable[[int, int | None], None] = lambda done, total: None


@dataclass
class Search:
    """One study, searched by this process, and perhaps others.

    Attributes:
        resized: the network as it is measured, if that isn't as the space makes it.
        where: what the storage is called in messages.
        folder: where networks are put while they are measured, and what is printed meanwhile.
        seed: of weights and images of what is measured.
    """

    study: Study
    sampler: MemberSampler
    objectives: tuple[Objective, ...]
    limits: Limits
    folder: Path
    where: str
    seed: int = 0
    resized: Callable[[Network], Network] = lambda network: network
    events: Events = field(default_factory=Events)
    _claims: Claims = field(init=False)
    _workers: Workers[Begun] = field(init=False)
    _exhausted: bool = field(init=False, default=False)
    _waits: bool = field(init=False, default=False)
    _failures: int = field(init=False, default=0)
    _last_reason: str = field(init=False, default="")
    _until: float = field(init=False, default=math.inf)

    def __post_init__(self) -> None:
        self._claims = Claims(self.study, self.limits.trials)
        self._workers = Workers(self.limits.jobs, self.folder, self.limits.timeout)
        if self.limits.minutes is not None:
            self._until = time.monotonic() + 60 * self.limits.minutes

    def run(self) -> None:
        """Try networks until there are enough; those that others are at are waited for.

        Raises:
            DiagnosticError: the storage is gone, or everything fails (SP060); nothing meets what is
                required (SP047).
            KeyboardInterrupt: somebody had enough; what is under way will be run again.
        """
        try:
            while self._patiently(self._under_way):
                for begun, answer in self._workers.answers(TICK):
                    self._finish(begun, answer)
                if self._failures >= MAX_FAILURES:
                    raise self._hopeless()
        except BaseException:
            self._give_up()
            raise
        finally:
            self._workers.stop()

    def _under_way(self) -> bool:
        """Begin what there is room for; whether anything is still to come."""
        mine = [begun.trial for begun in self._workers.tickets]
        self._claims.live(mine)
        self._claims.recover(mine)
        self.events.progress(self._claims.counted() - len(self._claims.running()), self.limits.trials)
        while self._workers.busy < self.limits.jobs and self._wants_more():
            self._begin()
        if self._workers.busy:
            return True
        others = self._claims.running()
        if others:
            self._wait(len(others))
        return bool(others) or self._wants_more()

    def _wait(self, others: int) -> None:
        """Others may be killed, and leave their networks to this process."""
        if not self._waits:
            self.events.news(f"waiting for {others} that other processes are at")
            self._waits = True
        time.sleep(TICK)

    def _wants_more(self) -> bool:
        if time.monotonic() >= self._until or self._failures >= MAX_FAILURES:
            return False
        # What was lost is run again, even if there is nothing new.
        if self._exhausted and not self._claims.waiting():
            return False
        return self.limits.trials is None or self._claims.counted() < self.limits.trials

    def _begin(self) -> None:
        """Ask for one network, and begin with it; it may be that others have it already."""
        candidates = self.sampler.candidates
        # A process that is so slow that others take it for dead has lost its trial.
        with contextlib.suppress(UpdateFinishedTrialError):
            trial = self.study.ask()
            self._claims.begin(trial)
            encoding = self._proposed(trial)
            if encoding is None:
                return
            if self._claims.claim(trial, candidates.identity(encoding)):
                self._measure(trial, encoding)
            elif not candidates.distributions:
                # Optuna asks no sampler where there is nothing to decide.
                self._exhausted = True

    def _proposed(self, trial: Trial) -> Encoding | None:
        """The network of a trial; None if there is nothing left, and then the trial is ended."""
        try:
            return self.sampler.candidates.suggested(trial)
        except Exhausted:
            self._claims.fail(trial, ENOUGH)
            if not self._exhausted:
                self.events.news("every network that meets what is required has been tried")
            self._exhausted = True
            return None
        except DiagnosticError:
            self._claims.fail(trial, ENOUGH)
            raise

    def _measure(self, trial: Trial, encoding: Encoding) -> None:
        candidates = self.sampler.candidates
        space = candidates.space
        network = self.resized(space.network(encoding, member_name(space, encoding)))
        costs = costs_of(candidates.requirements.costs(network))
        trial.set_user_attr(NUMBER, str(space.number(encoding)))
        trial.set_user_attr(COSTS, costs)
        begun = Begun(trial, costs, self.folder / f"trial_{trial.number}{SUFFIX}")
        measured = tuple(each.name for each in self.objectives if each.kind != "cost")
        if measured:
            _write(begun.path, member_text(network))
            self._workers.start(begun, Task(begun.path, measured, self.seed))
        else:
            self._finish(begun, Answer({}))

    def _finish(self, begun: Begun, answer: Answer) -> None:
        begun.path.unlink(missing_ok=True)
        if answer.fatal is not None:
            # It isn't the network's fault: whoever goes on tries it again.
            self._claims.fail(begun.trial, None)
            raise fail(answer.fatal, answer.reason, help=answer.help)
        reason = answer.reason
        if answer.values is not None:
            known = {**answer.values, **begun.costs}
            values = [float(known[each.name]) for each in self.objectives]
            if all(map(math.isfinite, values)):
                self._failures = 0
                if self._patiently(lambda: self._claims.finish(begun.trial, values)):
                    self.events.finished(begun.trial.number, values, "")
                return
            told = zip(self.objectives, values, strict=True)
            reason = ", ".join(f"{each.name} is {value}" for each, value in told if not math.isfinite(value))
        self._failures, self._last_reason = self._failures + 1, reason
        self._patiently(lambda: self._claims.fail(begun.trial, reason))
        self.events.finished(begun.trial.number, None, reason)

    def _give_up(self) -> None:
        """Leave what is under way to the next one who searches."""
        for begun in self._workers.tickets:
            begun.path.unlink(missing_ok=True)
            # A storage that is away finds out by itself that this process is gone.
            with contextlib.suppress(*TROUBLE):
                self._claims.fail(begun.trial, None)

    def _patiently(self, work: Callable[[], Result]) -> Result:
        return patiently(work, self.where, self.events.news)

    def _hopeless(self) -> Exception:
        return fail(
            "SP060", f"{MAX_FAILURES} networks in a row failed; the last one: {self._last_reason}",
            help=f"what was printed meanwhile is in {self.folder}",
        )  # fmt: skip


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise fail(
            "SP050", f"“{path}” can't be written: {problem.strerror}",
            help="make room for it; the same command goes on",
        ) from problem  # fmt: skip


def costs_of(costs: Costs) -> dict[str, int]:
    """What a network costs, by the names that objectives have."""
    return {
        "params": costs.parameters, "macs": costs.macs, "memory": costs.activation_bytes, "depth": costs.depth
    }  # fmt: skip
