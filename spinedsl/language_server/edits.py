"""Formatting, as the edits that make it."""

from __future__ import annotations

from spinedsl.diagnostics import DiagnosticError, Edit
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.reparsing import change_between
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.formatting import formatted
from spinedsl.syntax.parser import parse


def format_all(analysis: Analysis) -> list[Edit]:
    """What `spinec fmt` would change; nothing in a text that isn't of the language."""
    text = _formatted(analysis.source)
    if text is None or text == analysis.source.text:
        return []
    return [_edit(analysis.source, Span(analysis.source, 0, len(analysis.source.text)), text)]


def format_range(analysis: Analysis, start: int, end: int) -> list[Edit]:
    """The same of the items that reach into a range."""
    text = _formatted(analysis.source)
    if text is None:
        return []
    try:
        fresh = parse(Source(analysis.source.name, text)).items
    except DiagnosticError:
        return []
    return [
        _edit(analysis.source, old.span, _as_ended(analysis.source.text, new.span.text))
        for old, new in zip(analysis.items, fresh, strict=False)
        if old.span.start <= end and old.span.end >= start and old.span.text != new.span.text and _whole(old)
    ]


def _whole(item: nodes.Item) -> bool:
    """Whether an item begins its line, as formatted ones do."""
    start = item.span.source.text.rfind("\n", 0, item.span.start) + 1
    return start == item.span.start


def _formatted(source: Source) -> str | None:
    try:
        return _as_ended(source.text, formatted(source))
    except DiagnosticError:
        return None


def _as_ended(given: str, text: str) -> str:
    """A text whose lines end as those of another."""
    return text.replace("\n", "\r\n") if "\r\n" in given else text


def _edit(source: Source, span: Span, text: str) -> Edit:
    """The edit that makes a span a text, as small as it can be."""
    change = change_between(span.text, text)
    start = span.start + change.start
    return Edit(Span(source, start, span.start + change.old_end), text[change.start : change.new_end])
