"""The files that answers of checks are kept in: a few of JSON in one folder.

1. They are written whole or not at all, by any number of processes at once: what the last one doesn't know
   is checked again.
2. A file that is damaged, too large, or that somebody else can have written is not looked at, and a disk
   that doesn't want them gets none. All of that costs time only, so nobody is told.
3. They stay small: what wasn't used for a month goes, and the oldest where there are too many.

What is not here: what answers mean, and when they hold (spinedsl/checking/cache.py).
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from spinedsl.records import record

FORMAT = 1
MAX_BYTES = 1 << 21
"""Of a file; there are sixteen."""
MAX_KEYS = 2_000
"""In a file."""
MAX_ANSWERS = 4
"""For one content: beside other imports, or on other branches, it has another answer."""
KEPT_DAYS = 30
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by spinec. See https://bford.info/cachedir/\n"


@record
class Answer:
    """That a file was fine.

    Attributes:
        day: when it was last used, in days.
        asked: path that was looked at, where it led, digest of what is there; empty if nothing.
        networks: names, with how many expectations were proved.
        others: how many definitions, conventions and spaces the file declares.
    """

    day: int
    asked: tuple[tuple[str, str, str], ...]
    networks: tuple[tuple[str, int], ...]
    others: int


Answers = dict[str, list[Answer]]
"""By key; the one used last comes first."""


def read_answers(folder: Path, name: str) -> Answers:
    """The answers whose keys begin with a character; none if they can't be trusted."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        if not _is_ours(folder.stat(), stat.S_ISDIR):
            return {}
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(_path(folder, name), flags), "rb") as file:  # noqa: PTH123
            if not _is_ours(os.fstat(file.fileno()), stat.S_ISREG):
                return {}
            data = file.read(MAX_BYTES + 1)
        document = json.loads(data) if len(data) <= MAX_BYTES else {}
        if document.get("format") == FORMAT:
            return {key: [_answer(*raw) for raw in answers] for key, answers in document["answers"].items()}
    return {}


def add_answers(folder: Path, fresh: Mapping[str, Mapping[str, Answer]], today: int) -> None:
    """Add answers, by the first character of their keys; never raises."""
    with suppress(OSError, ValueError):  # a path with a NUL character
        if _prepared(folder):
            for name, answers in fresh.items():
                _write(folder, name, _merged(read_answers(folder, name), answers, today))


def _merged(known: Answers, fresh: Mapping[str, Answer], today: int) -> bytes:
    for key, answer in fresh.items():
        others = [a for a in known.get(key, ()) if a.asked != answer.asked]
        known[key] = [answer, *others][:MAX_ANSWERS]
    recent = [(key, found) for key, found in known.items() if found and found[0].day > today - KEPT_DAYS]
    kept = sorted(recent, key=lambda item: -item[1][0].day)[:MAX_KEYS]
    while len(data := _written(kept)) > MAX_BYTES:
        kept = kept[: len(kept) // 2]
    return data


def _write(folder: Path, name: str, data: bytes) -> None:
    temporary = folder / f".{name}-{os.urandom(8).hex()}.tmp"
    try:
        # Not open to others whatever the umask, or the file would not be trusted.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(data)
        temporary.replace(_path(folder, name))
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    return folder / f"check-{name}.json"


def _prepared(folder: Path) -> bool:
    """Whether a folder can be used; it is made if it isn't there."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "CACHEDIR.TAG").write_text(_TAG)
        (folder / ".gitignore").write_text("*\n")
    return _is_ours(folder.stat(), stat.S_ISDIR)


def _is_ours(status: os.stat_result, kind: Any) -> bool:
    """Whether only this user can have written something."""
    if not kind(status.st_mode):
        return False
    return sys.platform == "win32" or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _answer(day: object, asked: Any, networks: Any, others: object) -> Answer:
    """An answer as it was written.

    Raises:
        ValueError, TypeError: it isn't of that form.
    """
    return Answer(
        _number(day),
        tuple((_word(path), _word(led), _word(digest)) for path, led, digest in asked),
        tuple((_word(name), _number(count)) for name, count in networks),
        _number(others),
    )


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _written(answers: Sequence[tuple[str, list[Answer]]]) -> bytes:
    plain = {key: [(a.day, a.asked, a.networks, a.others) for a in found] for key, found in answers}
    return json.dumps({"format": FORMAT, "answers": plain}, separators=(",", ":")).encode()
