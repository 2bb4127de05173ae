"""What the server answers to each request: one short function a method of the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from spinedsl.language_server.actions import actions, fix_all
from spinedsl.language_server.completion import completions
from spinedsl.language_server.converting import Converter, selection
from spinedsl.language_server.edits import format_all, format_range
from spinedsl.language_server.hints import shape_hints
from spinedsl.language_server.hover import hover
from spinedsl.language_server.lifecycle import LIFE
from spinedsl.language_server.outline import folds, outline, selections
from spinedsl.language_server.renaming import Refused, references, renameable, renaming
from spinedsl.language_server.server import Server
from spinedsl.language_server.symbols import Occurrence
from spinedsl.language_server.tokens import KINDS, MODIFIERS, semantic_tokens
from spinedsl.source import Span

FIX_ALL = "source.fixAll.spinec"


def make_server(roots: tuple[Path, ...] = ()) -> Server:
    """A server with everything that it answers."""
    server = Server(roots)
    for method, (function, options) in FEATURES.items():
        register: Any = server.feature(method, options)
        register(function)
    return server


# ---- what is at a place


def hovers(ls: Server, params: types.HoverParams) -> types.Hover | None:
    """What is named at a place."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    found = hover(analysis, converter.offset(params.position))
    if found is None:
        return None
    span, text = found
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), converter.range(span))


def _named(
    ls: Server, params: types.DefinitionParams | types.ReferenceParams | types.DocumentHighlightParams
) -> tuple[Occurrence, Converter] | tuple[None, None]:
    known = ls.known(params.text_document.uri)
    if known is None:
        return None, None
    analysis, converter = known
    found = analysis.occurrences.at(converter.offset(params.position))
    return (None, None) if found is None else (found, converter)


def definition(ls: Server, params: types.DefinitionParams) -> types.Location | None:
    """Where what is named at a place is declared; of an import, the file."""
    found, converter = _named(ls, params)
    if found is None or converter is None:
        return None
    target = found.target
    if found.symbol.kind == "import" and converter.document.analysis is not None:
        imports = converter.document.analysis.scope.imports
        target = next(
            (Span(scope.source, 0, 0) for span, scope in imports if found.node and span == found.node.span),
            None,
        )
    return None if target is None else converter.location(target)


def references_to(ls: Server, params: types.ReferenceParams) -> list[types.Location] | None:
    """Every place that names the same, in all files."""
    found, converter = _named(ls, params)
    if found is None or converter is None:
        return None
    places = references(found.symbol, ls.specs.naming(found.symbol, converter.document))
    declared = params.context.include_declaration
    return [converter.location(place.span) for place in places if declared or not place.declares]


def highlights(ls: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight] | None:
    """The same in this text alone."""
    found, converter = _named(ls, params)
    if found is None or converter is None or converter.document.analysis is None:
        return None
    return [
        types.DocumentHighlight(
            converter.range(place.span),
            types.DocumentHighlightKind.Write if place.declares else types.DocumentHighlightKind.Read,
        )
        for place in converter.document.analysis.occurrences.of(found.symbol)
    ]


# ---- renaming


