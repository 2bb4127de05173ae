"""Canonical texts print to themselves, and printing loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import SPEC_FILES, SPEC_IDS

from spinedsl.source import Source
from spinedsl.syntax import printer
from spinedsl.syntax.parser import parse

CORPUS = Path(__file__).parent / "identity.spine"
"""One text in canonical form: every construct of the language is in it."""


def test_canonical_text_prints_to_itself() -> None:
    text = CORPUS.read_text(encoding="utf-8")
    assert printer.file(parse(Source("identity", text))) == text


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_specs_survive_printing(path: Path) -> None:
    written = parse(Source(path.name, path.read_text(encoding="utf-8")))
    text = printer.file(written)
    again = parse(Source("printed", text))
    assert again == written
    assert printer.file(again) == text
    # Documentation takes no part in comparison, but must not get lost either.
    assert [getattr(i, "doc", "") for i in again.items] == [getattr(i, "doc", "") for i in written.items]


EXPRESSIONS = [
    "1 + 2 * 3",
    "(1 + 2) * 3",
    "1 - 2 - 3",
    "1 - (2 - 3)",
    "8 / 4 / 2",
    "8 / (4 / 2)",
    "-a * b",
    "-(a * b)",
    "- -1".replace(" ", ""),
    "2 * -1",
    "not a and b",
    "not (a and b)",
    "a or b and c",
    "(a or b) and c",
    "not not a",
    "(a < b) == true",
    "a + 1 <= b - 1",
    "max(1, floor(0.2 * input.channels))",
    "(a or b) == (c and d)",
    "(not a) == b",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_keep_exactly_the_parentheses_they_need(text: str) -> None:
    definition = parse(Source("e", f"part p -> {text} {{}}")).items[0]
    assert printer.expression(definition.result) == text


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("a or b and c", "a or (b and c)"),
        ("not a == b", "not (a == b)"),
        ("not a and b", "(not a) and b"),
        ("-a + b", "(-a) + b"),
        ("-a * b", "(-a) * b"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("8 / 4 * 2", "(8 / 4) * 2"),
        ("a + b < c * d", "(a + b) < (c * d)"),
        ("a < b and c < d", "(a < b) and (c < d)"),
        ("a and b or c and d", "(a and b) or (c and d)"),
    ],
)
def test_precedence(text: str, grouped: str) -> None:
    first, second = parse(Source("e", f"part p -> {text} {{}} part q -> {grouped} {{}}")).items
    assert first.result == second.result
