"""What the lines of a text say of its structure: newlines mean nothing to the grammar, but people indent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spinedsl.source import Source, Span

_FILLED = re.compile(r"^[ \t]*(?=[^ \t\r\n#])", re.MULTILINE)
"""The indentation of a line that holds more than a comment."""
_REST = re.compile(r"[ \t]*(?:#|\r?$)", re.MULTILINE)
"""What stands behind the last word of a line."""
_BRACES = re.compile(r"""#[^\n]*|"[^"\n]*"|[{}]""")
_WORD = re.compile(r"\w+|\S")


def line_start(source: Source, offset: int) -> int:
    """Where the line begins that holds an offset."""
    return source.text.rfind("\n", 0, offset) + 1


def indentation(source: Source, offset: int) -> int:
    """How many blanks the line that holds an offset starts with."""
    before = source.text[line_start(source, offset) : offset]
    return len(before) - len(before.lstrip(" \t"))


def filled_lines(source: Source, offset: int, end: int) -> Iterator[int]:
    """Where lines that hold something begin to, from the line behind an offset on."""
    first = source.text.find("\n", offset, end)
    if first >= 0:
        for match in _FILLED.finditer(source.text, first + 1, end):
            yield match.end()


def ends_line(source: Source, offset: int) -> bool:
    """Whether nothing but a comment stands behind an offset."""
    return _REST.match(source.text, offset) is not None


def word_at(source: Source, offset: int) -> Span:
    """The word or sign that starts somewhere."""
    word = _WORD.match(source.text, offset)
    return Span(source, offset, word.end() if word else offset)


def closings(source: Source, start: int, end: int) -> int:
    """How many bodies a part of the text closes that it doesn't open."""
    depth = closed = 0
    for match in _BRACES.finditer(source.text, start, end):
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            closed += depth == 0
            depth = max(0, depth - 1)
    return closed


def mispaired(source: Source, end: int) -> tuple[int, int] | None:
    """The first brace whose partner, by its indentation, belongs to a body around it; and that partner."""
    text, opened = source.text, []
    for match in _BRACES.finditer(text, 0, end):
        sign, at = match.group(), match.start()
        if sign == "{":
            opened.append(at)
        elif sign == "}" and opened:
            brace = opened.pop()
            starts_line = not text[line_start(source, at) : at].strip(" \t")
            if (
                starts_line
                and "\n" in text[brace:at]
                and indentation(source, at) < indentation(source, brace)
            ):
                return brace, at
    return None
