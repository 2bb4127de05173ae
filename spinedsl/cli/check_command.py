"""`spinec check`: what CI runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl.analysis.checking import check
from spinedsl.cli.options import files_of
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Severity, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.specification import open_all

if TYPE_CHECKING:
    from spinedsl.cli.reports import Checked

FORMATS = ("concise", "json", "github", "junit", "sarif")


@click.command("check")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("text", *FORMATS)), default="text", show_default=True,
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
            files = files_of(spec)
        except DiagnosticError as error:
            found += [d for d in error.diagnostics if d not in found]
            continue
        for file in files:
            diagnostics, counts = _check_file(file, roots)
            found += [d for d in diagnostics if d not in found]
            networks += counts
    errors = sum(d.severity is Severity.ERROR for d in found)
    if style != "text":
        # Imported where it is asked for: what people read starts sooner.
        from spinedsl.cli.reports import REPORTS

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
