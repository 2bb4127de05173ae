"""Finding the messages in what a client sends, also behind a damaged one.

pygls waits for a header of its own form and forgets where it was when a length is wrong: one bad
message, and it hears nothing any more. Here a header is found wherever it begins.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO

MAX_MESSAGE = 64 << 20
"""Longest message taken, in bytes; a source has at most 1 MiB."""
MAX_LINE = 1 << 16
HEADER = b"Content-Length: "
_LENGTH = re.compile(rb"Content-Length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)
_SWALLOWED = re.compile(rb"Content-Length:[ \t]*[0-9]*[ \t]*(?:\r?\n|\r?\Z)", re.IGNORECASE)
_NO_JSON = b"-"


class Frames(io.RawIOBase):
    """What pygls reads instead of standard input: headers in the one form it knows."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self._left = b""

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line of a header, at most `MAX_LINE` bytes of it; empty at the end."""
        line = self._line()
        lengths = _LENGTH.findall(line)
        if lengths and int(lengths[-1]) <= MAX_MESSAGE:
            return b"%s%s\r\n" % (HEADER, lengths[-1])
        # Only an empty line ends a header.
        return b"\r\n" if line and not line.strip() else line and b"-\r\n"

    def _line(self) -> bytes:
        end = self._left.find(b"\n") + 1
        if end:
            line, self._left = self._left[:end], self._left[end:]
        else:
            line, self._left = self._left + self.stream.readline(MAX_LINE), b""
        return line

    def read(self, size: int = -1, /) -> bytes:
        """The body of a message; less only at the end.

        A header inside of it ends it: the length before was wrong. JSON has no line breaks in its
        texts, and ends in a bracket, so no body holds such a line.
        """
        missing = size - len(self._left)
        body = self._left + (self.stream.read(missing) if missing > 0 else b"")
        body, self._left = body[:size], body[size:]
        start = _swallowed(body)
        if start is None:
            return body
        self._left = body[start:] + self._left
        return body[:start] or _NO_JSON


def _swallowed(body: bytes) -> int | None:
    """Where the header of the next message begins in a body, if there is one."""
    found = _SWALLOWED.search(body)
    if found:
        return found.start()
    tail = max((n for n in range(1, len(HEADER)) if body.endswith(HEADER[:n])), default=0)
    return len(body) - tail if tail else None
