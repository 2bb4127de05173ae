"""The process that measures networks: it can be killed, and takes nothing of the search with it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path

from spinedsl.diagnostics import DiagnosticError
from spinedsl.records import record


@record
class Task:
    """What is to be measured.

    Attributes:
        path: a `.spine` file with one network.
        names: objectives.
        seed: of weights and images.
    """

    path: Path
    names: tuple[str, ...]
    seed: int


@record
class Answer:
    """What came of it.

    Attributes:
        values: of every objective; None if that failed.
        reason: why it failed.
        fatal: code of a diagnostic that every other network would get, too.
        help: what could be done about it.
    """

    values: dict[str, float] | None
    reason: str = ""
    fatal: str | None = None
    help: str | None = None


FATAL = ("SP052", "SP060")
"""A library is missing; a function of somebody's own isn't there."""


def serve(tasks: Connection, log: Path) -> None:
    """Answer tasks until there are no more; what is printed meanwhile goes to the end of a file."""
    if hasattr(os, "setsid"):
        # Of a group of its own: Ctrl-C is for the parent, and what somebody's function starts ends with it.
        os.setsid()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError), log.open("a", buffering=1, encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        while True:
            task: Task = tasks.recv()
            tasks.send(_answer(task))


def _answer(task: Task) -> Answer:
    # Imported here: the parent starts this process before it knows whether torch is there.
    from spinedsl.search.measuring import measure

    try:
        return Answer(measure(task.path, task.names, task.seed))
    except DiagnosticError as error:
        first = error.diagnostics[0]
        fatal = first.code if first.code in FATAL else None
        return Answer(None, first.message, fatal, first.help)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        sys.stderr.flush()
        return Answer(None, f"{type(error).__name__}: {error}"[:300])


def _die_with_parent() -> None:
    """End when the parent has: nobody waits for what is measured."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
