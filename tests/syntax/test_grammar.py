"""The grammar: its examples, its saved table, and our lexer against lark's own."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput
from support import SPEC_FILES, SPEC_IDS

from spinedsl import resources
from spinedsl.syntax import grammar

TEXT = resources.text("grammars", grammar.GRAMMAR)

FRAMES = {
    "item": "{}",
    "declaration": "network n {{ {} }}",
    "stem": "network n {{ stem {{ {} }} }}",
    "block": "network n {{ b: {} }}",
    "statement": "part p {{ {} }}",
    "rule": "space s of n {{ {} }}",
    "expression": "part p -> {} {{}}",
    "step": "part p {{ x{} }}",
}
"""Where an example of the grammar can stand."""

EXAMPLES = [
    *re.findall(r"^// ---- .*?-- (\S.*)$", TEXT, re.MULTILINE),
    *re.findall(r"^\S.*//  (.+)$", TEXT, re.MULTILINE),
]


def lark_parser() -> lark.Lark:
    """The same grammar with nothing of ours: lark's own contextual lexer."""
    return lark.Lark(
        TEXT, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True
    )


REFERENCE = lark_parser()
STOPS = "the text is not of the language"


def outcome(parser: lark.Lark, text: str) -> Any:
    """The tree with all positions, unless it stops."""
    try:
        tree = parser.parse(text)
    except UnexpectedInput:
        return STOPS
    return tree, [(t.type, t.start_pos, t.end_pos, t.line, t.column, t.end_line, t.end_column) for t in
                  tree.scan_values(lambda v: isinstance(v, lark.Token))]  # fmt: skip


def test_every_construct_has_an_example() -> None:
    assert len(EXAMPLES) >= 40


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_parses(example: str) -> None:
    for part in re.split(r"\s{3,}", example.replace("…", "norm")):
        texts = [frame.format(part.strip()) for frame in FRAMES.values()]
        assert any(outcome(grammar.parser(), text) != STOPS for text in texts), part


def numbered_by_walk(parser: lark.Lark) -> list[dict[str, str]]:
    """The parse table with its states in the order of a walk: lark numbers them by chance."""
    table = parser.parser.parser._parse_table
    (start,) = table.start_states.values()
    walk, number = [start], {start: 0}
    rows = []
    for state in walk:
        row = {}
        for token, (_action, target) in sorted(table.states[state].items()):
            shift = isinstance(target, int)
            if shift and target not in number:
                number[target] = len(number)
                walk.append(target)
            row[token] = (
                f"shift {number[target]}"
                if shift
                else f"{target.origin.name}: {[str(s.name) for s in target.expansion]}"
            )
        rows.append(row)
    return rows


def test_saved_table_is_fresh() -> None:
    saved = json.loads(resources.text("grammars", grammar.TABLE))
    assert saved["key"] == grammar._key(TEXT), "run `make grammar`"


def test_saved_table_is_what_the_grammar_says() -> None:
    saved = json.loads(resources.text("grammars", grammar.TABLE))
    assert numbered_by_walk(grammar._restore(saved)) == numbered_by_walk(grammar._build(TEXT))


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_saved_table_and_lexer_agree_with_lark(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = outcome(REFERENCE, text)
    assert expected != STOPS
    assert outcome(grammar.parser(), text) == expected
    assert outcome(grammar._build(TEXT), text) == expected


PIECES = [
    "network", "n", "{", "}", "(", ")", ",", ":", "=", "->", "<-", "=>", "..", "@", "+", "-", "*", "/",
    "<=", "<", "==", "b1", "repeat", "width", "of", "input", "3", "3x3", "3 x 4", "3 x 4 x 5", "1e-3",
    "2.5M", "1%", "true", "falsehood", "block", "blocks", "part", "merge", "norm", "act", "conv", "via",
    "source.width", '"text"', "# remark\n", "\n", "within", "expect", "stem", "1_000", "4..7", "when",
    "not", "nota", "and", "or", "space", "adjust", "level", "by", "drop_path", "linear", "3x", "x3", "é",
]  # fmt: skip
"""Words of the language, words that start like one, and signs that start longer ones."""

STARTS = ["", "network n {", "part p {", "network n { stem {", "space s of n {", "network n { scale width "]


def glued(left: str, right: str) -> str:
    """lark reads `networkn` as `network n` where it expects no name; we read a name."""
    return left + (" " if left[-1:].isalnum() and right[:1].isalnum() else "") + right


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(STARTS),
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " "])), max_size=12),
)
def test_lexer_agrees_with_lark_on_any_text(start: str, pieces: list[tuple[str, str]]) -> None:
    text = functools.reduce(glued, (piece + gap for piece, gap in pieces), start)
    expected = outcome(REFERENCE, text)
    # Where lark's own lexer takes a name for a keyword that can't follow, ours goes on.
    if expected != STOPS:
        assert outcome(grammar.parser(), text) == expected


KEYWORDS = sorted(grammar.keywords() - {"act", "and", "each", "from", "norm", "not", "or", "repeat", "when"})
"""Words that mean something at some place, but for those that a statement starts with."""


@pytest.mark.parametrize("word", KEYWORDS)
@pytest.mark.parametrize("before", ["conv 3x3 -> 8", "conv 3x3 / 2", "x = conv 3x3 -> 2 * n", "act"])
def test_keywords_are_names_at_the_start_of_a_statement(word: str, before: str) -> None:
    """The table lists them behind an expression, as a declaration may follow one elsewhere."""
    apart = grammar.parser().parse(f"part p {{ {before} {word}, act }}")
    together = grammar.parser().parse(f"part p {{ {before} {word.upper()}, act }}")
    assert str(apart).replace(word, word.upper()) == str(together)


def test_keywords_are_keywords_where_both_may_stand() -> None:
    text = 'network n { endpoints -> 8 scale width 2 width { 2: 8 } repeat 2 title "x" }'
    assert outcome(grammar.parser(), text) == outcome(REFERENCE, text) != STOPS


CORPUS = (Path(__file__).parent / "identity.spine").read_text(encoding="utf-8")
WORDS = [[str(t) for t in REFERENCE.lex(item)] for item in CORPUS.split("\n\n") if "{" in item]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WORDS), st.data())
def test_lexer_agrees_with_lark_in_any_layout(words: list[str], data: st.DataObject) -> None:
    gaps = data.draw(
        st.lists(
            st.sampled_from(["", " ", "\t\n", "# x\n", "\r\n"]), min_size=len(words), max_size=len(words)
        )
    )
    text = functools.reduce(glued, (word + gap for word, gap in zip(words, gaps, strict=True)), "")
    tree = outcome(grammar.parser(), text)
    assert tree != STOPS
    assert tree == outcome(REFERENCE, text)
