"""A pyproject.toml as text and values, with the place of every key of interest."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from spinedsl.configuration.places import Keys, places
from spinedsl.diagnostics import fail
from spinedsl.records import record
from spinedsl.source import Files, Source, SourceProblem, Span

SECTION = ("tool", "spinec")
REMEDY = "mend it, or give another file with `--config`"
MAX_HALVED = 1 << 16
"""Characters of a text whose bad line is searched for where tomllib doesn't tell: each try reads it anew."""
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)$")


@record
class Document:
    """A file that is TOML, or wasn't looked into.

    Attributes:
        folder: where it is.
    """

    source: Source
    folder: Path

    @property
    def concerns_spinec(self) -> bool:
        """Whether it has the section."""
        # What others got wrong in files that don't even name spinec is their business.
        return "spinec" in self.source.text and self.section is not None

    @property
    def section(self) -> Any:
        """The value of `[tool.spinec]`, a table if it is right; None if there is none."""
        value: Any = self._values
        for key in SECTION:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @cached_property
    def _values(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.source.text)
        except ValueError as problem:
            # Not only TOMLDecodeError: Python refuses numbers of thousands of digits.
            raise fail(
                "SP010", f"“{self.source.name}” is not TOML", _bad_line(self.source, problem), help=REMEDY
            ) from None
        except RecursionError:
            raise fail(
                "SP006", f"“{self.source.name}” nests too deeply", Span(self.source, 0, 0), help=REMEDY
            ) from None

    @cached_property
    def _places(self) -> dict[Keys, Span]:
        try:
            return places(self.source, SECTION)
        except RecursionError:
            return {}

    def place(self, path: Keys) -> Span:
        """Where something stands, or else the nearest of what holds it."""
        while path:
            if path in self._places:
                return self._places[path]
            path = path[:-1]
        return Span(self.source, 0, 0)


def open_document(path: Path, files: Files) -> Document:
    """The document at a path.

    Raises:
        DiagnosticError: it can't be read (SP001–SP004).
    """
    name = str(path)
    with suppress(OSError, ValueError):
        # Below the working folder, if there is one.
        path = path.absolute()
        name = str(path.relative_to(Path.cwd()))
    try:
        source = files.read(path, name)
    except SourceProblem as problem:
        raise fail(problem.code, problem.message, Span(Source(name, ""), 0, 0), help=REMEDY) from None
    return Document(source, path.parent)


def _bad_line(source: Source, problem: ValueError) -> Span:
    """The line that isn't TOML: the one that tomllib tells, or else the first by which all is lost."""
    lines = source.text.split("\n")
    told = getattr(problem, "lineno", None)  # since Python 3.14
    if told is None:
        said = _AT_LINE.search(str(problem))
        told = int(said[1]) if said else None
    at_end = "end of document" in str(problem)
    if told is None or at_end or not 0 < told <= len(lines):
        # Where something is opened that the end of the document doesn't close.
        index = _first_bad(lines) if len(source.text) <= MAX_HALVED else 0
    else:
        index = told - 1
    start = sum(len(line) + 1 for line in lines[:index])
    return Span(source, start, start + len(lines[index].rstrip()))


def _first_bad(lines: Sequence[str]) -> int:
    """The index of the last line that is needed for a text not to be TOML.

    Lines above it may be unfinished, but more lines don't mend what is wrong: it is found by halving.
    """
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            tomllib.loads("\n".join(lines[:middle]))
            good = middle
        except (ValueError, RecursionError):
            bad = middle
    return good
