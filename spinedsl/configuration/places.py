"""Where the keys of a TOML document stand, which tomllib doesn't tell.

What is here: spans of keys and of elements of arrays, in a text that tomllib has read without complaint.
What is not: their values.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import TypeAlias

from spinedsl.source import Source, Span

Keys: TypeAlias = tuple[str | int, ...]
"""Keys from the outermost table inwards; an element of an array is its index."""

_TOKEN = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<line>\n)|(?P<sign>[\[\]{}=,.])|(?P<word>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


def places(source: Source, section: tuple[str, ...]) -> dict[Keys, Span]:
    """The place of every key at or below a section, and of every element of its arrays.

    Args:
        source: valid TOML.
        section: keys that lead to a table; others aren't looked into.
    """
    return _Reader(source, section).read()


class _Reader:
    def __init__(self, source: Source, section: tuple[str, ...]) -> None:
        self.source = source
        self.section = section
        self.tokens = [m for m in _TOKEN.finditer(source.text) if m.lastgroup != "comment"]
        self.at = 0
        self.found: dict[Keys, Span] = {}

    def read(self) -> dict[Keys, Span]:
        table: Keys = ()
        while self.at < len(self.tokens):
            if self._skip("\n"):
                continue
            if self._skip("["):
                doubled = self._skip("[")
                table = self._key(())
                self._skip("]")
                if doubled:
                    self._skip("]")
            else:
                self._pair(table)
        return self.found

    def _peek(self) -> str:
        return self.tokens[self.at].group() if self.at < len(self.tokens) else ""

    def _skip(self, sign: str) -> bool:
        found = self._peek() == sign
        self.at += found
        return found

    def _pair(self, table: Keys) -> None:
        """`key = value`."""
        path = self._key(table)
        self._skip("=")
        self._value(path)

    def _key(self, table: Keys) -> Keys:
        """A key, perhaps dotted."""
        path = table
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            path = (*path, _name(token))
            self._keep(path, token.start(), token.end())
            if not self._skip("."):
                break
        return path

    def _value(self, path: Keys) -> None:
        if self._skip("{"):
            for _ in self._members("}"):
                self._pair(path)
        elif self._skip("["):
            for index in self._members("]"):
                start = self.at
                self._value((*path, index))
                if start < self.at <= len(self.tokens):
                    self._keep((*path, index), self.tokens[start].start(), self.tokens[self.at - 1].end())
        else:
            # A number may hold a dot, a date spaces: all up to the next sign.
            while self.at < len(self.tokens) and self._peek() not in (",", "]", "}", "\n"):
                self.at += 1

    def _members(self, end: str) -> Iterator[int]:
        """The members of an array or inline table, each to be read by the caller."""
        index = 0
        while self.at < len(self.tokens):
            while self._skip("\n") or self._skip(","):
                pass
            if self._skip(end) or self.at >= len(self.tokens):
                return
            before = self.at
            yield index
            index += 1
            # Whatever stands there, it is passed over.
            self.at += self.at == before

    def _keep(self, path: Keys, start: int, end: int) -> None:
        if path[: len(self.section)] == self.section[: len(path)]:
            self.found.setdefault(path, Span(self.source, start, end))


def _name(token: re.Match[str]) -> str:
    text = token.group()
    if token.lastgroup != "text":
        return text
    name = tomllib.loads(f"name = {text}")["name"]
    assert isinstance(name, str)
    return name
