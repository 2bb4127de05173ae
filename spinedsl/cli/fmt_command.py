"""`spinec fmt`: one layout for all."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from spinedsl.cli import console
from spinedsl.cli.options import files_of
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import Diagnostic, DiagnosticError, fail
from spinedsl.emit.output import rewrite_file
from spinedsl.ir.loading import open_source
from spinedsl.source import MAX_SOURCE_BYTES, SourceProblem, source_from_bytes
from spinedsl.syntax.formatting import formatted

STDIN = "-"


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Bring spec files into their canonical layout; comments stay, and nothing means anything else.

    A PATH that is a folder stands for all .spine files in it and below, “-” for standard input, whose
    layout is printed. Files with errors are left alone.

    \b
    Examples:
      spinec fmt specs/
      spinec fmt --check specs/ my.spine
      spinec fmt - < my.spine
    """
    if STDIN in paths:
        if len(paths) > 1:
            raise click.UsageError("“-” stands alone")
        return _standard_input(check, diff)
    found: list[Diagnostic] = []
    files: list[str] = []
    for given in paths:
        try:
            files += files_of(given)
        except DiagnosticError as error:
            found += error.diagnostics
    changed = unchanged = 0
    unique = dict.fromkeys(map(Path, files))
    with progress("formatting") as tell:
        for number, path in enumerate(unique):
            tell(number, len(unique), str(path))
            try:
                source = open_source(path)
                text = formatted(source)
                if text == source.text:
                    unchanged += 1
                    continue
                changed += 1
                if diff:
                    console.put(_difference(str(path), source.text, text), nl=False)
                elif check:
                    console.put(f"would reformat {path}")
                else:
                    rewrite_file(path, source.text, text)
                    console.say(f"reformatted {path}")
            except DiagnosticError as error:
                found += [d for d in error.diagnostics if d not in found]
    Renderer.for_stream(sys.stderr).show(found)
    if not diff:
        verb = "would change" if check else "changed"
        console.say(f"{changed} {verb}, {unchanged} unchanged", err=True)
    return 1 if found or (changed and (check or diff)) else 0


def _standard_input(check: bool, diff: bool) -> int:
    data = sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    if len(data) > MAX_SOURCE_BYTES:
        raise fail(
            "SP002", f"standard input has more than the {MAX_SOURCE_BYTES:,} bytes allowed",
            help="split it into files joined by `import`",
        )  # fmt: skip
    try:
        source = source_from_bytes(data, "<stdin>")
    except SourceProblem as problem:
        raise fail(problem.code, problem.message, help=problem.help) from None
    given, text = source.text, formatted(source)
    if diff:
        click.echo(_difference("<stdin>", given, text), nl=False)
    elif not check:
        click.echo(text, nl=False)
    return 1 if text != given and (check or diff) else 0


def _difference(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name}, formatted"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
