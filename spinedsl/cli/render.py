"""Diagnostics as text: an excerpt, carets, remarks and help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import click

from spinedsl.cli import console
from spinedsl.diagnostics import Diagnostic, Fix, Label, Severity
from spinedsl.records import record

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
MAX_COLUMNS = 160
TAB = "    "


@record
class Renderer:
    """Writes diagnostics to a stream; notes not with `--quiet`."""

    stream: IO[str]
    colour: bool

    @classmethod
    def for_stream(cls, stream: IO[str]) -> Renderer:
        """A renderer that fits what `stream` is connected to."""
        return cls(stream, console.coloured(stream))

    def show(self, diagnostics: Iterable[Diagnostic], *, counted: bool = True) -> None:
        """Write each diagnostic, and how many errors there are if there are several."""
        items = [d for d in diagnostics if not (console.settings.quiet and d.severity is Severity.NOTE)]
        if items and console.before_line is not None:
            console.before_line()
        for item in items:
            click.echo(self.text(item), file=self.stream, color=self.colour)
        errors = sum(item.severity is Severity.ERROR for item in items)
        if counted and errors > 1:
            click.echo(f"{errors} errors", file=self.stream, color=self.colour)

    def text(self, diagnostic: Diagnostic) -> str:
        """One diagnostic, ending in an empty line."""
        colour = _COLOURS[diagnostic.severity]
        head = self._style(f"{diagnostic.severity.value}[{diagnostic.code}]", colour)
        lines = [f"{head}: {self._style(printable(diagnostic.message), None)}"]
        labels = [*([diagnostic.primary] if diagnostic.primary else []), *diagnostic.secondary]
        digits = max((len(str(label.span.line)) for label in labels), default=1)
        for label in labels:
            first = label is diagnostic.primary
            lines += self._excerpt(label, *("^", colour) if first else ("-", "blue"), first, digits)
        if diagnostic.help:
            lines.append(f"  {self._style('help', 'green')}: {printable(diagnostic.help)}")
        return "\n".join(lines) + "\n"

    def _style(self, text: str, colour: str | None) -> str:
        return click.style(text, fg=colour, bold=True) if self.colour else text

    def _excerpt(self, label: Label, mark: str, colour: str, first: bool, digits: int) -> list[str]:
        span = label.span
        line, column = span.source.position(span.start)
        name = printable(span.source.name)
        if not span.source.text:
            return [f"  --> {name}"]
        written, start, length = _window(span.source.line(line), column - 1, span.end - span.start)
        margin = " " * digits
        arrow = "-->" if first else ":::"
        carets = self._style(mark * length, colour)
        remark = f" {self._style(printable(label.text), colour)}" if label.text else ""
        return [
            f" {margin}{arrow} {name}:{line}:{column}",
            f" {margin} |",
            f" {line:>{digits}} | {written}",
            f" {margin} | {' ' * start}{carets}{remark}",
        ]


def _window(line: str, start: int, length: int) -> tuple[str, int, int]:
    """The part of a line that is shown, and where in it the span stands."""
    length = max(1, min(length, len(line) - start))
    first = max(0, start - MAX_COLUMNS // 2) if len(line) > MAX_COLUMNS else 0
    shown = line[first : first + MAX_COLUMNS]
    at = start - first
    marked = printable(shown[at : at + length])
    return printable(shown), len(printable(shown[:at])), max(1, len(marked))


def printable(text: str) -> str:
    """Text that is safe to show: tabs as spaces, no character that could command a terminal."""
    return "".join(TAB if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def encodable(text: str) -> str:
    """Text that any encoding of Unicode can write: names of files need not be text."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON; lines and columns count from 1, the end is exclusive."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "location": None if diagnostic.primary is None else _location(diagnostic.primary),
        "related": [_location(label) for label in diagnostic.secondary],
        "help": diagnostic.help,
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**_location(Label(edit.span)), "text": edit.text} for edit in fix.edits]
    for edit in edits:
        del edit["label"]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _location(label: Label) -> dict[str, Any]:
    span = label.span
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "label": label.text,
    }
