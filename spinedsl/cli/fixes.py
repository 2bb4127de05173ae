"""`--fix`: what commands that find something do to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from spinedsl.cli import console
from spinedsl.diagnostics import Diagnostic, DiagnosticError
from spinedsl.emit.output import rewrite_file
from spinedsl.fixing import fixed
from spinedsl.source import Files
from spinedsl.specification import STANDARD, located


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
