"""Which process runs which trial, and what becomes of trials whose process is gone.

Every process that searches writes its name into the trials it runs, and a sign of life now and then. A
trial whose process gives none is failed, by exactly one of those who notice, since a storage lets only
one of them end a trial. It has no reason then; and what failed without a reason is put back into the
queue: nothing is lost. If a network comes up twice, in the queue or by chance, the older trial
has it, and the other one yields: nothing is run twice.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from spinedsl.search.samplers import NETWORK

PROCESS, LIFE, REASON, AGAIN = "process", "life", "reason", "again"
"""Attributes of trials: who runs it; a sign of life; why it failed; which lost trial it repeats."""
COSTS, NUMBER = "costs", "number"
"""More of them: what the network costs; its number in the space."""
INTERVAL = 10.0
"""Seconds between signs of life."""
SILENCE = 60.0
"""Seconds without one after which a process counts as gone."""
YIELDED = "another trial has this network"
ENOUGH = "there are enough trials"


def process_name() -> str:
    """What this process is called, unlike any other's on any machine."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


@dataclass
class Claims:
    """The trials of one study, as one process sees them.

    Attributes:
        limit: how many trials are run, those of all processes together; None for no limit.
        process: what this process is called.
    """

    study: Study
    limit: int | None = None
    process: str = field(default_factory=process_name)
    _heard: dict[int, tuple[object, float]] = field(default_factory=dict)
    _told: float = field(default_factory=lambda: time.monotonic())

    def begin(self, trial: Trial) -> None:
        """Say that a trial is this process's, before it has a network."""
        trial.set_user_attr(PROCESS, self.process)

    def claim(self, trial: Trial, network: str) -> bool:
        """Whether this process may run a trial it has begun; one that yields is ended."""
        trial.set_user_attr(NETWORK, network)
        older = [each for each in self._trials() if _counts(each) and _goes_before(each, trial)]
        if any(each.user_attrs.get(NETWORK) == network for each in older):
            self.fail(trial, YIELDED)
            return False
        if self.limit is not None and len(older) >= self.limit:
            # One that was lost before still waits for whoever asks for more.
            self.fail(trial, None if AGAIN in trial.user_attrs else ENOUGH)
            return False
        return True

    def counted(self) -> int:
        """Trials that are done, or on their way in some process."""
        return sum(map(_counts, self._trials()))

    def running(self) -> list[FrozenTrial]:
        """Trials on their way, in any process."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def waiting(self) -> bool:
        """Whether something is in the queue."""
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def finish(self, trial: Trial, values: list[float]) -> bool:
        """End a trial with its values; False if others had given it up."""
        try:
            self.study.tell(trial, values)
        except (UpdateFinishedTrialError, ValueError):
            return False
        return True

    def fail(self, trial: Trial, reason: str | None) -> None:
        """End a trial that came to nothing; without a reason it will be run again."""
        with contextlib.suppress(UpdateFinishedTrialError, ValueError):
            if reason is not None:
                trial.set_user_attr(REASON, reason)
            self.study.tell(trial, state=TrialState.FAIL)

    def live(self, mine: Iterable[Trial]) -> None:
        """Give a sign of life in trials of this process, now and then."""
        now = time.monotonic()
        if now - self._told < INTERVAL:
            return
        self._told = now
        for trial in mine:
            with contextlib.suppress(UpdateFinishedTrialError):
                trial.set_user_attr(LIFE, int(time.time()))

    def recover(self, mine: Iterable[Trial]) -> None:
        """End the trials of processes that are gone, and put what is lost back into the queue.

        Args:
            mine: what this process is at; what it began otherwise was lost with the storage.
        """
        numbers = {trial.number for trial in mine}
        for trial in self.running():
            if trial.number not in numbers and self._gone(trial):
                with contextlib.suppress(UpdateFinishedTrialError, ValueError):
                    self.study.tell(trial.number, state=TrialState.FAIL)
        trials = self._trials()
        repeated = {trial.user_attrs.get(AGAIN) for trial in trials}
        for trial in trials:
            if _is_lost(trial) and trial.number not in repeated:
                attributes = {AGAIN: trial.number, NETWORK: trial.user_attrs[NETWORK]}
                self.study.enqueue_trial(trial.params, user_attrs=attributes)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _gone(self, trial: FrozenTrial) -> bool:
        """Whether the process of a trial is gone."""
        name = trial.user_attrs.get(PROCESS)
        if name == self.process:
            return True
        known = _alive(name) if name is not None else None
        if known is not None:
            return not known
        # A process of another machine: what counts is that nothing changes, not what its clock says.
        sign, now = (name, trial.user_attrs.get(LIFE)), time.monotonic()
        before, since = self._heard.get(trial.number, (None, now))
        if before != sign:
            since = now
        self._heard[trial.number] = (sign, since)
        return now - since > SILENCE


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial is done or on its way; what yielded or was lost isn't."""
    if trial.state is TrialState.FAIL:
        return trial.user_attrs.get(REASON) not in (None, YIELDED, ENOUGH)
    return trial.state in (TrialState.COMPLETE, TrialState.RUNNING)


def _is_lost(trial: FrozenTrial) -> bool:
    """Whether a trial ended with its process; one without a network had not begun."""
    known = trial.user_attrs
    return trial.state is TrialState.FAIL and REASON not in known and NETWORK in known


def _goes_before(one: FrozenTrial, other: Trial) -> bool:
    """Whether a trial goes before another one: done ones, then by number."""
    return one.state is not TrialState.RUNNING or one.number < other.number


def _alive(name: str) -> bool | None:
    """Whether a process runs; None if that can't be seen from here."""
    machine, pid, started = name.rsplit(":", 2)
    if machine != _machine() or sys.platform == "win32":
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _started(int(pid)) == started


def _machine() -> str:
    """What tells this machine from others, and its containers from each other."""
    found = [platform.node()]
    with contextlib.suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)


def _started(pid: int) -> str:
    """When a process began, in ticks of the system, since its number may be given again; nothing of a dead one."""
    try:
        # Behind the name, which may have any characters.
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state == "Z" else numbers[18]
