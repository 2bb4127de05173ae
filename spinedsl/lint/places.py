"""What comments speak of."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from spinedsl.source import Source, Span
from spinedsl.syntax.layout import Unit, Whole, units_of
from spinedsl.syntax.parser import parse

Range: TypeAlias = tuple[int, int]
"""From an offset to another."""

NOTHING: Range = (0, 0)
_COMMENT = re.compile(r'"[^"\n]*"|(?P<comment>#[^\n]*)')
_WORD = re.compile(r"\S")


def places_of(source: Source, wanted: re.Pattern[str]) -> Iterator[tuple[Span, Range]]:
    """The comments of a source that begin as wanted, in order, each with what it speaks of.

    1. On a line of its own: what is declared next, whole, if nothing but comments stand between.
    2. At a line's end: what ends right before it; behind a brace, the head before that.
    3. In the middle of a declaration: the declaration.

    Raises:
        DiagnosticError: the text is not of the language.
    """
    comments = [found for found in _COMMENT.finditer(source.text) if found["comment"]]
    if not any(wanted.match(found["comment"]) for found in comments):
        return
    units = _Units(units_of(parse(source), source.text))
    following = _following(source.text, comments)
    for found, behind in zip(comments, following, strict=True):
        if wanted.match(found["comment"]):
            start = found.start()
            line = source.text.rfind("\n", 0, start) + 1
            alone = not source.text[line:start].strip()
            place = units.starting(behind) if alone else None
            place = place or units.ending(start, source.text) or units.around(start)
            yield Span(source, start, start + len(found["comment"].rstrip())), place


def _following(text: str, comments: Sequence[re.Match[str]]) -> list[int]:
    """For each comment, where the next word stands that isn't in one."""
    places: list[int] = []
    after = len(text)
    for index in range(len(comments) - 1, -1, -1):
        next_comment = comments[index + 1].start() if index + 1 < len(comments) else len(text)
        word = _WORD.search(text, comments[index].end(), next_comment)
        after = word.start() if word else after
        places.append(after)
    return places[::-1]


class _Units:
    """The units of a file, by where they start and end."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.starts: dict[int, Unit] = {}
        self.ends: dict[int, Range] = {}
        stack = list(units)
        while stack:
            unit = stack.pop()
            self.starts[unit.start] = unit
            self.ends[unit.end] = (unit.start, unit.end)
            whole = unit if isinstance(unit, Whole) else None
            while whole is not None:
                self.ends[whole.opening + 1] = (whole.start, whole.opening + 1)
                stack += whole.children
                whole = whole.otherwise
        self.sorted_starts = sorted(self.starts)
        self.sorted_ends = sorted(self.ends)

    def starting(self, offset: int) -> Range | None:
        """The unit that starts at an offset."""
        unit = self.starts.get(offset)
        return None if unit is None else (unit.start, unit.end)

    def ending(self, offset: int, text: str) -> Range | None:
        """What ends before an offset, with only spaces between, on the same line."""
        index = bisect_right(self.sorted_ends, offset)
        if not index:
            return None
        end = self.sorted_ends[index - 1]
        between = text[end:offset]
        return None if between.strip() or "\n" in between else self.ends[end]

    def around(self, offset: int) -> Range:
        """The declaration, or the head of what has a body, in which an offset lies."""
        index = bisect_right(self.sorted_starts, offset)
        if index:
            unit = self.starts[self.sorted_starts[index - 1]]
            end = unit.opening + 1 if isinstance(unit, Whole) else unit.end
            if offset < end:
                return unit.start, end
        return NOTHING
