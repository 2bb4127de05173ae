"""`spinec breaking`: what no longer fits trained weights, or who reads the outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl.cli import console
from spinedsl.cli.check_command import FORMATS
from spinedsl.cli.options import files_of
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer, printable
from spinedsl.cli.tables import aligned
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity

if TYPE_CHECKING:
    from spinedsl.checking.checked import CheckedFile
    from spinedsl.comparison.versions import Versions

_OTHERWISE = "give an older copy with `--against`"


@click.command("breaking")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--against", metavar="REV|PATH", help="A revision of git, or an older copy of the file or folder."
)
@click.option("--only", multiple=True, metavar="RULE", help="Only this rule, or category of rules.")
@click.option("--except", "but", multiple=True, metavar="RULE", help="All but this rule, or category.")
@click.option("--list-rules", is_flag=True, help="Show all rules with their categories.")
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("text", *FORMATS)), default="text", show_default=True,
              help="text: with excerpts, on standard error; the others on standard output.")  # fmt: skip
def command(
    paths: tuple[str, ...],
    against: str | None,
    only: tuple[str, ...],
    but: tuple[str, ...],
    list_rules: bool,
    roots: tuple[Path, ...],
    style: str,
) -> int:
    """Find what breaks for who uses an older version of a network or model.

    Weights that no longer load, or load and give other results; inputs, outputs and tasks that changed.
    Layout, comments, new networks and blocks in another order break nothing. A PATH that is a folder
    stands for all .spine files in it and below; without one, the working folder is looked at.

    --against names a revision of git (a branch, a tag, HEAD~1), or a path: an older copy of the folder,
    or of the file. A RULE is a category, a rule's name, or its code. Exits with 1 if anything breaks.

    \b
    Examples:
      spinec breaking --against origin/main
      spinec breaking --against v1.0 specs/ --only WEIGHTS
      spinec breaking --against HEAD --except input-size --format github
      spinec breaking --against old.spine new.spine
      spinec breaking --list-rules
    """
    from spinedsl.comparison.rules import chosen

    if list_rules:
        click.echo("\n".join(_rules()))
        return 0
    if against is None:
        raise click.UsageError("Missing option '--against'.")
    rules = chosen(only, but)
    versions = _versions(paths or (".",), against)
    checked = _compared(versions, rules, roots)
    found = dict.fromkeys(diagnostic for file in checked for diagnostic in file.diagnostics)
    _report(checked, list(found), style)
    if style == "text" and versions.same:
        console.say(f"{versions.same:,} file{'s are' if versions.same > 1 else ' is'} as before")
    return 1 if any(d.severity is Severity.ERROR for d in found) else 0


def _rules() -> list[str]:
    from spinedsl.comparison.rules import CATEGORIES, RULES

    rows = [("code", "rule", "category", "finds"), *((r.code, r.name, r.category, r.title) for r in RULES)]
    categories = aligned([(name, f"protects {whom}") for name, whom in CATEGORIES.items()])
    return [*aligned(rows), "", *categories]


def _versions(paths: Sequence[str], against: str) -> Versions:
    """What `--against` and the paths mean together.

    Raises:
        DiagnosticError: something isn't there.
    """
    from spinedsl.comparison.versions import Versions, in_folder, of_file

    folder = os.path.isdir(against)  # noqa: PTH112  (Path.is_dir raises on odd names)
    if not folder and not os.path.isfile(against):  # noqa: PTH113
        parts = [_since(path, against) for path in paths]
        return Versions(tuple(v for part in parts for v in part.changed), sum(part.same for part in parts))
    if len(paths) > 1 or os.path.isdir(paths[0]) is not folder:  # noqa: PTH112
        kind = "folder" if folder else "file"
        raise click.UsageError(f"“{against}” is a {kind}: give one PATH that is a {kind} to compare with it")
    if folder:
        return in_folder(_files_left(paths[0]), paths[0], files_of(against), against)
    return of_file(paths[0], against)


def _since(path: str, against: str) -> Versions:
    """A file, or all files of a folder, since a revision."""
    from spinedsl.comparison.versions import Version, Versions, since_revision
    from spinedsl.ir.loading import open_source
    from spinedsl.repository.revisions import revision_of

    if not os.path.isdir(path):  # noqa: PTH112
        revision = revision_of(against, Path(path).parent, _OTHERWISE)
        if not os.path.lexists(path) and revision.holds(Path(path)):
            return Versions((Version(path, revision, None),))
        open_source(Path(path), path)
        return since_revision([path], None, revision)
    revision = revision_of(against, Path(path), _OTHERWISE)
    files = _files_left(path)
    versions = since_revision(files, Path(path), revision)
    if not files and not versions.changed:
        files_of(path)  # says that there is none, and was none
    return versions


def _files_left(folder: str) -> list[str]:
    """All .spine files of a folder; none if all are gone."""
    try:
        return files_of(folder)
    except DiagnosticError:
        return []


def _compared(versions: Versions, rules: frozenset[str], roots: Sequence[Path]) -> list[CheckedFile]:
    from spinedsl.comparison.breaking import breaking_file

    checked = []
    with progress("comparing") as tell, console.timed(f"compared {len(versions.changed):,} files"):
        for number, version in enumerate(versions.changed):
            tell(number, len(versions.changed), version.file)
            checked.append(breaking_file(version, rules, roots))
    return checked


def _report(checked: Sequence[CheckedFile], found: Sequence[Diagnostic], style: str) -> None:
    networks = [network for file in checked for network in file.networks]
    if style == "text":
        for network in networks:
            if not network.errors:
                console.say(f"ok  {printable(network.file)}:{network.name}")
        Renderer.for_stream(sys.stderr).show(found)
        return
    from spinedsl.cli.reports import REPORTS

    report = REPORTS[style](networks, found)
    if report:
        click.echo(report)
