"""The canonical layout of a file: what `spinec fmt` writes.

1. Every declaration and statement has lines of its own, printed as printer.py has it; what stood on one
   line with its body stays there if it fits.
2. Blocks that follow one another are a table; so are declarations with a value.
3. Comments stay where they were: above what they stood above, behind what they stood behind. A
   declaration with a comment in its middle is left as it was written.
4. Empty lines stay, at most one; one stands between items other than imports.

Ensures: the same syntax, so that nothing means anything else; formatting twice is formatting once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.layout import Leaf, Unit, Whole, units_of
from spinedsl.syntax.parser import parse
from spinedsl.syntax.printer import INDENT, WIDTH

_COMMENT = re.compile(r'"[^"\n]*"|(?P<comment>#[^\n]*)')
_BREAK = re.compile(r'"[^"\n]*"|(?P<open>\()|(?P<close>\))|(?P<comma>, )')


def formatted(source: Source) -> str:
    """The text of a source in its canonical layout.

    Raises:
        DiagnosticError: the text is not of the language.
    """
    return _Formatter(source).run(parse(source))


def table(rows: Iterable[tuple[str, ...]], indent: int) -> str:
    """Lines of a table, as they stand in a formatted file.

    Args:
        rows: cells of each.
    """
    return "".join(f"{line}\n" for line in _aligned([_Line(indent, cells, "table") for cells in rows]))


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment and where it stood."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class _Line:
    """A line in the making.

    Attributes:
        cells: its text, in columns.
        table: lines of one table that follow one another are aligned; "" for none.
        comment: what stands behind it.
        fixed: left as it was written.
    """

    indent: int
    cells: tuple[str, ...]
    table: str = ""
    comment: str = ""
    fixed: bool = False


class _Formatter:
    """Writes units, and the comments between them, from the first to the last."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.comments = [
            _Comment(m.start(), m.end(), m.group().rstrip())
            for m in _COMMENT.finditer(self.text)
            if m.group("comment")
        ]
        self.next = 0
        self.lines: list[_Line] = []
        self.last: int | None = None
        """Where what was written last ends in the source; None right behind a brace."""

    def run(self, file: nodes.File) -> str:
        previous: nodes.Item | None = None
        for item, unit in zip(file.items, units_of(file, self.text), strict=True):
            imports = isinstance(previous, nodes.Import) and isinstance(item, nodes.Import)
            apart = previous is not None and not imports
            commented = self._comments_before(unit.start, 0, apart)
            self._unit(unit, 0, apart and not commented)
            previous = item
        self._comments_before(len(self.text), 0)
        return "".join(f"{line}\n" for line in _aligned(self.lines))

    # ---- what stands between units

    def _gap(self, start: int, apart: bool) -> None:
        """An empty line, where one stood or has to stand."""
        if self.last is None:
            return
        if apart or self.text.count("\n", self.last, start) > 1:
            self.lines.append(_Line(0, ()))

    def _comments_before(self, end: int, indent: int, apart: bool = False) -> bool:
        """Comments on lines of their own; whether there are any."""
        first = self.next
        while self.next < len(self.comments) and self.comments[self.next].start < end:
            comment = self.comments[self.next]
            self._gap(comment.start, apart and self.next == first)
            self.lines.append(_Line(indent, (comment.text,), fixed=True))
            self.last = comment.end
            self.next += 1
        return self.next > first

    def _comment_behind(self, end: int) -> None:
        """A comment right behind something, on its line, goes behind the line that was written last."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            between = self.text[end : comment.start]
            if comment.start >= end and "\n" not in between and not between.strip():
                self.lines[-1].comment = comment.text
                self.last = comment.end
                self.next += 1

    # ---- units

    def _unit(self, unit: Unit, indent: int, apart: bool = False) -> None:
        self._gap(unit.start, apart)
        if isinstance(unit, Leaf):
            self._leaf(unit, indent)
        else:
            self._whole(unit, indent)
        self._comment_behind(unit.end)

    def _leaf(self, unit: Leaf, indent: int) -> None:
        inside = self._comments_inside(unit.start, unit.end)
        if inside:
            first, *rest = self.text[unit.start : unit.end].splitlines()
            self.lines.append(_Line(indent, (first.rstrip(),), fixed=True))
            self.lines += [_Line(indent + 2, (line.strip(),), fixed=True) for line in rest if line.strip()]
            self.next += inside
        else:
            self.lines.append(_Line(indent, unit.cells, unit.table))
        self.last = unit.end

    def _comments_inside(self, start: int, end: int) -> int:
        count = 0
        while self.next + count < len(self.comments) and start < self.comments[self.next + count].start < end:
            count += 1
        return count

    def _whole(self, unit: Whole, indent: int) -> None:
        line = unit.one_line()
        fits = len(INDENT * indent) + len(line) <= WIDTH
        if "\n" not in self.text[unit.start : unit.end] and fits:
            self.lines.append(_Line(indent, (line,)))
            self.last = unit.end
            return
        head = unit.head
        while True:
            self.lines.append(_Line(indent, (f"{head} {{" if head else "{",)))
            if self.next < len(self.comments) and self.comments[self.next].start < unit.opening:
                self.lines[-1].comment = self.comments[self.next].text
                self.next += 1
            else:
                self._comment_behind(unit.opening + 1)
            self.last = None
            for child in unit.children:
                self._comments_before(child.start, indent + 1)
                self._unit(child, indent + 1)
            self._comments_before(unit.closing, indent + 1)
            if unit.otherwise is None:
                break
            head, unit = "} else", unit.otherwise
        self.lines.append(_Line(indent, ("}",)))
        self.last = unit.end


# ---- lines


def _aligned(lines: Sequence[_Line]) -> list[str]:
    """Texts of the lines: tables in columns, long ones broken, comments below one another."""
    texts: list[list[str]] = []
    for (table, indent), rows in groupby(lines, lambda line: (line.table, line.indent)):
        run = list(rows)
        widths = _widths(run) if table else []
        texts += [_broken(_row(line, widths), indent, line.fixed) for line in run]
    behind = [bool(line.comment) for line in lines]
    result: list[str] = []
    for with_comment, run_of in groupby(range(len(lines)), lambda index: behind[index]):
        indices = list(run_of)
        widest = max(len(texts[index][-1]) for index in indices)
        for index in indices:
            *before, last = texts[index]
            if with_comment:
                last = f"{last.ljust(widest)}  {lines[index].comment}"
            result += [*before, last]
    return [line.rstrip() for line in result]


def _widths(run: Sequence[_Line]) -> list[int]:
    columns = max(len(line.cells) for line in run)
    return [
        max((len(line.cells[column]) for line in run if column < len(line.cells)), default=0)
        for column in range(columns)
    ]


def _row(line: _Line, widths: Sequence[int]) -> str:
    if not widths:
        return " ".join(cell for cell in line.cells if cell)
    padded = (cell.ljust(width) for cell, width in zip(line.cells, widths, strict=False) if width)
    return " ".join(padded).rstrip()


def _broken(text: str, indent: int, fixed: bool) -> list[str]:
    """A line, or several if it is too long: it goes on behind a comma that stands in no parentheses."""
    margin, rest = INDENT * indent, INDENT * (indent + 2)
    lines: list[str] = []
    current = margin + text
    while not fixed and len(current) > WIDTH:
        place = _last_comma(current)
        if place is None:
            break
        lines.append(current[: place + 1])
        current = rest + current[place + 2 :]
    return [*lines, current]


def _last_comma(text: str) -> int | None:
    """The last comma within the width that one may break behind, else the first one beyond it."""
    depth, found = 0, None
    for match in _BREAK.finditer(text):
        depth += bool(match.group("open")) - bool(match.group("close"))
        if match.group("comma") and depth == 0:
            if match.start() >= WIDTH and found is not None:
                break
            found = match.start()
            if found >= WIDTH:
                break
    return found
