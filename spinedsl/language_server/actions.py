"""What an editor can offer to do about what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.diagnostics import Diagnostic, Edit, Fix
from spinedsl.fixing import chosen, safe_fixes
from spinedsl.ir.standard import declared_in_library
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.symbols import same_file
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes


@record
class Action:
    """Something to do.

    Attributes:
        title: as an action.
        diagnostic: what it is about.
        edits: all of them, or none.
        preferred: whether it can only be what was meant.
    """

    title: str
    diagnostic: Diagnostic
    edits: tuple[Edit, ...]
    preferred: bool


def actions(analysis: Analysis, diagnostics: Iterable[Diagnostic], start: int, end: int) -> Iterator[Action]:
    """What can be done about diagnostics that touch a range."""
    for diagnostic in diagnostics:
        span = None if diagnostic.primary is None else diagnostic.primary.span
        if (
            span is None
            or not same_file(span.source, analysis.source)
            or span.end < start
            or span.start > end
        ):
            continue
        if diagnostic.fix is not None:
            yield _of_fix(diagnostic, diagnostic.fix)
        yield from _imports(analysis, diagnostic, span)


def _of_fix(diagnostic: Diagnostic, fix: Fix) -> Action:
    title = fix.title[:1].upper() + fix.title[1:]
    return Action(title, diagnostic, fix.edits, fix.safe)


def fix_all(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Edit]:
    """What one round of `--fix` would change in a text."""
    return [edit for fix in chosen(safe_fixes(diagnostics, source)) for edit in fix.edits]


def _imports(analysis: Analysis, diagnostic: Diagnostic, span: Span) -> Iterator[Action]:
    """An unknown name that a file of the standard library declares."""
    if diagnostic.code != "SP020":
        return
    for file in declared_in_library(span.text):
        gap = "" if _imported(analysis) else "\n"
        edit = Edit(_place_for_import(analysis), f'import "{file}"\n{gap}')
        yield Action(f"Import “{file}”", diagnostic, (edit,), False)


def _imported(analysis: Analysis) -> list[nodes.Import]:
    return [item for item in analysis.items if isinstance(item, nodes.Import)]


def _place_for_import(analysis: Analysis) -> Span:
    """Behind the last import, else at the beginning."""
    imports, text = _imported(analysis), analysis.source.text
    end = text.find("\n", imports[-1].span.end) + 1 if imports else 0
    offset = end if end or not imports else len(text)
    return Span(analysis.source, offset, offset)
