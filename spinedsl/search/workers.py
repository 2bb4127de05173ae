"""Processes that measure, one network each at a time, with a limit of time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from spinedsl.search.worker import Answer, Task, serve

Ticket = TypeVar("Ticket")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Worker(Generic[Ticket]):
    """One process, and what it is at.

    Attributes:
        ticket: of the task; None if there is none.
        until: when it is late, by the monotonic clock.
    """

    process: BaseProcess
    connection: Connection
    ticket: Ticket | None = None
    until: float | None = None


@dataclass
class Workers(Generic[Ticket]):
    """Several processes that measure side by side.

    They are started when they are needed, and the cores are shared among them.

    Attributes:
        count: most of them.
        log: folder of the files that get what they print.
        timeout: seconds that a network may take; None for no limit.
    """

    count: int
    log: Path
    timeout: float | None = None
    _workers: list[_Worker[Ticket]] = field(default_factory=list)

    @property
    def busy(self) -> int:
        """How many tasks are not answered."""
        return sum(worker.ticket is not None for worker in self._workers)

    @property
    def tickets(self) -> list[Ticket]:
        """Of the tasks that are not answered."""
        return [worker.ticket for worker in self._workers if worker.ticket is not None]

    def start(self, ticket: Ticket, task: Task) -> None:
        """Give a task to a process that has none; there has to be room for it."""
        idle = next((worker for worker in self._workers if worker.ticket is None), None)
        if idle is None:
            assert len(self._workers) < self.count
            idle = self._started()
            self._workers.append(idle)
        idle.ticket = ticket
        idle.until = None if self.timeout is None else time.monotonic() + self.timeout
        # One that ended meanwhile is found in `answers`.
        with contextlib.suppress(OSError):
            idle.connection.send(task)

    def answers(self, seconds: float) -> Iterator[tuple[Ticket, Answer]]:
        """What has been answered, after waiting for the first for at most so long."""
        busy = [worker for worker in self._workers if worker.ticket is not None]
        if not busy:
            return
        late = [worker.until for worker in busy if worker.until is not None]
        patience = max(0.0, min([seconds, *(until - time.monotonic() for until in late)]))
        ready = wait([worker.connection for worker in busy], patience)
        for worker in busy:
            ticket = worker.ticket
            assert ticket is not None
            if worker.connection in ready:
                worker.ticket = None
                yield ticket, self._received(worker)
            elif worker.until is not None and time.monotonic() >= worker.until:
                self._stop(worker)
                yield ticket, Answer(None, f"it took longer than {self.timeout:g} s")

    def stop(self) -> None:
        """End all processes, and whatever they started."""
        for worker in list(self._workers):
            self._stop(worker)

    def _received(self, worker: _Worker[Ticket]) -> Answer:
        try:
            answer: Answer = worker.connection.recv()
            return answer
        except (EOFError, OSError):
            self._stop(worker)
            code = worker.process.exitcode
            ended = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            return Answer(None, f"its process ended with {ended}")

    def _started(self) -> _Worker[Ticket]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        log = self.log / f"worker_{len(self._workers)}.log"
        process = context.Process(target=serve, args=(theirs, log), daemon=False)
        with _threads(max(1, (os.cpu_count() or 1) // self.count)):
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _stop(self, worker: _Worker[Ticket]) -> None:
        pid = worker.process.pid
        # Its group goes with it. Before it has made one, there is only the process itself.
        if pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) == pid:
                    os.killpg(pid, signal.SIGKILL)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """An environment in which libraries compute with so many threads, unless it says otherwise itself."""
    added = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(count)))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
