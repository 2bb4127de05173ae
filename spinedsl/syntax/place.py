"""Where the parser stopped, and what to do about it: what mistakes are told from."""

from __future__ import annotations

import re
from functools import cached_property

from lark import Token

from spinedsl.diagnostics import Edit, Fix
from spinedsl.records import record
from spinedsl.source import Source, Span


@record
class Place:
    """Where the parser stopped.

    Attributes:
        found: the word, sign or character that fits nothing, and where it starts.
        expected: terminals of the grammar that would have fitted.
        previous: the token before it.
    """

    source: Source
    found: str
    offset: int
    expected: frozenset[str]
    previous: Token | None

    @property
    def span(self) -> Span:
        """What was found."""
        return Span(self.source, self.offset, self.offset + len(self.found))

    @property
    def behind(self) -> str:
        """The rest of the line behind what was found."""
        end = self.source.text.find("\n", self.offset)
        return self.source.text[self.offset + len(self.found) : end if end >= 0 else None]

    @cached_property
    def before(self) -> str:
        """The line up to the token before, which is not in it."""
        at = self.offset if self.previous is None else self.previous.start_pos or 0
        return self.source.text[self.source.text.rfind("\n", 0, at) + 1 : at]

    @property
    def follows_name(self) -> bool:
        """Whether the token before is a name."""
        return self.previous is not None and self.previous.type == "NAME"

    def replaced(self, text: str, more: str = "", *, safe: bool = True) -> Fix:
        """A fix that writes something else for what was found, and for what stands right behind it."""
        span = Span(self.source, self.offset, self.offset + len(self.found) + len(more))
        title = f"write “{text.strip()}”" if text else f"remove “{self.found}”"
        return Fix(title, (Edit(span, text),), safe)

    def closed_text(self) -> Fix:
        """A fix that closes a text in quotes at the end of its line, before a comment."""
        line = self.found + self.behind
        end = self.offset + len(re.split(r"[{}#\r]", line, maxsplit=1)[0].rstrip())
        return Fix("close it", (Edit(Span(self.source, end, end), '"'),), safe=False)

    def inserted(self, text: str, at: int) -> Fix:
        """A fix that adds a sign."""
        return Fix(f"insert “{text.strip()}”", (Edit(Span(self.source, at, at), text),))


@record
class Meant:
    """An action, in words and perhaps as edits."""

    help: str
    fix: Fix | None = None
