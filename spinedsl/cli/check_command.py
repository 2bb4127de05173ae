"""`spinec check`: what CI runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from spinedsl.analysis.checking import check
from spinedsl.cli.render import Renderer
from spinedsl.cli.reports import REPORTS, Checked
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Severity, fail, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.specification import open_all


@click.command("check")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(["text", *REPORTS]), default="text", show_default=True,
              help="text: with excerpts, on standard error; the others on standard output.")  # fmt: skip
def command(specs: tuple[str, ...], roots: tuple[Path, ...], style: str) -> int:
    """Validate every network of every SPEC, and prove what it expects.

    A SPEC that is a folder stands for all .spine files in it and below. Exits with 1 if any error is
    found, else with 0.

    \b
    Examples:
      spinec check specs/*.spine
      spinec check specs/
      spinec check specs/ --format github
      spinec check specs/ --format sarif > spinec.sarif
    """
    found: list[Diagnostic] = []
    networks: list[Checked] = []
    for spec in specs:
        try:
            files = _files(spec)
        except DiagnosticError as error:
            found += [d for d in error.diagnostics if d not in found]
            continue
        for file in files:
            diagnostics, counts = _check_file(file, roots)
            found += [d for d in diagnostics if d not in found]
            networks += counts
    errors = sum(d.severity is Severity.ERROR for d in found)
    if style != "text":
        report = REPORTS[style](networks, found)
        if report:
            click.echo(report)
    else:
        for network in networks:
            if network["errors"] == 0:
                count = network["expectations"]
                proved = (
                    f", {count} expectation{'s' * (count != 1)} hold" + "s" * (count == 1) if count else ""
                )
                click.echo(f"ok  {network['file']}:{network['name']}{proved}")
        Renderer.for_stream(sys.stderr).show(found)
    return 1 if errors else 0


def _files(spec: str) -> list[str]:
    """The SPEC itself, or the files of the folder that it is.

    Raises:
        DiagnosticError: a folder without any (SP001).
    """
    if not spec or not os.path.isdir(spec):  # noqa: PTH112  (Path.is_dir raises on odd names)
        return [spec]
    files = sorted(Path(spec).rglob("*.spine"))
    if not files:
        raise fail("SP001", f"there is no .spine file in “{spec}”", help="give the folder of your specs")
    return [str(file) for file in files]


def _check_file(spec: str, roots: tuple[Path, ...]) -> tuple[list[Diagnostic], list[Checked]]:
    """Everything there is to say of a file, and one entry a network."""
    try:
        scope, compilations = open_all(spec, roots)
    except DiagnosticError as error:
        return list(error.diagnostics), []
    definitions = Diagnostics()
    check_definitions(scope, definitions)
    found = definitions.found
    counts: list[Checked] = []
    for compilation in compilations:
        diagnostics, expectations = check(compilation)
        found = found + [d for d in diagnostics if d not in found]
        assert compilation.syntax is not None
        counts.append(
            {
                "file": scope.source.name,
                "name": compilation.syntax.name.text,
                "expectations": expectations,
                "errors": sum(d.severity is Severity.ERROR for d in diagnostics),
            }
        )
    return in_order(found), counts
