"""Making the mends that diagnostics offer.

Nothing is written here: a fixed text is a value (spinedsl/cli/fixes.py writes it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from spinedsl.diagnostics import Diagnostic, Edit, Fix
from spinedsl.records import record
from spinedsl.source import DISK, Files, Source

MAX_ROUNDS = 50
"""How often a text is looked at again: a mend may uncover the next mistake."""

Diagnose = Callable[[Files], Sequence[Diagnostic]]
"""What is wrong with a text, its file being read from `Files`."""


@record
class Fixed:
    """A text with its safe fixes made.

    Attributes:
        count: how many.
    """

    text: str
    count: int


def fixed(source: Source, diagnose: Diagnose) -> Fixed:
    """Make the safe fixes of one file until there are none left.

    Args:
        source: of a file, which has a path.
    """
    text, count = source.text, 0
    for _ in range(MAX_ROUNDS):
        files = _Changed(source, text)
        now = Source(source.name, text, source.path)
        fixes = safe_fixes(diagnose(files), now)
        after, made = apply_fixes(now, fixes)
        if after == text:
            break
        text, count = after, count + made
    return Fixed(text, count)


def safe_fixes(diagnostics: Iterable[Diagnostic], source: Source) -> list[Fix]:
    """The fixes of a source that may be made unasked."""
    fixes = (d.fix for d in diagnostics if d.fix is not None and d.fix.safe)
    return [fix for fix in fixes if all(edit.span.source == source for edit in fix.edits)]


def apply_fixes(source: Source, fixes: Iterable[Fix]) -> tuple[str, int]:
    """The text with fixes made, and how many: as `chosen`.

    Args:
        fixes: of this source.
    """
    made = chosen(fixes)
    return with_edits(source.text, [edit for fix in made for edit in fix.edits]), len(made)


def chosen(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes of one source that can be made together; of those that reach into each other the first."""
    taken: list[Fix] = []
    last: Edit | None = None
    for fix in sorted(fixes, key=_place):
        edits = sorted(fix.edits, key=_start)
        # Two that insert at one place are most likely one and the same.
        if last is None or edits[0].span.start > last.span.end or _follows(edits[0], last):
            taken.append(fix)
            last = edits[-1]
    return taken


def with_edits(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits made that don't reach into each other."""
    parts, at = [], 0
    for edit in sorted(edits, key=_start):
        parts += [text[at : edit.span.start], edit.text]
        at = edit.span.end
    return "".join([*parts, text[at:]])


def _start(edit: Edit) -> tuple[int, int]:
    return edit.span.start, edit.span.end


def _place(fix: Fix) -> tuple[int, int]:
    return min(_start(edit) for edit in fix.edits)


def _follows(edit: Edit, before: Edit) -> bool:
    """Whether it begins right where the one before ends, and one of them at least removes something."""
    return edit.span.start == before.span.end and (
        edit.span.end > edit.span.start or before.span.end > before.span.start
    )


class _Changed(Files):
    """The disk, but for the text of one file."""

    def __init__(self, source: Source, text: str) -> None:
        self.path = source.path
        self.text = text

    def read(self, path: Path, name: str | None = None) -> Source:
        if path == self.path:
            return Source(name or str(path), self.text, path)
        return DISK.read(path, name)
