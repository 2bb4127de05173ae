"""Comparing what a command prints with what a page says it prints."""

from __future__ import annotations

import re

VOLATILE = re.compile(r"(?P<left_out>…)|(?P<rounding>\d\.\de-\d\d)|(?P<version>\d+\.\d+\.\d+(?:\+\w+)?)")
ANY = {"left_out": r".*", "rounding": r"\d\.\de-\d\d", "version": r"\d+\.\d+\.\d+\S*"}
"""What may differ: what a page leaves out, differences of rounding, versions."""


def agrees(actual: str, expected: str) -> bool:
    """Whether they are equal, but for what may differ; a line `…` stands for any lines."""
    pattern = "".join(_pattern(line) for line in _lines(expected))
    return re.fullmatch(pattern, "".join(line + "\n" for line in _lines(actual))) is not None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:.*\n)*?"
    pattern, end = "", 0
    for token in VOLATILE.finditer(line):
        assert token.lastgroup is not None
        pattern += re.escape(line[end : token.start()]) + ANY[token.lastgroup]
        end = token.end()
    return pattern + re.escape(line[end:]) + r"\n"
