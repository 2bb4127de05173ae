"""Source texts and the spans that point into them.

What is here: reading a file defensively, and turning offsets into lines and columns.
What is not: anything that knows the language.
"""

from __future__ import annotations

import bisect
import os
import stat
from dataclasses import field
from functools import cached_property
from pathlib import Path

from spinedsl.records import record

MAX_SOURCE_BYTES = 1 << 20
"""Largest source accepted, in bytes: about 20,000 blocks."""


class SourceProblem(Exception):
    """A file that can't be taken as a source text.

    Args:
        code: the diagnostic code that describes it.
        message: one sentence for the user.
        help: what to do about it.
    """

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


@record
class Source:
    """A named text. `name` is what the user typed, `path` the file if there is one.

    A file that is asked for and imported, too, has two paths that lead there, and is one source.
    """

    name: str
    text: str
    path: Path | None = field(default=None, compare=False)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (both from 1) of a character offset."""
        line = bisect.bisect_right(self._line_starts, offset) - 1
        return line + 1, offset - self._line_starts[line] + 1

    def line(self, number: int) -> str:
        """Text of line `number` (from 1), without its newline."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@record
class Span:
    """A half-open range of characters `[start, end)` in a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        """First line, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """First column, from 1."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """The characters the span covers."""
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


def from_here(path: str | Path) -> str:
    """A path from the working folder if it lies below it, else from the root.

    As it was given, if the working folder was removed.
    """
    try:
        here = Path.cwd()
    except OSError:
        return str(path)
    place = Path(os.path.normpath(here / path))
    return str(place.relative_to(here) if place.is_relative_to(here) else place)


class Files:
    """Where source texts are read from: here, the disk.

    What reads them elsewhere derives from it: an editor's unsaved texts, a revision of a repository.
    """

    def resolve(self, path: Path) -> Path:
        """Where a path leads when links are followed.

        Raises:
            OSError, ValueError, RuntimeError: it can't be a path.
        """
        return path.resolve()

    def holds(self, path: Path) -> bool:
        """Whether there is a file at a path; never raises."""
        return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises on odd names)

    def read(self, path: Path, name: str | None = None) -> Source:
        """The text at a path, which diagnostics call `name`.

        Raises:
            SourceProblem: it can't be read as a source text.
        """
        return read_source(path, name)


DISK = Files()


def read_source(path: Path, name: str | None = None) -> Source:
    """Read `path` as a source text.

    Only regular files of at most `MAX_SOURCE_BYTES` are read, so that a pipe, a device or a huge
    file costs neither time nor memory.

    Raises:
        SourceProblem: the file is missing, too large, not UTF-8, or holds NUL bytes.
    """
    name = name or str(path)
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceProblem(
                    "SP001", f"can't read “{name}”: not a regular file", "give the path of a .spine file"
                )
            data = _read(descriptor, MAX_SOURCE_BYTES + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise SourceProblem(
            "SP001", f"can't read “{name}”: {reason.lower()}", "check the path and its permissions"
        ) from None
    if len(data) > MAX_SOURCE_BYTES:
        raise SourceProblem(
            "SP002",
            f"“{name}” has {max(status.st_size, len(data)):,} bytes, more than the {MAX_SOURCE_BYTES:,} allowed",
            "split it into files joined by `import`, or check that it is a .spine file",
        )
    return source_from_bytes(data, name, path)


def _read(descriptor: int, most: int) -> bytes:
    parts = []
    while most > 0 and (part := os.read(descriptor, most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def source_from_bytes(data: bytes, name: str, path: Path | None = None) -> Source:
    """Decode `data` as UTF-8 without NUL bytes; a byte order mark is dropped.

    Raises:
        SourceProblem: the bytes are no text.
    """
    nul = data.find(0)
    if nul >= 0:
        raise SourceProblem(
            "SP004",
            f"“{name}” holds a NUL byte, so it is not a text file",
            "give the path of a .spine file, saved as UTF-8",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise SourceProblem(
            "SP003",
            f"“{name}” is not valid UTF-8: byte 0x{data[problem.start]:02x} in line {line}",
            "save the file as UTF-8",
        ) from None
    return Source(name, text.removeprefix("\ufeff"), path)
