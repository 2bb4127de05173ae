"""The lexer for Pygments: every spec has colours, and stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Token
from support import SPEC_FILES, SPEC_IDS

from spinedsl.ops.words import WORDS
from spinedsl.pygments_lexer import DECLARATIONS, DECLARING, JOINING, OPERATORS, SpineLexer
from spinedsl.syntax.grammar import keywords


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_every_spec_has_colours_and_stays_as_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = list(SpineLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in found) == text
    assert [value for kind, value in found if kind in (Error, Token.Text)] == []


def test_its_words_are_those_of_the_grammar() -> None:
    words = [*DECLARING, *DECLARATIONS, *JOINING]
    assert len(words) == len(set(words))
    assert set(words) == keywords() | {"block", "resampling", "part"}
    assert set(OPERATORS) == WORDS.keys() - keywords()


def test_pygments_finds_it() -> None:
    assert isinstance(get_lexer_by_name("spine"), SpineLexer)
    assert isinstance(get_lexer_for_filename("net.spine"), SpineLexer)


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("network a extends b {", {"network": Keyword.Declaration, "a": Name.Class, "extends": Keyword}),
        ("b2: residual @4 <- s0 => P4", {"b2": Name.Label, "@": Operator, "<-": Operator, "s0": Name}),
        (
            "input 3 x 64 x 64 # size",
            {"input": Keyword, "3 x 64 x 64": Number.Integer, "# size": Comment.Single},
        ),
        ('conv(bias = true) 3x3 "x"', {"conv": Name.Builtin, "bias": Name.Attribute, '"x"': String.Double}),
        ("expect params = 22.1M within 1%", {"22.1M": Number, "within": Keyword, "1%": Number}),
        (
            "when up == true and not same.repeat",
            {"==": Operator, "true": Keyword.Constant, "same.repeat": Name},
        ),
    ],
)
def test_colours(line: str, kinds: dict[str, object]) -> None:
    found = {value: kind for kind, value in SpineLexer().get_tokens(line)}
    assert {value: found.get(value) for value in kinds} == kinds


@pytest.mark.parametrize(
    "text", ["", "\x00", "\N{ROCKET} “", '"open', "x" * 100_000, "1" * 5000, "a" + " " * 50_000]
)
def test_any_text(text: str) -> None:
    lexer = SpineLexer(stripnl=False, ensurenl=False)
    assert "".join(value for _, value in lexer.get_tokens(text)) == text
