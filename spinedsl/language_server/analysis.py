"""Everything known of one text: what its features read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path

from spinedsl.analysis.summary import Summary
from spinedsl.checking.check import check_spaces
from spinedsl.collecting import collect_afterwards
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Severity, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.ir.loading import Explored, Scope, explore, prelude
from spinedsl.language_server.checks import Known, complete, look_at, moved_to, places_of
from spinedsl.language_server.keys import keys_of
from spinedsl.language_server.occurrences import occurrences
from spinedsl.language_server.reparsing import reparse
from spinedsl.language_server.symbols import Occurrences
from spinedsl.records import record
from spinedsl.source import DISK, Files, Source, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import Parsed, parse_what_stands

MAX_PARSED = 512


class Parser:
    """Parses sources, each once: imports are the same from one edit to the next."""

    def __init__(self) -> None:
        self.parsed: dict[tuple[Path | None, str, str], Parsed] = {}

    def parse(self, source: Source) -> Parsed:
        """What stands of a source."""
        key = (source.path, source.name, source.text)
        found = self.parsed.pop(key, None) or parse_what_stands(source)
        self.parsed[key] = found
        if len(self.parsed) > MAX_PARSED:
            del self.parsed[next(iter(self.parsed))]
        return found


@record
class Analysis:
    """What is known of a text.

    Attributes:
        parsed: what stands of it, and its syntax errors.
        scope: what it can name; behind syntax errors also what it could name before.
        imported: the scope of every file it leads to, by resolved path.
        found: what is wrong with its syntax, imports, names and definitions.
        known: what is known of each of its networks and models, by name.
        summaries: their blocks in numbers, of the last time that they compiled.
    """

    source: Source = field(repr=False)
    parsed: Parsed = field(repr=False)
    scope: Scope = field(repr=False)
    imported: dict[Path, Scope] = field(repr=False)
    found: tuple[Diagnostic, ...]
    known: dict[str, Known] = field(repr=False)
    summaries: dict[str, Summary] = field(repr=False)

    @property
    def items(self) -> tuple[nodes.Item, ...]:
        """The items that stand, in order."""
        return () if self.parsed.file is None else self.parsed.file.items

    @property
    def pending(self) -> tuple[Known, ...]:
        """Networks that wait to be compiled."""
        return tuple(known for known in self.known.values() if known.compilation is not None)

    @cached_property
    def occurrences(self) -> Occurrences:
        """Every name in it, and what it means."""
        return occurrences(self.items, self.scope)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is wrong, as far as it is known, each once and in order."""
        found, places = dict.fromkeys(self.found), places_of(self.scope)
        for known in self.known.values():
            found.update(dict.fromkeys(moved_to(known, self.source, places)))
        return tuple(in_order(found))


@collect_afterwards
def analyse(
    source: Source,
    before: Analysis | None = None,
    *,
    parser: Parser | None = None,
    roots: Sequence[Path] = (),
    files: Files = DISK,
) -> Analysis:
    """Everything that can be known of a text in little time; never raises, whatever the text.

    Args:
        source: the text.
        before: what was known of it before an edit.
        parser: keeps the files that texts import.
        roots: further folders that imports may reach.
        files: where imports are read from.
    """
    parser = parser or Parser()
    parsed = parse_what_stands(source) if before is None else reparse(before.parsed, before.source, source)
    explored, unread = _explored(source, parsed, parser, roots, files)
    scope = explored.scope
    found = [*parsed.diagnostics, *explored.diagnostics, *unread]
    # What is wrong further on may only follow from these.
    broken = any(d.severity is Severity.ERROR for d in found)
    if not broken:
        diagnostics = Diagnostics(found)
        with suppress(DiagnosticError):
            check_definitions(scope, diagnostics)
            check_spaces(scope, diagnostics)
    known = dict(_known(explored, before, broken))
    if broken and before is not None:
        for key, item in before.scope.names.items():
            scope.names.setdefault(key, item)
    summaries = {} if before is None else before.summaries
    return Analysis(source, parsed, scope, explored.imported, tuple(found), known, summaries)


def completed(analysis: Analysis, pending: Sequence[Known]) -> Analysis:
    """The analysis with some of its networks compiled."""
    done = {known.name: complete(known) for known in pending}
    return with_completed(analysis, done)


def with_completed(analysis: Analysis, done: Mapping[str, Known]) -> Analysis:
    """The analysis with what has been compiled meanwhile, as far as it is still of use."""
    # A network is looked at anew when anything has changed that it depends on, imports too; its node is, then.
    fitting = {
        name: known
        for name, known in done.items()
        if name in analysis.known and analysis.known[name].node is known.node
    }
    summaries = {name: known.summary for name, known in fitting.items() if known.summary is not None}
    return replace(
        analysis, known={**analysis.known, **fitting}, summaries={**analysis.summaries, **summaries}
    )


def _explored(
    source: Source, parsed: Parsed, parser: Parser, roots: Sequence[Path], files: Files
) -> tuple[Explored, list[Diagnostic]]:
    """What a text can name, and the syntax errors of what it imports."""
    unread: list[Diagnostic] = []

    def parse(imported: Source) -> nodes.File:
        if imported is source:
            return parsed.file or nodes.File((), span=Span(source, 0, 0))
        stands = parser.parse(imported)
        if stands.file is None:
            raise DiagnosticError(stands.diagnostics)
        unread.extend(stands.diagnostics)
        return stands.file

    try:
        return explore(source, roots, files, parse), unread
    except DiagnosticError as error:
        # It declares nothing; where there are syntax errors, that is no news.
        empty = Scope(source, (), dict(prelude()))
        return Explored(empty, () if parsed.diagnostics else error.diagnostics, {}), unread


def _known(explored: Explored, before: Analysis | None, broken: bool) -> Iterator[tuple[str, Known]]:
    """Of each network: what was known before if nothing it depends on has changed, else anew."""
    scope = explored.scope
    keys, places = keys_of(scope), places_of(scope)
    kept = {} if before is None or not _same_imports(explored, before) else before.known
    for node in scope.compiled():
        name = node.name.text
        if name in kept and kept[name].key == keys[name]:
            yield name, kept[name]
        elif not broken:
            yield name, look_at(node, keys[name], scope, places)


def _same_imports(explored: Explored, before: Analysis) -> bool:
    now, then = explored.imported, before.imported
    return now.keys() == then.keys() and all(
        len(now[path].own) == len(then[path].own)
        and all(one is other for one, other in zip(now[path].own, then[path].own, strict=True))
        for path in now
    )
