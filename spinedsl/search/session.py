"""A whole search, as somebody asks for it: one study, or the paper's three, one after the other.

The paper first looks for an order of the blocks, then for connections, then for adjustments, and keeps what it
has found (section 5.1). Each step here is a study of its own, which starts from the best of the one before.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import optuna
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection

from spinedsl.analysis.requirements import Requirements, refuse_unmet
from spinedsl.diagnostics import DiagnosticError, Diagnostics, fail
from spinedsl.emit.output import make_folder
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.ir.model import ImageInput, Network
from spinedsl.records import record
from spinedsl.search.objectives import Objective
from spinedsl.search.results import Results
from spinedsl.search.samplers import NETWORK, Candidates, Name, sampler
from spinedsl.search.search import Events, Limits, Search
from spinedsl.search.storages import JOURNAL, TROUBLE, open_storage, open_study, patiently, shown
from spinedsl.search.trials import Tried, tried_of
from spinedsl.spaces.factors import Adjusted, Chosen, Factor, Order, Parents
from spinedsl.spaces.membership import encoding_of
from spinedsl.spaces.repair import repair
from spinedsl.spaces.search_space import Encoding, SearchSpace
from spinedsl.syntax import printer

Step = Literal["order", "connections", "adjustments"]
STEPS: tuple[Step, ...] = get_args(Step)
DECIDED: dict[Step, tuple[type[Factor], ...]] = {
    "order": (Order,),
    "connections": (Parents,),
    "adjustments": (Adjusted, Chosen),
}


INTERVAL = 10.0
"""Seconds between two times that results are written while a search runs."""


@record
class Request:
    """What somebody asks of a search.

    Attributes:
        sampler: who proposes networks; None for evolution, or NSGA-II if there are several objectives.
        seed: of what is drawn: networks, weights, images.
        folder: where the results go, and the journal.
        storage: address of a database, instead of the journal.
        study: what the study is called; the space's name if None.
        size: height and width that networks are measured at; their own if None.
        starts: networks of the space that are tried first.
        steps: of the paper, in order; none of them decides everything at once.
        force: replace files that spinec did not write.
    """

    space: SearchSpace
    requirements: Requirements
    objectives: tuple[Objective, ...]
    folder: Path
    limits: Limits
    sampler: Name | None = None
    seed: int = 0
    storage: str | None = None
    study: str | None = None
    size: tuple[int, int] | None = None
    starts: tuple[Network, ...] = ()
    steps: tuple[Step, ...] = ()
    force: bool = False

    @property
    def chosen_sampler(self) -> Name:
        """Who proposes networks.

        Raises:
            DiagnosticError: one that can't look for several things at once (SP060).
        """
        several = len(self.objectives) > 1
        if several and self.sampler == "evolution":
            raise fail(
                "SP060", "regularised evolution looks for one thing, and there are several objectives",
                help="use `--sampler nsga2`, or make all but one a requirement: `--require \"macs <= 30G\"`",
            )  # fmt: skip
        return self.sampler or ("nsga2" if several else "evolution")

    @property
    def where(self) -> str:
        """What the storage is called in messages."""
        return str(self.folder / JOURNAL) if self.storage is None else shown(self.storage)


@record
class Outcome:
    """What one study has found.

    Attributes:
        tried: everything that is done, that of others too.
        best: the winners.
        folder: where the results are.
    """

    tried: list[Tried]
    best: list[Tried]
    space: SearchSpace
    folder: Path


def search(request: Request, events: Events | None = None) -> Outcome:
    """Search, or go on searching; the results are written, and those of the last step returned.

    Raises:
        DiagnosticError: a start isn't in the space (SP039), nothing meets what is required (SP047), an
            output can't be written (SP050), the search can't go on (SP060).
        KeyboardInterrupt: somebody had enough; what was found is written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    events = events or Events()
    name = request.study or request.space.name
    chosen = request.chosen_sampler
    starts = [_start(network, request) for network in request.starts]
    make_folder(request.folder)
    storage = open_storage(request.storage, request.folder)
    if not request.steps:
        return _searched(request, storage, name, request.space, starts, request.folder, chosen, events)
    kept = starts[0] if starts else _own(request.space)
    outcome: Outcome | None = None
    for number, step in enumerate(request.steps, 1):
        space = request.space.deciding(DECIDED[step], kept)
        told = "" if space.size > 1 else ", of which the space decides nothing"
        events.news(f"step {number} of {len(request.steps)}: {step}{told}")
        folder = request.folder / step
        make_folder(folder)
        # What doesn't meet the requirements is nothing to try, but may be something to start from.
        met = request.requirements.met(request.space.network(kept))
        again = [space.encode(request.space.design(kept))] if met else []
        known = request.space.number(kept)
        outcome = _searched(
            request,
            storage,
            f"{name}.{step}",
            space,
            again,
            folder,
            chosen,
            events,
            {"step": step, "start": str(known)},
        )
        if not outcome.best:
            raise fail("SP060", f"step “{step}” found nothing", help="see what failed in its results")
        kept = request.space.encode(space.design(outcome.best[0].encoding))
    assert outcome is not None
    return outcome


