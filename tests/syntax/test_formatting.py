"""The canonical layout: what it looks like, and that it changes nothing but the layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.networks import models, networks
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import DiagnosticError
from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.formatting import WIDTH, formatted
from spinedsl.syntax.parser import parse

COMMENT = re.compile(r'"[^"\n]*"|(#[^\n]*)')


def layout(text: str) -> str:
    """The text formatted; the syntax, documentation and comments are the same, and so it stays."""
    source = Source("test.spine", text)
    once = formatted(source)
    again = Source("test.spine", once)
    before, after = parse(source), parse(again)
    assert after == before
    assert docs(after) == docs(before)
    assert sorted(comments(once)) == sorted(comments(text))
    assert formatted(again) == once
    assert not any(line.endswith(" ") for line in once.split("\n"))
    return once


def docs(file: nodes.File) -> list[str]:
    return [getattr(item, "doc", "") for item in file.items]


def comments(text: str) -> list[str]:
    return [match.group(1).rstrip() for match in COMMENT.finditer(text) if match.group(1)]


def test_blocks_are_a_table():
    assert (
        layout(
            """network n { # the smallest
  a: residual @2 <- s0
  b10: mbconv(ratio = 0)@3 repeat 2 <- a,s0   =>P3
    # the last one
  c: residual @2 <- a => P2 }"""
        )
        == """network n {  # the smallest
  a:   residual          @2          <- s0
  b10: mbconv(ratio = 0) @3 repeat 2 <- a, s0 => P3
  # the last one
  c: residual @2 <- a => P2
}
"""
    )


def test_declarations_with_a_value_are_a_table():
    assert (
        layout(
            """network n {
  title "A"  # a
  input 3x64x64

  width {2:8,3..4:16}
  expect params=1
  expect macs(64) = 2M within 1% # of it
}"""
        )
        == """network n {
  title "A"  # a
  input 3 x 64 x 64

  width { 2: 8, 3..4: 16 }
  expect params   = 1
  expect macs(64) = 2M within 1%  # of it
}
"""
    )


def test_bodies_stay_on_their_line_if_they_fit():
    assert (
        layout(
            """merge plain { sum(inputs,dangling) }
block b(width)->width { conv 3x3 -> width,norm
 when stride==1 { act } else { maxpool 3x3/2 }
 when down {
 act }
 else {
 norm # of all
 } }"""
        )
        == """merge plain { sum(inputs, dangling) }

block b(width) -> width {
  conv 3x3 -> width, norm
  when stride == 1 { act } else { maxpool 3x3 / 2 }
  when down {
    act
  } else {
    norm  # of all
  }
}
"""
    )


def test_long_chains_go_on_below():
    steps = ", ".join(f"conv(bias = true, dilation = 2) 3x3 -> {number}" for number in range(1, 6))
    text = layout(f"part p {{ {steps} }}")
    assert all(len(line) <= WIDTH for line in text.split("\n"))
    assert text.startswith("part p {\n  conv(bias")
    assert "\n      conv(bias" in text


def test_comments_in_the_middle_of_a_declaration_leave_it_alone():
    text = """network n {
  width { 2: 64,   # as in the paper
    3: 128 }  # wide
  a: residual @2 <- s0
}
"""
    assert layout(text) == text.replace("\n    3", "\n      3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only this\n",
        '# a\n\n\n# b\nimport "a.spine"\nimport "b.spine"\n\n\n\nmerge m {}\n# end',
        "merge m {} # behind\npart p {} # behind too",
        "merge m { # in\n}",
        "merge m {\n # in\n\n # there\n}",
        "part p # head\n{ act }",
        "part p { when down { act } # between\n else { norm } }",
        "part p { when down { act }\n # between\n else { norm } }",
        "part p { act } part q { norm }",
        'network n { title "# no comment" # a comment\n }',
        "network n { a: residual @2 <- b, # first\n c # second\n }",
        'import "a.spine" # why\nnetwork n {}',
        "merge m {}\r\npart p {} # dos\r\n",
        "part p { when down { conv# there\n# here\n(bias = true) 1x1, act } }",
        "part p { act } part q { norm } # of q",
    ],
)
def test_odd_places_of_comments(text):
    layout(text)


def test_an_empty_line_stands_between_items_whatever_the_first_one_looks_like():
    text = 'import # why\n    "a.spine"\n'
    assert layout(f"{text}merge m {{}}") == f"{text}\nmerge m {{}}\n"


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_what_ships_is_formatted(path: Path):
    text = path.read_text(encoding="utf-8")
    assert layout(text) == text


some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@given(networks(most=6))
def test_networks_mean_the_same(text: str) -> None:
    layout(text)


@some
@given(models())
def test_models_mean_the_same(text: str) -> None:
    layout(text)


INSERTED = ("# here", "\n", "\n\n\n", " ", "# there\n", "  # é\n")


@some
@given(st.sampled_from(SPEC_FILES), st.data())
def test_comments_and_space_anywhere(path: Path, data: st.DataObject) -> None:
    """Comments and blank lines between any two words, as long as the text is still of the language."""
    words = re.split(r'("[^"\n]*"|#[^\n]*\n|\s+|[(){},])', path.read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(words)))
        words.insert(place, data.draw(st.sampled_from(INSERTED)))
    text = "".join(words)
    try:
        parse(Source("test.spine", text))
    except DiagnosticError:
        return
    layout(text)


@some
@given(st.sampled_from(SPEC_FILES), st.data())
def test_any_text_is_formatted_or_refused(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        text = raw.decode()
        parse(Source("test.spine", text))
    except (UnicodeDecodeError, DiagnosticError):
        return
    layout(text)
