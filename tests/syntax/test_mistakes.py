"""Syntax errors explained by example: what is wrong, what is said of it, and what a fix makes of it."""

from __future__ import annotations

import pytest

from spinedsl.diagnostics import Diagnostic
from spinedsl.fixing import apply_fixes
from spinedsl.source import Source
from spinedsl.syntax import mistakes
from spinedsl.syntax.parser import parse_what_stands

NETWORK = "network n {\n  %s\n}\n"
BODY = "block k(width) -> width {\n  %s\n}\n"
MODEL = "model m {\n  %s\n}\n"
FILE = "%s\n"

ARROW_IN = "arrows into a block point left: `b4: bottleneck @3 <- b2, b3`"
ARROW_OUT = "arrows into a block are `<-`, out of it `=>`"
NOTHING = "nothing stands between declarations: remove it"
SIZE = "sizes and kernels are written with the letter x: `3 x 640 x 640`, `3x3`"
RANGE = "a range is written with two dots: `3..7`"
BLOCK = "a block is `name: kind @level <- inputs`"
LEVEL = "a level is a number behind the sign: `@3` is 1/8 of the input's size"
STRAIGHT = 'a text stands in straight quotes: `"…"`'
CHAIN = "a step puts its channels behind one `->`; a chain of a head ends in `=> name`"
LETTERS = "names are made of letters, digits and “_”"

MENDED = [
    (NETWORK, "b: k @3 -> a", ARROW_IN, "b: k @3 <- a"),
    (NETWORK, "b: k @3 <= a", ARROW_IN, "b: k @3 <- a"),
    (NETWORK, "b: k @3 = a", ARROW_IN, "b: k @3 <- a"),
    (NETWORK, "b: k @3 < - a", ARROW_IN, "b: k @3 <- a"),
    (NETWORK, "b: k @3 ← a", "arrows into a block are `<-`", "b: k @3 <- a"),
    (NETWORK, "b: k @3 <- a -> P3", ARROW_OUT, "b: k @3 <- a => P3"),
    (NETWORK, "b: k @3 <- a, c = P3", ARROW_OUT, "b: k @3 <- a, c => P3"),
    (NETWORK, "b: k @3 <- a ⇒ P3", "arrows out of a block are `=>`", "b: k @3 <- a => P3"),
    (NETWORK, "b: k 3 <- a", "a level is written with its sign: `@3`", "b: k @3 <- a"),
    (NETWORK, "b: k @P3 <- a", "a level is a number: `@3`", "b: k @3 <- a"),
    (NETWORK, "b: k @ <- a", LEVEL, None),
    (NETWORK, "b: k <- a", "a block needs its level before the arrow: `b4: bottleneck @3 <- b2, b3`", None),
    (NETWORK, "@3 b: k <- a", "a block is `name: kind @level`, and outside of the stem `<- inputs`", None),
    (NETWORK, "b k @3 <- a", BLOCK, "b: k @3 <- a"),
    (NETWORK, "b k(width = 2) @3 <- a", BLOCK, "b: k(width = 2) @3 <- a"),
    (NETWORK, "b: k @3 <- a c\n  d: k @3 <- b", "a comma stands between inputs: `<- b2, b3`", "b: k @3 <- a, c\n  d: k @3 <- b"),
    (NETWORK, "repeat 2;", NOTHING, "repeat 2"),
    (NETWORK, "repeat 2,\n  stack 2", NOTHING, "repeat 2\n  stack 2"),
    (NETWORK, "b: k @3 <- a; # the last", NOTHING, "b: k @3 <- a # the last"),
    (NETWORK, "repeat = 2", "declarations have no “=” between word and value: `repeat 2`", "repeat 2"),
    (NETWORK, "repeat: 2", "declarations have no “:” between word and value: `repeat …`", "repeat 2"),
    (NETWORK, "repeat: k @3 <- a", "choose another name, such as `repeat_1`", None),
    (NETWORK, "repaet 2", "did you mean “repeat”?", None),
    (NETWORK, "resample r(alpha: 1)", "an argument is `name = value`", "resample r(alpha = 1)"),
    (NETWORK, "endpoints 3-7", RANGE, "endpoints 3..7"),
    (NETWORK, "endpoints 3 - 7", RANGE, "endpoints 3 ..7"),
    (NETWORK, "endpoints 3...7", RANGE, "endpoints 3..7"),
    (NETWORK, "endpoints 3…7", RANGE, "endpoints 3..7"),
    (NETWORK, "width { 3-7: 2 }", RANGE, "width { 3..7: 2 }"),
    (NETWORK, "input 3 × 64 × 64", SIZE, "input 3 x 64 x 64"),
    (NETWORK, "input 3*64*64", SIZE, "input 3 x 64 x 64"),
    (NETWORK, "input 3", SIZE, None),
    (NETWORK, "title “Net”", STRAIGHT, 'title "Net"'),
    (NETWORK, "title 'Net'", 'a text stands in double quotes: `title "SpineNet-49"`', 'title "Net"'),
    (NETWORK, "title Net-49  # ours", "put it in double quotes", 'title "Net-49"  # ours'),
    (NETWORK, 'title "Net', "close it with “\"”", None),
    (NETWORK, 'conventions "torch"', "a name stands without quotes", "conventions torch"),
    (NETWORK, "repeat\u00a02", "write an ordinary space", "repeat 2"),
    (NETWORK, "scale width \N{MINUS SIGN}2", "write an ordinary minus", "scale width -2"),
    (NETWORK, "// ours", "a comment starts with “#”", "# ours"),
    (NETWORK, "/* ours */", "a comment starts with “#”, on each of its lines", None),
    (NETWORK, "expect params = 2M within 1", "a tolerance is a percentage: `within 1%`", "expect params = 2M within 1%"),
    (NETWORK, "backbone a", "`backbone` is a model's: write `model name { backbone … }`", None),
    (NETWORK, "b-1: k @3 <- a", LETTERS, None),
    (BODY, "conv 3 x 3 -> width", "a kernel is written without spaces: `3x3`", "conv 3x3 -> width"),
    (BODY, "conv 3×3 -> width", "a kernel is written without spaces: `3x3`", "conv 3x3 -> width"),
    (BODY, "conv 3x3 -> 8 -> scores", CHAIN, None),
    (BODY, "scores = conv 3x3 => scores", CHAIN, None),
    (BODY, "each levels { norm }", "what happens to every level is `each level { … }`", "each level { norm }"),
    (BODY, "for level { norm }", "bodies stand behind `repeat …`, `when …`, `else`, `each level` and `from …`", None),
    (BODY, "conv(bias = true) { norm }", "a body follows the closing parenthesis of a definition only", None),
    (MODEL, "backbone n,", NOTHING, "backbone n"),
    (MODEL, "backbon n", "did you mean “backbone”?", None),
    (MODEL, "a: k @3 <- b", "a model has `backbone`, `head`, `neck`, `pixels`, and settings", None),
    (FILE, "import std/resnet.spine", "put it in double quotes", 'import "std/resnet.spine"'),
    (FILE, "netwrk n { }", "did you mean “network”?", None),
    (FILE, "network my-net { }", LETTERS, None),
    (FILE, "network n { } }", "one “}” too many: remove it", None),
    (FILE, "head h(classes) { }", "a head says what it is for: `head name(classes) -> detection(classes) { … }`", None),
]  # fmt: skip
"""Context, what is wrong in it, the help, and what `--fix` makes of it: None if it leaves it alone."""


