"""Several syntax errors in one run, and what stands beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput
from support import rendered

from spinedsl import resources
from spinedsl.diagnostics import DiagnosticError
from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.grammar import parser
from spinedsl.syntax.parser import Parsed, parse, parse_what_stands
from spinedsl.syntax.recovery import MAX_SYNTAX_ERRORS

MANY = """\
network a {
  title “Net”
  input 3 × 64 × 64
  width { 2: 64, 3: 128 }
  repaet 2
  stem { conv 7x7 / 2 -> 64, norm, act
    s0: bottleneck @2
  b0: bottleneck 3 <- s0
  b1: bottleneck @3 -> b0, s0;
  b2 bottleneck @3 <- b0 b1 -> P3
  b3: bottleneck @3 <- b0, b1 -> P3
  repeat = 2

network b extends a {
  resample cross_scale(alpha: 0.5)
  zorp 3
}
"""
SPECS = sorted(resources.folder("specs").rglob("*.spine"))
WORD = re.compile(r'"[^"\n]*"|\w+|->|<-|=>|\.\.|[^\s\w]')


def parsed(text: str) -> Parsed:
    return parse_what_stands(Source("a.spine", text))


def lines(text: str) -> list[int]:
    """Where something is wrong."""
    return [d.primary.span.line for d in parsed(text).diagnostics if d.primary is not None]


def declared(found: Parsed) -> list[str]:
    """The first words of every declaration that stands."""
    assert found.file is not None
    declarations = []
    for item in found.file.items:
        assert not isinstance(item, nodes.Import)
        declarations.append(item.name.text)
        declarations += [d.span.text.split()[0] for d in getattr(item, "declarations", ())]
    return declarations


def test_many_at_once() -> None:
    """The mistakes of one file, each at its own line, none twice."""
    assert lines(MANY) == [1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 15, 16]
    with pytest.raises(DiagnosticError) as caught:
        parse(Source("a.spine", MANY))
    assert len(caught.value.diagnostics) == 12


def test_what_stands_of_many() -> None:
    assert declared(parsed(MANY)) == ["a", "width", "stem", "b3:", "b"]


@pytest.mark.parametrize(
    ("text", "where", "stand"),
    [
        ("network a {\n  repeat 2 2\n  stack 2\n}\n", [2], ["a", "repeat", "stack"]),
        ("network a {\n  repeat\n  stack 2\n}\n", [3], ["a", "repeat"]),
        ("network a {\n  stack 2\n  b: k @3 <-\n}\n", [4], ["a", "stack"]),
        ("network a {\n  b: k @3 <- c,\n    d -> P3\n  stack 2\n}\n", [3], ["a", "b:", "stack"]),
        ("network a {\n  stack 2\n\nnetwork b { }\n", [1], ["a", "stack", "b"]),
        ("network a {\n  stem {\n    norm\n  stack 2\n}\n", [2], ["a", "stem", "stack"]),
        ("network a {\n  width {\n  stack 2\n}\nnetwork b { }\n", [2, 3], ["a", "b"]),
        ("network a exteds b {\n  stack 2\n}\nnetwork b { }\n", [1], ["b"]),
        ("network a { } }\nnetwork b { }\n", [1], ["a", "b"]),
        ("network a {\n  stack 2\n}\n  repeat 2\n  repeat 3\nnetwork b { }\n", [4], ["a", "stack", "b"]),
        ("network a {\n  stack 2\n", [2], ["a", "stack"]),
        ("network a { stack 2 ; repeat 2 }\n", [1], ["a", "stack"]),
        ("network a {\nrepaet 2\nstack 2\n}\n", [2], ["a"]),
        ("network a {\n\tstack\n\trepeat 2\n}\n", [3], ["a", "stack"]),
        ("block k(width) -> width {\n  conv 3 x 3\n  norm\n}\nnetwork b { }\n", [2], ["k", "b"]),
        ("block k(width) -> width {\n  norm\nnetwork b { }\n", [1], ["k", "b"]),
        ("block k(width) -> width {\n  when down {\n    norm\n  act\n}\nnetwork b { }\n", [2], ["k", "b"]),
        ("network a {\n  repeat 2\nx}\n", [3], ["a", "repeat"]),
        ("@\n@\n@\nnetwork b { }\n", [1], ["b"]),
        ("£", [1], []),
        ("network a { stack 10000000000000000000000000000000000000000000 repaet 2 }", [1, 1], ["a"]),
    ],
)
def test_going_on(text: str, where: list[int], stand: list[str]) -> None:
    found = parsed(text)
    assert lines(text) == where, rendered(found.diagnostics)
    assert ([] if found.file is None else declared(found)) == stand


def test_no_more_than_the_limit() -> None:
    text = "network a {\n" + "  repeat = 2\n" * (MAX_SYNTAX_ERRORS + 5) + "}\n"
    assert lines(text) == list(range(2, MAX_SYNTAX_ERRORS + 2))


def test_time_is_linear_in_the_text() -> None:
    """20,000 broken lines are looked at once each, not once an error."""
    text = "network a {\n" + "  b: k @3 -> a\n" * 20_000 + "}\n"
    assert len(lines(text)) == MAX_SYNTAX_ERRORS


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_lost_word_is_one_error(data: st.DataObject) -> None:
    """Whatever word or sign of whatever spec is missing: at most two errors, and the rest stands."""
    path: Path = data.draw(st.sampled_from(SPECS))
    text = path.read_text(encoding="utf-8")
    words = list(WORD.finditer(re.sub("#[^\n]*", lambda m: " " * len(m.group()), text)))
    lost = data.draw(st.sampled_from(words))
    whole = parsed(text)
    found = parsed(text[: lost.start()] + text[lost.end() :])
    assert len(found.diagnostics) <= 2
    assert whole.file is not None and found.file is not None
    assert len(found.file.items) >= len(whole.file.items) - 2


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_anything_ends_in_diagnostics(data: st.DataObject) -> None:
    """Words of a spec in any order, in lines indented in any way."""
    path: Path = data.draw(st.sampled_from(SPECS))
    words = [match.group() for match in WORD.finditer(path.read_text(encoding="utf-8"))]
    chosen = data.draw(st.lists(st.sampled_from(words), max_size=60))
    blanks = data.draw(
        st.lists(st.sampled_from([" ", "\n", "\n  ", "\n    ", "\n\t"]), min_size=60, max_size=60)
    )
    text = "".join(word + blank for word, blank in zip(chosen, blanks, strict=False))
    found = parsed(text)
    assert found.file is not None
    try:
        parser().parse(text)
    except UnexpectedInput:
        assert found.diagnostics, "an error was lost"
    assert all(d.primary is not None and d.primary.span.end <= len(text) for d in found.diagnostics)
