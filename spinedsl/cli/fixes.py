"""`--fix`: what commands that find something do to mend it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from spinedsl.cli import console
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Fix
from spinedsl.emit.output import rewrite_file
from spinedsl.fixing import fixed
from spinedsl.resources import STANDARD
from spinedsl.source import Files
from spinedsl.specification import divided, located


def fix_files(
    files: Iterable[str], diagnose: Callable[[str, Files], Sequence[Diagnostic]]
) -> list[Diagnostic]:
    """Make the safe fixes of files, and say so; a file is written whole or not at all.

    Args:
        diagnose: what is wrong with a file, read from `Files`.

    Returns:
        Why files couldn't be written; one that can't be read is left to whoever reads it next.
    """
    problems: list[Diagnostic] = []
    for file in files:
        try:
            source, _ = located(file)
        except DiagnosticError:
            continue
        if source.path is None or file.startswith(STANDARD):
            continue
        result = fixed(source, lambda files, file=file: diagnose(file, files))  # type: ignore[misc]
        if result.text == source.text:
            continue
        try:
            rewrite_file(source.path, source.text, result.text)
        except DiagnosticError as error:
            problems += error.diagnostics
        else:
            console.say(f"fixed {result.count} in {source.name}", err=True)
    return problems


def offer_fixes(files: Iterable[str], found: Iterable[Diagnostic]) -> None:
    """Say how many of the diagnostics `--fix` would mend: those whose fixes are safe, and in the files."""
    names = {divided(file)[0] for file in files if not file.startswith(STANDARD)}
    count = sum(d.fix is not None and d.fix.safe and _within(names, d.fix) for d in found)
    if count:
        console.say(f"{count} of them can be mended with --fix", err=True)


def _within(names: Collection[str], fix: Fix) -> bool:
    """Whether a fix changes one of the files, and no other."""
    changed = {edit.span.source.name for edit in fix.edits}
    return len(changed) == 1 and changed.issubset(names)
