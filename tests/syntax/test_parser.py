"""From text to syntax nodes: spans, documentation, literals, and what stops a parse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import DiagnosticError
from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.lexer import MAX_RUN
from spinedsl.syntax.parser import MAX_DEPTH, parse


def parsed(text: str) -> nodes.File:
    return parse(Source("test", text))


def walk(value: Any) -> Iterator[nodes.Node]:
    """Every node of a tree."""
    if isinstance(value, tuple):
        for item in value:
            yield from walk(item)
    elif isinstance(value, nodes.Node):
        yield value
        if is_dataclass(value):
            for field in fields(value):
                yield from walk(getattr(value, field.name))


def refusal(text: str) -> tuple[str, str]:
    """The code, and the characters it points at."""
    with pytest.raises(DiagnosticError) as caught:
        parsed(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.primary is not None
    return diagnostic.code, diagnostic.primary.span.text


# ---- spans


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_spans_cover_what_was_written(path: Path) -> None:
    for node in walk(parsed(path.read_text(encoding="utf-8"))):
        text = node.span.text
        if isinstance(node, (nodes.Name, nodes.Number)):
            assert text == node.text
        elif isinstance(node, nodes.Reference):
            assert text == node.name
        elif isinstance(node, nodes.Block):
            assert text.startswith(f"{node.name}:")
        elif isinstance(node, (nodes.Network, nodes.Definition)):
            assert text.endswith("}")
        elif isinstance(node, nodes.Connection):
            assert text.startswith(node.source.text)


def test_lines_and_columns_count_from_one() -> None:
    file = parsed("# é\r\nnetwork a {\r\n\trepeat 2\r\n}")
    (network,) = file.items
    assert isinstance(network, nodes.Network)
    assert (network.name.span.line, network.name.span.column) == (2, 9)
    (setting,) = network.declarations
    assert (setting.span.line, setting.span.column, setting.span.text) == (3, 2, "repeat 2")


@given(st.text(alphabet="a\n\r #é", max_size=40), st.integers(0, 45))
def test_positions_agree_with_counting(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    before = text[:offset]
    expected = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    assert Source("t", text).position(offset) == expected


# ---- documentation


@pytest.mark.parametrize(
    ("text", "doc"),
    [
        ("# one\n# two\npart p {}", "one\ntwo"),
        ("# far\n\n# near\npart p {}", "near"),
        ("#tight\npart p {}", "tight"),
        ("## double  \npart p {}", "double"),
        ("#\n# after an empty line\npart p {}", "\nafter an empty line"),
        ("part q {} # behind\npart p {}", ""),
        ("# apart\n\npart p {}", ""),
        ("  # indented\n  part p {}", "indented"),
        ("# with “quotes” and ünïcode\npart p {}", "with “quotes” and ünïcode"),
    ],
)
def test_documentation_is_the_comment_right_above(text: str, doc: str) -> None:
    definition = parsed(text).items[-1]
    assert isinstance(definition, nodes.Definition)
    assert definition.doc == doc


def test_a_comment_that_speaks_to_a_tool_documents_nothing() -> None:
    text = "# What it is.\n# spinec: ignore[SP109] for others\npart a { norm }"
    definition = parse(Source("a.spine", text)).items[0]
    assert isinstance(definition, nodes.Definition)
    assert definition.doc == "What it is."


def test_a_hash_in_a_text_is_no_comment() -> None:
    (network,) = parsed('network a { title "x # y" repeat 2 }').items
    assert isinstance(network, nodes.Network)
    assert next(d.value for d in network.declarations) == "x # y"


def test_layout_means_nothing() -> None:
    text = "network a{repeat 2 b:k@3<-x,y=>P3}"
    assert parsed(text) == parsed(
        text.replace(" ", "\n# remark\n\t").replace(":", " : ").replace("@", "\n@ ")
    )


# ---- words that mean something elsewhere are names


@pytest.mark.parametrize(
    "word", ["last", "by", "earlier", "of", "from", "for", "block", "part", "space", "kind"]
)
def test_words_are_names_where_no_construct_starts_with_them(word: str) -> None:
    (network,) = parsed(f"network a {{ {word}: kind @3 <- {word} => {word} }}").items
    assert isinstance(network, nodes.Network)
    (block,) = network.declarations
    assert isinstance(block, nodes.Block)
    assert (block.name.text, block.connections[0].source.text) == (word, word)


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("network a { repeat 2", "SP012", "2"),
        ("network a { b: k @ }", "SP010", "}"),
        ("network é {}", "SP011", "é"),
        ('network a { title "x }', "SP011", '"'),
        ("part p { conv 3x3 / }", "SP010", "}"),
        ("network a { b: k @2.5 <- c }", "SP030", "2.5"),
        ("network a { b: k @63 <- c }", "SP030", "63"),
        ("network a { endpoints 7..3 }", "SP030", "7..3"),
        ("network a.b {}", "SP010", "a.b"),
        (f"network {'a' * 65} {{}}", "SP002", "a" * 65),
        ("network a { scale width 1e31 }", "SP002", "1e31"),
        (f"network a {{ scale width {'1' * 41} }}", "SP002", "1" * 41),
        ("network a { input 3 x 1234567890 x 4 }", "SP002", "3 x 1234567890 x 4"),
        ("part p { conv 12345x3 }", "SP002", "12345x3"),
        ("network a { scale width and(1) }", "SP020", "and"),
        ("network a { scale width ٣ }", "SP011", "٣"),
        ("network a\u00a0{}", "SP011", "\u00a0"),
        ("# \u202e\npart p {}", "SP011", "\u202e"),
        ('network a { title "\x1b[2J" }', "SP011", "\x1b"),
        ("# \udcff\npart p {}", "SP011", "\udcff"),
    ],
)
def test_refusals_point_at_the_place(text: str, code: str, place: str) -> None:
    assert refusal(text) == (code, place)


@pytest.mark.parametrize("sign", ["(", "{", "-", "not "])
def test_depth_has_a_limit(sign: str) -> None:
    opening = {"(": "part p -> ", "{": "part p ", "-": "part p -> ", "not ": "part p -> "}[sign]
    closing = {"(": "1" + ")" * 63 + " {}", "{": "}" * 64, "-": "1 {}", "not ": "true {}"}[sign]
    fits = MAX_DEPTH - 1 if sign == "(" else MAX_DEPTH
    text = opening + (sign if sign != "{" else "{ when true ") * fits + closing
    if sign == "{":
        text = "part p { " + "when true { " * (MAX_DEPTH - 1) + "}" * MAX_DEPTH
    parsed(text)
    assert refusal(opening + sign * 5000)[0] in ("SP006", "SP012", "SP002")


def test_words_in_a_row_have_a_limit() -> None:
    parsed("part p { " + "norm " * (MAX_RUN - 10) + "}")
    assert refusal("part p { " + "norm " * (MAX_RUN + 10) + "}")[0] == "SP002"
    # An arrow into a block starts a new row: networks may be long.
    parsed("network a { " + "b: k @2 <- c\n" * 2000 + "}")
