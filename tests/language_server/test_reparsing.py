"""Parsing again after an edit finds what parsing all of it finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marked import NET
from support import SPEC_FILES

from spinedsl.language_server import reparsing
from spinedsl.language_server.reparsing import change_between, reparse
from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import parse_what_stands

TEXTS = [path.read_text(encoding="utf-8") for path in SPEC_FILES] + [NET]
PIECES = (
    "b9: residual @3 <- s0\n",
    "repeat 2\n",
    " ",
    "\n",
    "# remark\n",
    "}",
    "{",
    "x",
    "1",
    "<-",
    "@",
    '"',
)


def places(node: nodes.Node) -> Iterator[tuple[str, int, int, str]]:
    yield type(node).__name__, node.span.start, node.span.end, node.span.source.text
    for value in node.__dict__.values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, nodes.Node):
                yield from places(each)


@st.composite
def edits(draw: Any) -> tuple[str, str]:
    text = draw(st.sampled_from(TEXTS))
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 40)))
    piece = draw(st.one_of(st.sampled_from(PIECES), st.just(text[start:end] * 2), st.just("")))
    return text, text[:start] + piece + text[end:]


@settings(max_examples=150, deadline=None)
@given(edits())
def test_it_is_what_parsing_all_of_it_finds(edit: tuple[str, str]) -> None:
    before, after = Source("a", edit[0]), Source("a", edit[1])
    found = reparse(parse_what_stands(before), before, after)
    expected = parse_what_stands(after)
    assert bool(found.diagnostics) == bool(expected.diagnostics)
    if not expected.diagnostics:
        assert found.file is not None and expected.file is not None
        assert found.file == expected.file
        assert list(places(found.file)) == list(places(expected.file))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@3 <- s0", "@4 <- s0"),
        ("  endpoints", "  b7: residual @3 <- b2\n  endpoints"),
        ("  b2: residual   @3 <- b1, b0 => P3\n", ""),
        ("@3 <- s0", "@3 <-"),
        ("# Small", "# Very small"),
        ("input 3 x 64", "input 3 x 32"),
    ],
)
def test_little_of_it_is_parsed_again(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = Source("a", NET), Source("a", NET.replace(old, new, 1))
    parsed = parse_what_stands(before)
    lengths: list[int] = []
    monkeypatch.setattr(
        reparsing,
        "parse_what_stands",
        lambda source: lengths.append(len(source.text)) or parse_what_stands(source),
    )
    assert reparse(parsed, before, after).file is not None
    assert max(lengths) < len(after.text)


def test_documentation_above_an_edit_is_kept() -> None:
    before = Source("a", NET + "\n# Second.\nnetwork other extends tiny { repeat 2 }\n")
    after = Source("a", before.text.replace("repeat 2", "repeat 3"))
    file = reparse(parse_what_stands(before), before, after).file
    assert file is not None
    assert [item.doc for item in file.items if isinstance(item, nodes.Network)] == [
        "Small enough to read.",
        "Second.",
    ]


def test_documentation_can_be_what_is_edited() -> None:
    before = Source("a", NET + "\n# Second.\nnetwork other extends tiny { repeat 2 }\n")
    after = Source("a", before.text.replace("# Second", "# Third"))
    file = reparse(parse_what_stands(before), before, after).file
    assert file is not None and isinstance(file.items[-1], nodes.Network)
    assert file.items[-1].doc == "Third."


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_a_change_makes_the_new_text_of_the_old_one(old: str, new: str) -> None:
    change = change_between(old, new)
    assert old[: change.start] + new[change.start : change.new_end] + old[change.old_end :] == new
    assert change.start <= min(change.old_end, change.new_end)
