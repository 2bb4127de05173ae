"""What `spinec lint` finds in an open text: looked for when nobody types, and shown as long as it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinedsl.configuration import configuration_for
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity
from spinedsl.language_server.moving import moved_diagnostic
from spinedsl.lint import RULES, lint_spec
from spinedsl.records import record
from spinedsl.source import Files, Source, Span
from spinedsl.syntax import nodes

_CODES = frozenset(rule.code for rule in RULES)


@record
class Linted:
    """What was found in a text as it was.

    Attributes:
        items: of that text.
    """

    source: Source
    items: tuple[nodes.Item, ...]
    diagnostics: tuple[Diagnostic, ...]


def lint(source: Source, items: tuple[nodes.Item, ...], roots: Sequence[Path], files: Files) -> Linted:
    """Lint a text that has a file, as its project has configured it; never raises."""
    assert source.path is not None
    try:
        settings = configuration_for(source.path, files).lint_of(source.path)
    except DiagnosticError as error:
        return Linted(source, items, error.diagnostics)
    found = lint_spec(str(source.path), roots, files, settings).diagnostics
    # What is wrong as such is told already.
    return Linted(source, items, tuple(d for d in found if d.code in _CODES))


def still_holding(linted: Linted, source: Source, items: Sequence[nodes.Item]) -> list[Diagnostic]:
    """Findings about items that are as they were, where they stand now."""
    now = {item.span.text: item.span.start for item in items}
    found = []
    for diagnostic in linted.diagnostics:
        label = diagnostic.primary
        if label is None or label.span.source.path != source.path:
            found.append(diagnostic)
            continue
        around = _around(linted.items, label.span)
        if around is None or around.span.text not in now:
            if linted.source.text == source.text:
                found.append(diagnostic)
            continue
        by = now[around.span.text] - around.span.start
        found.append(moved_diagnostic(diagnostic, lambda span, by=by: _moved(span, source, by)))  # type: ignore[misc]
    return found


def _around(items: Sequence[nodes.Item], span: Span) -> nodes.Item | None:
    return next((item for item in items if item.span.start <= span.start <= item.span.end), None)


def _moved(span: Span, source: Source, by: int) -> Span:
    if span.source.path != source.path:
        return span
    return Span(source, max(0, span.start + by), max(0, span.end + by))


def sound(found: Sequence[Diagnostic]) -> bool:
    """Whether nothing is wrong, so that a text is worth linting."""
    return not any(d.severity is Severity.ERROR for d in found)