def prepare_rename(ls: Server, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
    """What would be renamed at a place.

    Raises:
        JsonRpcInvalidParams: nothing can be.
    """
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    try:
        found = renameable(analysis, converter.offset(params.position), ls.specs.fixed)
    except Refused as refused:
        raise _refusal(refused) from None
    return types.PrepareRenamePlaceholder(converter.range(found.span), found.symbol.name)


def rename(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit | None:
    """All edits that give what is at a place a new name.

    Raises:
        JsonRpcInvalidParams: it can't have that name.
    """
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    try:
        found = renameable(analysis, converter.offset(params.position), ls.specs.fixed)
        edits = renaming(found, params.new_name, *ls.specs.for_renaming(found.symbol, converter.document))
    except Refused as refused:
        raise _refusal(refused) from None
    return converter.workspace_edit(edits)


def _refusal(refused: Refused) -> JsonRpcException:
    return JsonRpcInvalidParams(message=str(refused))


# ---- writing


def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList | None:
    """What could be written at a place."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    offset = converter.offset(params.position)
    context, proposals = completions(analysis, offset)
    text = ls.client_capabilities.text_document
    items = None if text is None or text.completion is None else text.completion.completion_item
    snippets = bool(items is not None and items.snippet_support)
    return types.CompletionList(
        is_incomplete=False,
        items=[
            converter.completion(proposal, context.start, offset, order, snippets)
            for order, proposal in enumerate(proposals)
        ],
    )


def formatting(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    """What `spinec fmt` would change."""
    known = ls.known(params.text_document.uri)
    return None if known is None else [known[1].edit(edit) for edit in format_all(known[0])]


def range_formatting(ls: Server, params: types.DocumentRangeFormattingParams) -> list[types.TextEdit] | None:
    """The same of the items in a range."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    start, end = converter.offset(params.range.start), converter.offset(params.range.end)
    return [converter.edit(edit) for edit in format_range(analysis, start, end)]


def code_actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction] | None:
    """What can be done about what is wrong in a range."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    diagnostics = ls.specs.diagnostics(converter.document)
    only = [getattr(kind, "value", kind) for kind in params.context.only or ()]
    found = []
    if not only or any(kind in ("", "quickfix") for kind in only):
        start, end = converter.offset(params.range.start), converter.offset(params.range.end)
        found = [
            types.CodeAction(
                title=action.title,
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[converter.diagnostic(action.diagnostic)],
                edit=converter.workspace_edit(action.edits),
                is_preferred=action.preferred,
            )
            for action in actions(analysis, diagnostics, start, end)
        ]
    if any(kind == FIX_ALL or FIX_ALL.startswith(f"{kind}.") for kind in only):
        edits = fix_all(analysis.source, diagnostics)
        if edits:
            title = "Fix what can be fixed without asking"
            found.append(types.CodeAction(title=title, kind=FIX_ALL, edit=converter.workspace_edit(edits)))
    return found


# ---- the whole text


def document_symbols(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
    """The outline."""
    known = ls.known(params.text_document.uri)
    return None if known is None else [known[1].symbol(entry) for entry in outline(known[0])]


def folding_ranges(ls: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
    """What can be hidden."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    found = [known[1].fold(fold) for fold in folds(known[0])]
    return [fold for fold in found if fold is not None]


def selection_ranges(ls: Server, params: types.SelectionRangeParams) -> list[types.SelectionRange] | None:
    """What holds each place, step by step."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    offsets = [converter.offset(position) for position in params.positions]
    return [selection(converter, selections(analysis, offset), offset) for offset in offsets]


def tokens(ls: Server, params: types.SemanticTokensParams) -> types.SemanticTokens | None:
    """What each word is, for colours."""
    known = ls.known(params.text_document.uri)
    return (
        None if known is None else types.SemanticTokens(data=list(known[1].tokens(semantic_tokens(known[0]))))
    )


def inlay_hints(ls: Server, params: types.InlayHintParams) -> list[types.InlayHint] | None:
    """Shapes behind blocks, once they are known."""
    known = ls.known(params.text_document.uri)
    if known is None:
        return None
    analysis, converter = known
    start, end = converter.offset(params.range.start), converter.offset(params.range.end)
    return [converter.hint(hint) for hint in shape_hints(analysis, start, end)]


LEGEND = types.SemanticTokensLegend(list(KINDS), list(MODIFIERS))
FEATURES = {
    **LIFE,
    types.TEXT_DOCUMENT_HOVER: (hovers, None),
    types.TEXT_DOCUMENT_DEFINITION: (definition, None),
    types.TEXT_DOCUMENT_REFERENCES: (references_to, None),
    types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (highlights, None),
    types.TEXT_DOCUMENT_PREPARE_RENAME: (prepare_rename, None),
    types.TEXT_DOCUMENT_RENAME: (rename, types.RenameOptions(prepare_provider=True)),
    types.TEXT_DOCUMENT_COMPLETION: (
        completion,
        types.CompletionOptions(trigger_characters=list('@:-,("/>')),
    ),
    types.TEXT_DOCUMENT_FORMATTING: (formatting, None),
    types.TEXT_DOCUMENT_RANGE_FORMATTING: (range_formatting, None),
    types.TEXT_DOCUMENT_CODE_ACTION: (
        code_actions,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    ),
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (document_symbols, None),
    types.TEXT_DOCUMENT_FOLDING_RANGE: (folding_ranges, None),
    types.TEXT_DOCUMENT_SELECTION_RANGE: (selection_ranges, None),
    types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (tokens, LEGEND),
    types.TEXT_DOCUMENT_INLAY_HINT: (inlay_hints, None),
}
"""Every method of the protocol that is answered, with its options."""
