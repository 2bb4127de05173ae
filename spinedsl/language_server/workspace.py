"""The texts that are open in an editor, and the specs around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spinedsl.diagnostics import Diagnostic, Edit, Label, in_order
from spinedsl.ir.loading import Scope
from spinedsl.ir.standard import in_library
from spinedsl.language_server.analysis import Analysis, Parser, analyse, completed
from spinedsl.language_server.buffers import Buffers, resolved, source_of
from spinedsl.language_server.checks import at_once
from spinedsl.language_server.linting import Linted, lint, sound, still_holding
from spinedsl.language_server.paths import TooManyFiles, spine_files
from spinedsl.language_server.positions import Encoding, Lines
from spinedsl.language_server.renaming import Reanalyse, Refused, edited
from spinedsl.language_server.symbols import Symbol
from spinedsl.records import record
from spinedsl.source import Source, SourceProblem, Span

MAX_SEARCHED = 10_000
"""Specs and folders below each folder that are looked through for a name."""


@record
class Replacement:
    """Part of a change that an editor tells: lines and columns in its own units; None for all of the text."""

    range: tuple[tuple[int, int], tuple[int, int]] | None
    text: str


@dataclass
class Document:
    """A text that is open.

    Attributes:
        uri: as the editor calls it.
        path: of its file, without links; None if it has none.
        version: as the editor counts.
        analysis: of the text as it was when it was last looked at.
        problem: why it is none that a spec can be.
        looked_at: whether the analysis is of the text as it is, and of the files that it imports.
        linted: what lint found, perhaps in the text as it was before.
        to_lint: whether that is out of date.
    """

    uri: str
    path: Path | None
    text: str
    version: int | None
    analysis: Analysis | None = None
    problem: SourceProblem | None = None
    looked_at: bool = False
    linted: Linted | None = None
    to_lint: bool = True

    @property
    def name(self) -> str:
        """What diagnostics call it."""
        return self.uri if self.path is None else self.path.name


class Workspace:
    """All open texts, what is known of them, and the folders they are in."""

    def __init__(self, roots: Sequence[Path] = (), encoding: Encoding = "utf-16") -> None:
        self.roots = tuple(roots)
        self.encoding: Encoding = encoding
        self.folders: list[Path] = []
        self.buffers = Buffers()
        self.parser = Parser()
        self.documents: dict[str, Document] = {}
        self._closed: dict[Path, Analysis] = {}

    # ---- open texts

    def open(self, uri: str, path: Path | None, text: str, version: int | None) -> Document:
        """A text has been opened."""
        document = Document(uri, None if path is None else resolved(path), text, version)
        self.documents[uri] = document
        self._changed(document)
        return document

    def change(self, uri: str, changes: Sequence[Replacement], version: int | None) -> Document | None:
        """A text has been edited; None if it isn't open."""
        document = self.documents.get(uri)
        if document is None:
            return None
        for change in changes:
            document.text = self._replaced(document.text, change)
        document.version = version
        self._changed(document)
        return document

    def _replaced(self, text: str, change: Replacement) -> str:
        if change.range is None:
            return change.text
        lines = Lines(text, self.encoding)
        start, end = (lines.offset(*place) for place in change.range)
        start, end = min(start, end), max(start, end)
        return text[:start] + change.text + text[end:]

    def close(self, uri: str) -> Document | None:
        """A text has been closed: its file is what counts again."""
        document = self.documents.pop(uri, None)
        if document is not None and document.path is not None:
            # The same file may be open under another address, too.
            others = [other for other in self.documents.values() if other.path == document.path]
            if others:
                self.buffers.open[document.path] = others[-1].text
            else:
                self.buffers.open.pop(document.path, None)
            self.forget(document.path)
        return document

    def _changed(self, document: Document) -> None:
        document.looked_at = False
        if document.path is not None:
            self.buffers.open[document.path] = document.text
            self.forget(document.path)

    def forget(self, path: Path) -> list[Document]:
        """A file has changed: what imports it is looked at again. Returns the open texts that do."""
        self._closed = {
            known: analysis
            for known, analysis in self._closed.items()
            if known != path and path not in analysis.imported
        }
        importing = [
            d for d in self.documents.values() if d.analysis is not None and _leads_to(d.analysis, path)
        ]
        for document in importing:
            document.looked_at = False
        return importing

    # ---- what is known

    def analysis(self, document: Document) -> Analysis | None:
        """What is known of an open text as it is now; None if it is none that a spec can be."""
        if document.looked_at:
            return document.analysis
        document.looked_at = document.to_lint = True
        try:
            source = source_of(document.text, document.name, document.path)
        except SourceProblem as problem:
            document.problem, document.analysis = problem, None
            return None
        document.problem = None
        analysis = self.analyse(source, document.analysis)
        document.analysis = completed(analysis, at_once(analysis.pending))
        return document.analysis

    def analyse(self, source: Source, before: Analysis | None = None) -> Analysis:
        """What is known of any source here."""
        return analyse(source, before, parser=self.parser, roots=self.roots, files=self.buffers)

    def diagnostics(self, document: Document) -> tuple[Diagnostic, ...]:
        """Everything to say of an open text."""
        analysis = self.analysis(document)
        if document.problem is not None:
            place = Span(Source(document.name, document.text, document.path), 0, 0)
            problem = document.problem
            return (Diagnostic(problem.code, problem.message, primary=Label(place), help=problem.help),)
        if analysis is None:
            return ()
        linted = document.linted
        more = [] if linted is None else still_holding(linted, analysis.source, analysis.items)
        return tuple(in_order([*analysis.diagnostics, *more]))

    def lint(self, document: Document) -> Callable[[], Linted] | None:
        """What looks for lint in a text, for a thread; None if that has been done, or is too early to do."""
        if not document.looked_at:
            return None
        analysis = document.analysis
        if analysis is None or document.path is None or not document.to_lint or analysis.pending:
            return None
        document.to_lint = False
        if not sound(analysis.diagnostics):
            return None
        files = Buffers()
        files.open.update(self.buffers.open)
        return partial(lint, analysis.source, analysis.items, self.roots, files)

    # ---- all files

    def naming(self, symbol: Symbol, document: Document) -> list[Analysis]:
        """What is known of every file that may name a symbol, open ones as they are.

        Raises:
            Refused: there are too many files to look through.
        """
        name = symbol.name.rpartition("/")[2]
        word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9_])")
        return list(self._everything(document, lambda text: word.search(text) is not None))

    def importing(self, analyses: Sequence[Analysis], document: Document) -> list[Analysis]:
        """The same and every file that leads to one of them."""
        paths = {analysis.source.path for analysis in analyses}
        more = [a for a in self._everything(document) if not paths.isdisjoint(a.imported)]
        return list({id(analysis): analysis for analysis in (*analyses, *more)}.values())

    def _everything(
        self, document: Document, wanted: Callable[[str], bool] = lambda text: True
    ) -> Iterator[Analysis]:
        seen: set[Path] = set()
        for each in list(self.documents.values()):
            analysis = self.analysis(each)
            if analysis is not None and wanted(each.text):
                yield analysis
            if each.path is not None:
                seen.add(each.path)
        for path in self._files(document):
            if path not in seen:
                seen.add(path)
                closed = self._of_file(path, wanted)
                if closed is not None:
                    yield closed

    def _files(self, document: Document) -> Iterator[Path]:
        folders = self.folders or ([document.path.parent] if document.path is not None else [])
        for folder in folders:
            try:
                yield from (resolved(path) for path in spine_files(folder, MAX_SEARCHED))
            except TooManyFiles:
                raise Refused(
                    f"“{folder}” has more than the {MAX_SEARCHED:,} specs and folders that are searched: "
                    "open one of the folders in it"
                ) from None
        if document.analysis is not None:
            yield from (path for path in document.analysis.imported if not self.fixed(path))

    def _of_file(self, path: Path, wanted: Callable[[str], bool]) -> Analysis | None:
        try:
            source = self.buffers.read(path, path.name)
        except SourceProblem:
            return None
        if not wanted(source.text):
            return None
        known = self._closed.get(path)
        if known is None or known.source.text != source.text:
            known = self.analyse(source)
            self._closed[path] = known
        return known

    def fixed(self, path: Path | None) -> bool:
        """Whether a file is of the standard library, and not what is being worked on."""
        return in_library(path) and not any(path and path.is_relative_to(folder) for folder in self.folders)

    def for_renaming(self, symbol: Symbol, document: Document) -> tuple[list[Analysis], Reanalyse]:
        """All files that may name a symbol or import one that does, and how to look at them after edits."""
        analyses = self.importing(self.naming(symbol, document), document)

        def reanalyse(edits: Sequence[Edit]) -> list[Analysis]:
            files = Buffers()
            files.open.update(self.buffers.open)
            sources = [edited(analysis.source, edits) for analysis in analyses]
            files.open.update({source.path: source.text for source in sources if source.path is not None})
            return [
                analyse(source, before, parser=self.parser, roots=self.roots, files=files)
                for source, before in zip(sources, analyses, strict=True)
            ]

        return analyses, reanalyse


def _leads_to(analysis: Analysis, path: Path) -> bool:
    """Whether a text imports a file, or couldn't find something that this may be."""
    missing = any(d.code in ("SP001", "SP021") for d in analysis.found)
    return missing or path in analysis.imported


def imports_of(scope: Scope) -> dict[Path, Span]:
    """The import of a file by which each file that it leads to is reached first."""
    found: dict[Path, Span] = {}
    for span, imported in scope.imports:
        pending = [imported]
        while pending:
            here = pending.pop()
            path = here.source.path
            if path is None or path in found:
                continue
            found[path] = span
            pending += [inner for _, inner in here.imports]
    return found
