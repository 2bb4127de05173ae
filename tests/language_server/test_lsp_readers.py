"""Outline, folds, selections, colours, hints, formatting and actions."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from marked import NET, at, known
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import Diagnostic, Edit, Fix
from spinedsl.language_server import vocabulary
from spinedsl.language_server.actions import actions, fix_all
from spinedsl.language_server.edits import format_all, format_range
from spinedsl.language_server.hints import shape_hints
from spinedsl.language_server.outline import folds, outline, selections
from spinedsl.language_server.renaming import edited
from spinedsl.language_server.tokens import KINDS, semantic_tokens
from spinedsl.ops.words import WORDS
from spinedsl.passes.tasks import TASKS
from spinedsl.source import Source, Span
from spinedsl.syntax.formatting import formatted
from spinedsl.syntax.grammar import keywords


def test_every_word_of_the_language_has_a_meaning() -> None:
    assert [word for word in keywords() if vocabulary.keyword(word) is None] == []
    assert vocabulary.OPERATORS.keys() == WORDS.keys()
    assert vocabulary.TASKS.keys() == TASKS.keys()


def test_the_outline_is_nested() -> None:
    (network,) = outline(known(NET))
    assert (network.name, network.kind) == ("tiny", "network")
    assert [(e.name, e.detail) for e in network.inner] == [
        ("stem", ""),
        ("b0", "residual @3"),
        ("b1", "bottleneck @2 => P2"),
        ("b2", "residual @3 => P3"),
    ]
    assert [e.name for e in network.inner[0].inner] == ["s0"]


def test_folds() -> None:
    text = "# One\n# two.\n" + NET
    found = {
        fold.kind: (text.count("\n", 0, fold.start), text.count("\n", 0, fold.end))
        for fold in folds(known(text))
    }
    assert found["comment"] == (0, 1)
    assert found["region"] == (5, text.count("\n") - 1)


def test_selections_grow() -> None:
    spans = selections(known(NET), at(NET, "<- s0, b"))
    assert [span.text.split()[0] for span in spans] == ["b0", "b1:", "network"]


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_colours_are_in_order_and_none_reaches_over_a_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = list(semantic_tokens(known(text, path)))
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(token.kind in KINDS and "\n" not in text[token.start : token.end] for token in found)


@pytest.mark.parametrize(
    ("place", "kind", "modifiers"),
    [
        ("network", "keyword", ()),
        ("network tiny", "class", ("declaration",)),
        ("  b0", "variable", ("declaration",)),
        ("b0: residual", "type", ("defaultLibrary",)),
        ("<- s0", "variable", ()),
        ("=> P2", "property", ("declaration",)),
        ("# Small", "comment", ()),
        ("stem { conv", "method", ("defaultLibrary",)),
        ("<-", "operator", ()),
        ("input 3", "number", ()),
    ],
)
def test_colours(place: str, kind: str, modifiers: tuple[str, ...]) -> None:
    token = next(t for t in semantic_tokens(known(NET)) if t.end >= at(NET, place))
    assert (token.kind, token.modifiers) == (kind, modifiers)


def test_shapes_stand_behind_blocks() -> None:
    hints = list(shape_hints(known(NET), 0, len(NET)))
    assert [hint.text for hint in hints] == ["8×16×16", "8×8×8", "32×16×16", "8×8×8"]
    assert NET[: hints[1].offset].endswith("b0: residual   @3 <- s0")
    assert list(shape_hints(known(NET), 0, 10)) == []


def test_shapes_stay_while_a_line_is_broken() -> None:
    after = known(NET.replace("@3 <- b1, b0", "@3 <- b1,"), before=known(NET))
    assert [hint.text for hint in shape_hints(after, 0, len(NET))][:2] == ["8×16×16", "8×8×8"]


CROOKED = (
    NET.replace("b0: residual   @3", "b0:   residual @3") + "\nnetwork   other extends tiny { repeat   2 }\n"
)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_formatting_is_what_fmt_writes(ends: str) -> None:
    text = CROOKED.replace("\n", ends)
    analysis = known(text)
    assert edited(analysis.source, format_all(analysis)).text == formatted(Source("", CROOKED)).replace(
        "\n", ends
    )


def test_a_range_is_formatted_by_items() -> None:
    analysis = known(CROOKED)
    start = CROOKED.index("network   other")
    text = edited(analysis.source, format_range(analysis, start, start + 3)).text
    assert "network other extends tiny { repeat 2 }" in text and "b0:   residual" in text


def test_what_is_not_of_the_language_is_not_formatted() -> None:
    assert format_all(known("network {")) == format_range(known("network {"), 0, 3) == []


def test_a_fix_is_an_action() -> None:
    text = NET.replace("<- b1, b0", "-> b1, b0")
    analysis = known(text)
    offset = at(text, "@3 -")
    found = [
        action for action in actions(analysis, analysis.diagnostics, offset, offset) if action.diagnostic.fix
    ]
    assert found and edited(analysis.source, found[0].edits).text == NET
    assert edited(analysis.source, fix_all(analysis.source, analysis.diagnostics)).text == NET


def test_all_fixes_are_those_of_one_round() -> None:
    source = Source("a.spine", "0123456789")
    spans = [Span(source, start, end) for start, end in ((4, 6), (2, 4), (3, 5), (8, 8))]
    found = [Diagnostic("SP010", "", fix=Fix("mend it", (Edit(span, "x"),))) for span in spans]
    assert edited(source, fix_all(source, found)).text == "01xx67x89"


def test_an_unknown_name_of_the_library_can_be_imported() -> None:
    text = NET.removeprefix('import "std/resnet.spine"\n\n')
    analysis = known(text)
    offset = at(text, "b0: resid")
    (action,) = [
        action
        for action in actions(analysis, analysis.diagnostics, offset, offset)
        if action.title.startswith("Import")
    ]
    assert not known(edited(analysis.source, action.edits).text).diagnostics
