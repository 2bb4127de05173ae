"""Offsets in a text, and the lines and columns in which editors count.

An editor counts columns in code units of the encoding it agreed on, by default UTF-16, and ends lines
at `\\n`, `\\r\\n` and `\\r`. Offsets count characters. Positions outside of the text are drawn into it, as
the protocol demands.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import field
from functools import cached_property
from typing import Literal

from spinedsl.records import record

Encoding = Literal["utf-8", "utf-16", "utf-32"]
_LINE_END = re.compile(r"\r\n|\n|\r")
_UNIT = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


@record
class Lines:
    """A text as an editor counts in it."""

    text: str = field(repr=False)
    encoding: Encoding = "utf-16"

    @cached_property
    def starts(self) -> list[int]:
        """Offset of the first character of each line."""
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 0, of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self.starts, offset) - 1
        return line, self._units(self.text[self.starts[line] : offset])

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column; a column in the middle of a character is its beginning."""
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        start = self.starts[line]
        text = self.line(line)
        column = max(0, column)
        if text.isascii():
            return start + min(column, len(text))
        return start + _characters(text, column, self.encoding)

    def line(self, number: int) -> str:
        """A line, from 0, without what ends it."""
        start = self.starts[number]
        last = number + 1 == len(self.starts)
        return self.text[start : None if last else self.starts[number + 1]].rstrip("\r\n")

    def width(self, start: int, end: int) -> int:
        """Code units between two offsets of one line."""
        return self._units(self.text[start:end])

    def _units(self, text: str) -> int:
        if self.encoding == "utf-32" or text.isascii():
            return len(text)
        return len(_encoded(text, self.encoding)) // _UNIT[self.encoding]


def _characters(text: str, units: int, encoding: Encoding) -> int:
    """How many whole characters of a line fit into code units."""
    for index, character in enumerate(text):
        units -= len(_encoded(character, encoding)) // _UNIT[encoding]
        if units < 0:
            return index
    return len(text)


def _encoded(text: str, encoding: Encoding) -> bytes:
    # JSON can hold halves of characters; they count, too.
    return text.encode("utf-8" if encoding == "utf-8" else f"{encoding}-le", "surrogatepass")
