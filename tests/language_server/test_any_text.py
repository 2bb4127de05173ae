"""No text, and no place in it, makes a feature fail."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from marked import NET
from support import SPEC_FILES

from spinedsl.language_server.actions import actions, fix_all
from spinedsl.language_server.analysis import Analysis, analyse
from spinedsl.language_server.checks import at_once
from spinedsl.language_server.completion import completions
from spinedsl.language_server.converting import Converter, selection
from spinedsl.language_server.edits import format_all, format_range
from spinedsl.language_server.hints import shape_hints
from spinedsl.language_server.hover import hover
from spinedsl.language_server.outline import folds, outline, selections
from spinedsl.language_server.renaming import Refused, renameable, renaming
from spinedsl.language_server.tokens import semantic_tokens
from spinedsl.language_server.workspace import Document, Workspace
from spinedsl.syntax.grammar import keywords

TEXTS = [path.read_text(encoding="utf-8") for path in SPEC_FILES] + [NET]
WORDS = st.sampled_from(
    [*sorted(keywords()), *'{}()@:,=/#"', "<-", "->", "=>", "b0", "3", "3x3", "\n", "\N{ROCKET}"]
)
MIXED = st.lists(WORDS, max_size=60).map(" ".join)


@st.composite
def damaged(draw: Any) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 200)))
        text = text[:start] + draw(st.one_of(WORDS, st.text(max_size=5))) + text[end:]
    return text


def ask_everything(workspace: Workspace, document: Document, analysis: Analysis, offset: int) -> None:
    converter = Converter(workspace, document)
    place = converter.position(offset)
    assert converter.offset(place) <= offset
    converter.diagnostics(workspace.diagnostics(document))
    hover(analysis, offset)
    context, proposals = completions(analysis, offset)
    assert 0 <= context.start <= offset
    for order, proposal in enumerate(proposals):
        converter.completion(proposal, context.start, offset, order, True)
    for edit in (
        *format_all(analysis),
        *format_range(analysis, offset, offset + 9),
        *fix_all(analysis.source, analysis.diagnostics),
    ):
        converter.edit(edit)
    for action in actions(analysis, analysis.diagnostics, offset, offset):
        converter.workspace_edit(action.edits)
    for entry in outline(analysis):
        converter.symbol(entry)
    for fold in folds(analysis):
        converter.fold(fold)
    selection(converter, selections(analysis, offset), offset)
    for hint in shape_hints(analysis, 0, offset):
        converter.hint(hint)
    numbers = list(converter.tokens(semantic_tokens(analysis)))
    assert len(numbers) % 5 == 0 and all(number >= 0 for number in numbers)
    try:
        found = renameable(analysis, offset, workspace.fixed)
        renaming(found, "zz", *workspace.for_renaming(found.symbol, document))
    except Refused:
        pass


@settings(max_examples=120, deadline=None)
@given(st.one_of(damaged(), MIXED, st.text(max_size=60)), st.floats(0, 1), damaged())
def test_no_text_makes_a_feature_fail(text: str, place: float, before: str) -> None:
    workspace = Workspace()
    document = workspace.open("untitled:Untitled-1", None, before, 1)
    workspace.analysis(document)
    document.text = text
    document.looked_at = False
    analysis = workspace.analysis(document)
    if analysis is not None:
        ask_everything(workspace, document, analysis, int(place * len(text)))


def test_the_features_are_asked_of_something() -> None:
    workspace = Workspace()
    document = workspace.open("untitled:1", None, NET, 1)
    analysis = analyse(workspace.analysis(document).source)  # type: ignore[union-attr]
    assert at_once(analysis.pending)
