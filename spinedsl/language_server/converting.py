"""Answers as the protocol writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from lsprotocol import types

from spinedsl.diagnostics import CODES, Diagnostic, Edit, Label, Severity
from spinedsl.explanations import FOLDER
from spinedsl.language_server.hints import Hint
from spinedsl.language_server.outline import Entry, Fold
from spinedsl.language_server.positions import Encoding, Lines
from spinedsl.language_server.proposals import Proposal
from spinedsl.language_server.symbols import file_of
from spinedsl.language_server.tokens import KINDS, MODIFIERS, Coloured
from spinedsl.language_server.workspace import Document, Workspace, imports_of
from spinedsl.source import Source, Span

MAX_DIAGNOSTICS = 1000
_SEVERITY = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
_COMPLETION = {
    "keyword": types.CompletionItemKind.Keyword,
    "operator": types.CompletionItemKind.Method,
    "network": types.CompletionItemKind.Class,
    "model": types.CompletionItemKind.Class,
    "space": types.CompletionItemKind.Class,
    "conventions": types.CompletionItemKind.Module,
    "block": types.CompletionItemKind.Struct,
    "head": types.CompletionItemKind.Struct,
    "resampling": types.CompletionItemKind.Function,
    "merge": types.CompletionItemKind.Function,
    "part": types.CompletionItemKind.Function,
    "function": types.CompletionItemKind.Function,
    "parameter": types.CompletionItemKind.Property,
    "local": types.CompletionItemKind.Variable,
    "endpoint": types.CompletionItemKind.Field,
    "level": types.CompletionItemKind.Value,
    "file": types.CompletionItemKind.File,
    "task": types.CompletionItemKind.Interface,
}
_OUTLINE = {
    "network": types.SymbolKind.Class,
    "model": types.SymbolKind.Class,
    "space": types.SymbolKind.Class,
    "conventions": types.SymbolKind.Namespace,
    "block": types.SymbolKind.Struct,
    "head": types.SymbolKind.Struct,
    "stem": types.SymbolKind.Array,
    "parameter": types.SymbolKind.Property,
}
_FOLD = {
    "comment": types.FoldingRangeKind.Comment,
    "imports": types.FoldingRangeKind.Imports,
    "region": types.FoldingRangeKind.Region,
}


@lru_cache(maxsize=64)
def lines_of(text: str, encoding: Encoding) -> Lines:
    """A text as an editor counts in it; kept, since its line ends are looked for once."""
    return Lines(text, encoding)


class Converter:
    """Writes what is known of one open text, in the units and addresses of one editor."""

    def __init__(self, workspace: Workspace, document: Document) -> None:
        self.workspace = workspace
        self.document = document

    # ---- places

    def lines(self, source: Source | None = None) -> Lines:
        """A source, or the open text, as the editor counts in it."""
        return lines_of(self.document.text if source is None else source.text, self.workspace.encoding)

    def offset(self, position: types.Position) -> int:
        """An offset in the open text."""
        return self.lines().offset(position.line, position.character)

    def position(self, offset: int, source: Source | None = None) -> types.Position:
        """A place in a source, or in the open text."""
        return types.Position(*self.lines(source).position(offset))

    def range(self, span: Span) -> types.Range:
        """The range of a span in its own source."""
        return types.Range(self.position(span.start, span.source), self.position(span.end, span.source))

    def location(self, span: Span) -> types.Location:
        """A span with its file."""
        return types.Location(self.uri(span.source), self.range(span))

    def uri(self, source: Source) -> str:
        """The address of a source: the editor's own, if it is open there."""
        if source.path is None:
            return source.name
        opened = (d.uri for d in self.workspace.documents.values() if d.path == source.path)
        return next(opened, uri_of(source.path))

    # ---- diagnostics

    def diagnostics(self, found: Iterable[Diagnostic]) -> list[types.Diagnostic]:
        """Everything that is wrong, each at a place of the open text."""
        return [self.diagnostic(each) for each in list(found)[:MAX_DIAGNOSTICS]]

    def diagnostic(self, found: Diagnostic) -> types.Diagnostic:
        """One problem with its code, where more is said of it, and further places."""
        place, related = self._placed(found)
        message = found.message if found.help is None else f"{found.message}\nhelp: {found.help}"
        return types.Diagnostic(
            range=self.range(place),
            severity=_SEVERITY[found.severity],
            code=found.code,
            code_description=types.CodeDescription(href=uri_of(FOLDER / f"{found.code}.md")),
            source="spinec",
            message=message,
            related_information=[
                types.DiagnosticRelatedInformation(self.location(label.span), label.text or CODES[found.code])
                for label in related
            ],
        )

    def _placed(self, found: Diagnostic) -> tuple[Span, Sequence[Label]]:
        """A place in the open text, and the other ones.

        What is wrong in an imported file is shown where the open one comes in: by who uses it, else at
        the import that leads there.
        """
        labels = [*((found.primary,) if found.primary is not None else ()), *found.secondary]
        for label in labels:
            if self._own(label.span):
                others = [each for each in labels if each is not label]
                return label.span, others
        start = Span(self._source(), 0, 0)
        if found.primary is None:
            return start, labels
        return self._import_of(found.primary.span.source.path) or start, labels

    def _own(self, span: Span) -> bool:
        return file_of(span.source) == file_of(self._source())

    def _source(self) -> Source:
        return Source(self.document.name, self.document.text, self.document.path)

    def _import_of(self, path: Path | None) -> Span | None:
        analysis = self.document.analysis
        return None if analysis is None or path is None else imports_of(analysis.scope).get(path)

    # ---- edits

    def edit(self, edit: Edit) -> types.TextEdit:
        """One change of a text."""
        return types.TextEdit(self.range(edit.span), edit.text)

    def workspace_edit(self, edits: Iterable[Edit]) -> types.WorkspaceEdit:
        """Changes of several texts."""
        changes: dict[str, list[types.TextEdit]] = {}
        for edit in edits:
            changes.setdefault(self.uri(edit.span.source), []).append(self.edit(edit))
        return types.WorkspaceEdit(changes=changes)

    # ---- the rest

    def completion(
        self, proposal: Proposal, start: int, offset: int, order: int, snippets: bool
    ) -> types.CompletionItem:
        """Something that could be written over what is typed of it."""
        place = types.Range(self.position(start), self.position(offset))
        snippet = proposal.snippet if snippets else ""
        return types.CompletionItem(
            label=proposal.label,
            kind=_COMPLETION.get(proposal.kind, types.CompletionItemKind.Value),
            detail=proposal.detail or None,
            documentation=types.MarkupContent(types.MarkupKind.Markdown, proposal.text)
            if proposal.text
            else None,
            sort_text=f"{order:05}",
            filter_text=proposal.label,
            text_edit=types.TextEdit(place, snippet or proposal.label),
            insert_text_format=types.InsertTextFormat.Snippet
            if snippet
            else types.InsertTextFormat.PlainText,
        )

    def symbol(self, entry: Entry) -> types.DocumentSymbol:
        """An entry of the outline and those below it."""
        return types.DocumentSymbol(
            name=entry.name,
            kind=_OUTLINE.get(entry.kind, types.SymbolKind.Function),
            detail=entry.detail or None,
            range=self.range(entry.span),
            selection_range=self.range(entry.name_span),
            children=[self.symbol(inner) for inner in entry.inner],
        )

    def fold(self, fold: Fold) -> types.FoldingRange | None:
        """Lines that can be hidden; None if there is only one."""
        first, last = self.position(fold.start).line, self.position(fold.end).line
        if fold.kind == "region":
            # The closing bracket stays in sight.
            last -= 1
        return types.FoldingRange(first, last, kind=_FOLD[fold.kind]) if last > first else None

    def hint(self, hint: Hint) -> types.InlayHint:
        """A remark behind a block."""
        return types.InlayHint(
            self.position(hint.offset),
            hint.text,
            kind=types.InlayHintKind.Type,
            tooltip=hint.more,
            padding_left=True,
        )

    def tokens(self, found: Iterable[Coloured]) -> Iterator[int]:
        """Five numbers a token: lines and columns on from the last one, length, kind, modifiers."""
        lines = self.lines()
        line = column = 0
        for token in found:
            at, start = lines.position(token.start)
            modifiers = sum(1 << MODIFIERS.index(modifier) for modifier in token.modifiers)
            yield from (at - line, start - column if at == line else start)
            yield from (lines.width(token.start, token.end), KINDS.index(token.kind), modifiers)
            line, column = at, start


def selection(converter: Converter, spans: Sequence[Span], offset: int) -> types.SelectionRange:
    """Ever larger ranges around a place."""
    place = converter.position(offset)
    found: types.SelectionRange | None = None
    for span in reversed(spans):
        found = types.SelectionRange(converter.range(span), found)
    return found or types.SelectionRange(types.Range(place, place))


def uri_of(path: Path) -> str:
    """The address of a file."""
    try:
        return path.as_uri()
    except ValueError:
        return "file:///" + quote(path.as_posix())
