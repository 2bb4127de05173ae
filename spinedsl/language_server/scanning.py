"""The words and signs of a text, whatever they add up to: for what must work in broken texts too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spinedsl.records import record

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>"[^"\n]*(?:"|(?=\n)|\Z))
    |(?P<number>[0-9]+x[0-9]+(?![0-9A-Za-z_])|[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+|[KMGT]\b|%)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<sign><-|->|=>|\.\.|<=|>=|==|!=|[^\s])""",
    re.VERBOSE,
)


@record
class Token:
    """A word, sign, text or comment.

    Attributes:
        kind: `comment`, `string`, `number`, `name` or `sign`.
    """

    kind: str
    text: str
    start: int
    end: int


def scan(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """Everything but blanks between two offsets, in order."""
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        yield Token(match.lastgroup or "", match.group(), match.start(), match.end())
