"""Excerpts and carets: where they stand, and that nothing commands the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinedsl.cli.render import MAX_COLUMNS, Renderer, as_json
from spinedsl.diagnostics import Diagnostic, Label, Severity
from spinedsl.source import Source, Span


def shown(text: str, start: int, end: int, label: str = "", name: str = "a.spine") -> list[str]:
    place = Label(Span(Source(name, text), start, end), label)
    return (
        Renderer(io.StringIO(), colour=False).text(Diagnostic("SP010", "message", primary=place)).splitlines()
    )


def marked(text: str, start: int, end: int) -> str:
    """What stands above the carets."""
    _, _, _, excerpt, carets, *_ = shown(text, start, end)
    first = carets.index("^")
    return excerpt[first : first + carets.count("^")]


@pytest.mark.parametrize(
    ("text", "word", "above"),
    [
        ("repeat two", "two", "two"),
        ("\trepeat\ttwo", "two", "two"),
        ("one\ntwo\nthree", "two", "two"),
        ("é – two", "two", "two"),
        ("first\nsecond", "st\nsec", "st"),
        ("x" * 1000 + " two " + "y" * 1000, "two", "two"),
        ("two" + "y" * 1000, "two", "two"),
        ("x" * 1000 + "two", "two", "two"),
        ("a\r\ntwo\r\nb", "two", "two"),
    ],
)
def test_carets_stand_below_what_they_mean(text: str, word: str, above: str) -> None:
    start = text.index(word)
    assert marked(text, start, start + len(word)) == above


@given(st.text(alphabet="ab\t\n é", min_size=1, max_size=60), st.data())
def test_carets_stand_below_any_span(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    line = text[start:end].split("\n")[0]
    if line:
        assert marked(text, start, end) == line.replace("\t", "    ")


def test_long_lines_are_cut() -> None:
    lines = shown("x" * 5000 + " two", 5001, 5004)
    assert max(map(len, lines)) < MAX_COLUMNS + 20


def test_places_count_from_one() -> None:
    assert shown("one\ntwo", 4, 7)[1] == "  --> a.spine:2:1"


def test_a_file_without_text_has_no_excerpt() -> None:
    assert shown("", 0, 0) == ["error[SP010]: message", "  --> a.spine"]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\x9b31m", "\r", "\u202e", "\x00", "\u2028"])
def test_nothing_commands_the_terminal(evil: str) -> None:
    place = Label(Span(Source(f"a{evil}.spine", f"x{evil}y\n"), 0, 3), f"label{evil}")
    diagnostic = Diagnostic("SP010", f"message{evil}", Severity.ERROR, place, (place,), f"help{evil}")
    text = Renderer(io.StringIO(), colour=False).text(diagnostic)
    assert evil not in text
    assert text.count("\N{REPLACEMENT CHARACTER}") >= 5


def test_several_errors_are_counted() -> None:
    stream = io.StringIO()
    error = Diagnostic("SP010", "message")
    Renderer(stream, colour=False).show([error, error, Diagnostic("SP043", "said", Severity.WARNING)])
    assert stream.getvalue().endswith("2 errors\n")


def test_json_has_both_ends() -> None:
    source = Source("a.spine", "one\ntwo three")
    place = Label(Span(source, 1, 7), "here")
    assert as_json(Diagnostic("SP010", "m", primary=place))["location"] == {
        "file": "a.spine", "line": 1, "column": 2, "end_line": 2, "end_column": 4, "label": "here",
    }  # fmt: skip
    assert as_json(Diagnostic("SP010", "m"))["location"] is None