def _searched(
    request: Request,
    storage: BaseStorage,
    name: str,
    space: SearchSpace,
    starts: Sequence[Encoding],
    folder: Path,
    chosen: Name,
    events: Events,
    part: dict[str, str] | None = None,
) -> Outcome:
    """One study."""
    question = {**_question(request), **(part or {})}
    directions = [
        StudyDirection.MINIMIZE if each.direction == "minimise" else StudyDirection.MAXIMIZE
        for each in request.objectives
    ]
    candidates = Candidates(space, request.requirements)
    study = patiently(lambda: open_study(storage, name, directions, question), request.where, events.news)
    known = study.get_trials(deepcopy=False)
    proposing = sampler(chosen, candidates, request.seed, len(known), request.limits.jobs)
    study.sampler = proposing
    if not known:
        _enqueue(study, candidates, starts)
    results = Results(folder, space, request.objectives, question, _resizing(request.size), request.force)
    live = _Live(study, candidates, results, events)
    running = Search(
        study, proposing, request.objectives, request.limits, folder, request.where, request.seed,
        results.resized, replace(events, finished=live.finished),
    )  # fmt: skip
    try:
        running.run()
    except BaseException:
        # A storage that is gone has nothing to add to what was written last.
        with contextlib.suppress(*TROUBLE):
            live.write()
        raise
    patiently(live.write, request.where, events.news)
    return Outcome(live.tried, live.best, space, folder)


@dataclass
class _Live:
    """The results while they come in: whoever looks at them sees the best so far.

    Attributes:
        tried, best: as they were written last.
    """

    study: Study
    candidates: Candidates
    results: Results
    events: Events
    tried: list[Tried] = field(default_factory=list)
    best: list[Tried] = field(default_factory=list)
    _due: float = 0.0

    def finished(self, number: int, values: Sequence[float] | None, reason: str) -> None:
        """A trial is done; results are written now and then."""
        self.events.finished(number, values, reason)
        if time.monotonic() >= self._due:
            with contextlib.suppress(*TROUBLE):
                self.write()
            self._due = time.monotonic() + INTERVAL

    def write(self) -> None:
        """Write the results anew."""
        self.tried = tried_of(self.study, self.candidates)
        self.best = self.results.write(self.tried)


def _enqueue(study: Study, candidates: Candidates, starts: Sequence[Encoding]) -> None:
    for encoding in dict.fromkeys(starts):
        study.enqueue_trial(candidates.digits(encoding), user_attrs={NETWORK: candidates.identity(encoding)})


def _start(network: Network, request: Request) -> Encoding:
    encoding = encoding_of(network, request.space)
    diagnostics = Diagnostics()
    refuse_unmet(network, request.requirements, request.space.space, diagnostics)
    diagnostics.stop_on_errors()
    return encoding


def _own(space: SearchSpace) -> Encoding:
    """The network that a space starts from, or the nearest one in it."""
    try:
        return encoding_of(space.seed, space)
    except DiagnosticError:
        return repair(space.seed, space, Requirements(()))


def _question(request: Request) -> dict[str, Any]:
    """What a study asks, in words that can be compared: whoever joins has to ask the same."""
    space = request.space
    text = f"{space.space.model_dump_json()} {spec_hash(space.seed)}"
    return {
        "space": f"{space.name} {hashlib.sha256(text.encode()).hexdigest()[:16]}",
        "objectives": [f"{each.direction} {each.name}" for each in request.objectives],
        "requirements": [printer.expression(each.condition) for each in request.requirements.conditions],
        "size": None if request.size is None else list(request.size),
    }


class _Resizing:
    """Networks at another input size."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size

    def __call__(self, network: Network) -> Network:
        if self.size is None or not isinstance(network.input, ImageInput):
            return network
        height, width = self.size
        given = network.input.model_copy(update={"height": height, "width": width})
        return network.model_copy(update={"input": given})


def _resizing(size: tuple[int, int] | None) -> _Resizing:
    return _Resizing(size)
