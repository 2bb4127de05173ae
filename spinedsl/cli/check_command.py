"""`spinec check`: what CI runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from spinedsl.checking import CheckedFile, check_spec
from spinedsl.cli.options import files_of
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity

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
    found: dict[Diagnostic, None] = {}
    checked: list[CheckedFile] = []
    for spec in specs:
        try:
            files = files_of(spec)
        except DiagnosticError as error:
            found.update(dict.fromkeys(error.diagnostics))
            continue
        for file in files:
            checked.append(check_spec(file, roots))
            # Files that import the same broken one find the same.
            found.update(dict.fromkeys(checked[-1].diagnostics))
    if style != "text":
        # Imported where it is asked for: what people read starts sooner.
        from spinedsl.cli.reports import REPORTS

        report = REPORTS[style]([network for file in checked for network in file.networks], list(found))
        if report:
            click.echo(report)
    else:
        for each in checked:
            _say_what_is_fine(each)
        Renderer.for_stream(sys.stderr).show(found)
    return 1 if any(d.severity is Severity.ERROR for d in found) else 0


def _say_what_is_fine(checked: CheckedFile) -> None:
    for network in checked.networks:
        if not network.errors:
            count = network.expectations
            proved = f", {count} expectation{'s' * (count != 1)} hold" + "s" * (count == 1) if count else ""
            click.echo(f"ok  {network.file}:{network.name}{proved}")
    if not checked.networks and not checked.errors:
        click.echo(f"ok  {checked.file}, {checked.others} definition{'s' * (checked.others != 1)}")
