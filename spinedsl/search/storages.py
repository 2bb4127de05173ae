"""Where the trials of a search are kept: a journal beside the output, or a database that machines share."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study, StudyDirection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, InternalError, ProgrammingError, SQLAlchemyError

from spinedsl.diagnostics import DiagnosticError, fail

if sys.platform != "win32":
    import fcntl

Result = TypeVar("Result")
JOURNAL = "journal.log"
QUESTION = "spinec"
"""The attribute of a study that says what it asks."""
PATIENCE = 60.0
"""Seconds for which a storage may be away before a search gives up."""
TROUBLE = (StorageInternalError, SQLAlchemyError, OSError)
"""What a storage raises when it can't be reached."""


class Lock(JournalFileOpenLock):
    """A lock that the system holds for this process, and lets go of when it is killed.

    Optuna's is a file that whoever is killed leaves behind; others wait for half a minute, and if the path
    is relative, for ever.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._held: BinaryIO | None = None

    def acquire(self) -> bool:
        self._held = self._path.open("ab")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _lock_beside(path: Path) -> JournalFileOpenLock:
    beside = path.with_suffix(".lock")
    return JournalFileOpenLock(str(beside.absolute())) if sys.platform == "win32" else Lock(beside)


class Journal(JournalFileBackend):
    """Optuna's journal file, which notices when somebody takes the file away.

    Optuna would begin an empty one, and mix its trials with those it remembers.
    """

    def __init__(self, path: Path) -> None:
        lock = _lock_beside(path)
        if path.exists():
            lock.acquire()
            try:
                mend(path)
            finally:
                lock.release()
        super().__init__(str(path), lock)
        self._path, self._inode = path, path.stat().st_ino

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self._path.stat().st_ino != self._inode:
            raise FileNotFoundError(f"{self._path} is another file than before")
        super().append_logs(logs)


def mend(path: Path) -> None:
    """Cut off a last line that was never finished, as a machine leaves it that loses its power.

    Raises:
        DiagnosticError: the file is no journal (SP060).
    """
    with path.open("r+b") as file:
        first = file.readline()
        if not (_is_entry(first) if first.endswith(b"\n") else _is_begun(first)):
            raise fail(
                "SP060", f"“{path}” is not the journal of a search", help="name another folder with `-o`"
            )
        file.seek(0, os.SEEK_END)
        size = at = file.tell()
        while at > 0:
            file.seek(at - 1)
            if file.read(1) == b"\n":
                break
            at -= 1
        if at < size:
            file.truncate(at)


def _is_entry(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict) and b"op_code" in line
    except ValueError:
        return False


def _is_begun(line: bytes) -> bool:
    """Whether an entry may have begun so; nothing else of somebody's is cut off."""
    begin = b'{"op_code":'
    return line.startswith(begin) or begin.startswith(line)


def shown(url: str) -> str:
    """A storage's address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage of an address, or the journal in a folder.

    Args:
        url: of a database as SQLAlchemy writes it: `postgresql://user:password@host/name`.

    Raises:
        DiagnosticError: it can't be opened (SP060), or its driver is missing (SP052).
    """
    if url is None:
        try:
            return JournalStorage(Journal(folder / JOURNAL))
        except OSError as problem:
            raise _unreachable(str(folder / JOURNAL), problem) from problem
    try:
        address = make_url(url)
    except ArgumentError:
        raise fail(
            "SP060", f"“{url}” is not the address of a database",
            help="write it as `postgresql://user:password@host/name` or `mysql://user:password@host/name`",
        ) from None  # fmt: skip
    # SQLAlchemy would take the older driver.
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    try:
        return _database(address.render_as_string(hide_password=False))
    except ImportError as problem:
        raise fail(
            "SP052", f"the driver of {address.drivername} is missing: {problem}",
            help="for PostgreSQL: `pip install 'spinec[search,postgresql]'`; for others the one SQLAlchemy names",
        ) from None  # fmt: skip
    except (*TROUBLE, ValueError) as problem:
        raise _unreachable(shown(url), problem) from problem


def _database(url: str) -> BaseStorage:
    """A database; its tables are made if it has none."""
    for pause in (0.2, 0.5, 1.0, 2.0):
        # Who makes the tables at the same time as others is refused some of them.
        with contextlib.suppress(IntegrityError, ProgrammingError, InternalError):
            return _opened(url)
        time.sleep(pause)
    return _opened(url)


def _opened(url: str) -> BaseStorage:
    # A connection that the server has closed meanwhile is made anew.
    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})


def open_study(
    storage: BaseStorage, name: str, directions: Sequence[StudyDirection], question: dict[str, Any]
) -> Study:
    """The study of a name, which is made if there is none.

    Args:
        question: what is asked, in words that can be compared.

    Raises:
        DiagnosticError: there is a study of this name that asks something else (SP060).
    """
    with contextlib.suppress(KeyError):
        _refuse_other(name, optuna.load_study(storage=storage, study_name=name).user_attrs, question)
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    if QUESTION not in study.user_attrs:
        study.set_user_attr(QUESTION, question)
    # Somebody may have begun another search at the same time.
    _refuse_other(name, study.user_attrs, question)
    return study


def _refuse_other(name: str, attributes: dict[str, Any], question: dict[str, Any]) -> None:
    known = attributes.get(QUESTION)
    if known is None or known == question:
        return
    differing = [key for key in {**known, **question} if known.get(key) != question.get(key)]
    told = "; ".join(
        f"its {key}: {_told(known.get(key))}, not {_told(question.get(key))}" for key in differing
    )
    raise fail(
        "SP060", f"the study “{name}” is there already, and asks something else: {told}",
        help="name another folder with `-o`, or another study with `--study`",
    )  # fmt: skip


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def patiently(
    work: Callable[[], Result], where: str, tell: Callable[[str], None], patience: float | None = None
) -> Result:
    """Do something with a storage; try again for a while if it can't be reached.

    Args:
        patience: seconds, `PATIENCE` if None.

    Raises:
        DiagnosticError: it was away for longer (SP060).
    """
    until, pause = time.monotonic() + (PATIENCE if patience is None else patience), 0.5
    while True:
        try:
            return work()
        except TROUBLE as problem:
            if isinstance(problem, FileNotFoundError) or time.monotonic() + pause > until:
                raise _unreachable(where, problem) from problem
            tell(f"{where} can't be reached; trying again")
            time.sleep(pause)
            pause = min(2 * pause, 10.0)


def _unreachable(where: str, problem: Exception) -> DiagnosticError:
    cause = problem.__cause__ or problem
    detail = " ".join(str(cause).split())
    return fail(
        "SP060", f"“{where}” can't be reached: {detail[:200]}",
        help="nothing that was finished is lost; when it is there again, the same command goes on",
    )  # fmt: skip