def first(source: Source) -> Diagnostic:
    """The first thing said of a text."""
    return parse_what_stands(source).diagnostics[0]


@pytest.mark.parametrize(("context", "wrong", "help", "right"), MENDED, ids=[m[1] for m in MENDED])
def test_mistake(context: str, wrong: str, help: str, right: str | None) -> None:
    source = Source("a.spine", context % wrong)
    diagnostic = first(source)
    assert diagnostic.help == help
    safe = diagnostic.fix is not None and diagnostic.fix.safe
    assert safe == (right is not None), diagnostic.fix
    if right is not None:
        text, _ = apply_fixes(source, [diagnostic.fix])
        assert text == context % right
        again = parse_what_stands(Source("a.spine", text))
        assert again.diagnostics == ()


OFFERED = [
    (NETWORK, "repaet 2", "repeat 2"),
    (NETWORK, 'title "Net  # ours', 'title "Net"  # ours'),
    (MODEL, "backbon n", "backbone n"),
    (FILE, "netwrk n { }", "network n { }"),
    (FILE, "network n { } }", "network n { } "),
    (FILE, "network n {\n  repeat 2", "network n {\n  repeat 2\n}"),
    (FILE, "network n {\n  stem { norm }", "network n {\n  stem { norm }\n}"),
    (
        FILE,
        "network n {\n  resample r(alpha = max(1, 2",
        "network n {\n  resample r(alpha = max(1, 2\n)\n)\n}",
    ),
    (FILE, "network n {\n  repeat 2\nnetwork m { }", "network n {\n  repeat 2\n}\nnetwork m { }"),
    (NETWORK, "stem { norm\n  repeat 2", "stem { norm\n  }\n  repeat 2"),
]
"""Mends that only a person may choose: context, what is wrong, what an editor makes of it."""


@pytest.mark.parametrize(("context", "wrong", "right"), OFFERED, ids=[m[1] for m in OFFERED])
def test_offer(context: str, wrong: str, right: str) -> None:
    source = Source("a.spine", context % wrong)
    fix = first(source).fix
    assert fix is not None and not fix.safe
    text, _ = apply_fixes(source, [fix])
    assert text == context % right
    assert parse_what_stands(Source("a.spine", text)).diagnostics == ()


def test_every_mistake_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a function of the table, something else is said of at least one example above."""
    for mistake in mistakes.MISTAKES:
        without = tuple(other for other in mistakes.MISTAKES if other is not mistake)
        with monkeypatch.context() as patch:
            patch.setattr(mistakes, "MISTAKES", without)
            said = [first(Source("a.spine", context % wrong)).help for context, wrong, *_ in MENDED]
        assert said != [help for _, _, help, _ in MENDED], mistake.__name__
