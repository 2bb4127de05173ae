"""`spinec check`: what CI runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from spinedsl.checking.cache import ResultCache, Witness, default_folder
from spinedsl.checking.checked import CheckedFile
from spinedsl.cli import console
from spinedsl.cli.options import files_of
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer, printable
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity

FORMATS = ("concise", "json", "github", "junit", "sarif")
_OTHERWISE = "leave out `--changed-since`"


@click.command("check")
@click.argument("specs", nargs=-1, metavar="SPEC...")
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("text", *FORMATS)), default="text", show_default=True,
              help="text: with excerpts, on standard error; the others on standard output.")  # fmt: skip
@click.option("--changed-since", "revision", metavar="REV",
              help="Only what changed since this revision of git, or imports what did.")  # fmt: skip
@click.option("--cache-dir", type=click.Path(path_type=Path), metavar="DIR",
              help="Where to remember what was fine.  [default: the user's cache folder]")  # fmt: skip
@click.option("--fix", is_flag=True, help="First mend in the files what can only be meant one way.")
@click.option("--no-cache", is_flag=True, help="Check everything, and remember nothing.")
def command(
    specs: tuple[str, ...],
    roots: tuple[Path, ...],
    style: str,
    revision: str | None,
    cache_dir: Path | None,
    fix: bool,
    no_cache: bool,
) -> int:
    """Validate every network of every SPEC, and prove what it expects.

    A SPEC that is a folder stands for all .spine files in it and below, but for hidden folders. A file
    that was fine is remembered, and not looked into again until it changes, or something that it
    imports. Exits with 1 if any error is found, else with 0.

    \b
    Examples:
      spinec check specs/*.spine
      spinec check specs/
      spinec check my.spine --fix
      spinec check specs/ --changed-since origin/main
      spinec check specs/ --format github
      spinec check specs/ --format sarif > spinec.sarif
    """
    if not specs and revision is None:
        raise click.UsageError("Missing argument 'SPEC...'.")
    found: dict[Diagnostic, None] = {}
    files = _chosen(specs or (".",), revision, found)
    cache = None if no_cache else _cache(cache_dir)
    if fix:
        found.update(dict.fromkeys(_fix(files, roots, cache)))
    checked = _checked(files, roots, cache)
    for each in checked:
        # Files that import the same broken one find the same.
        found.update(dict.fromkeys(each.diagnostics))
    if style == "text" and revision is not None and not files and not found:
        console.say(f"no spec changed since {printable(revision)}")
    _show(style, checked, list(found))
    return 1 if any(d.severity is Severity.ERROR for d in found) else 0


def _chosen(specs: Sequence[str], revision: str | None, found: dict[Diagnostic, None]) -> list[str]:
    """The files to check; why some can't be is added to `found`."""
    files: list[str] = []
    for spec in specs:
        try:
            files += files_of(spec)
        except DiagnosticError as error:
            found.update(dict.fromkeys(error.diagnostics))
    if revision is None:
        return files
    try:
        return _changed(specs, files, revision)
    except DiagnosticError as error:
        found.update(dict.fromkeys(error.diagnostics))
        return []


def _show(style: str, checked: Sequence[CheckedFile], found: Sequence[Diagnostic]) -> None:
    if style != "text":
        # Imported where it is asked for: what people read starts sooner.
        from spinedsl.cli.reports import REPORTS

        report = REPORTS[style]([network for file in checked for network in file.networks], found)
        if report:
            click.echo(report)
        return
    for each in checked:
        _say_what_is_fine(each)
    Renderer.for_stream(sys.stderr).show(found)
    if any(d.fix is not None for d in found):
        from spinedsl.cli.fixes import offer_fixes

        offer_fixes([each.file for each in checked], found)


def _fix(files: Sequence[str], roots: Sequence[Path], cache: ResultCache | None) -> Sequence[Diagnostic]:
    """Mend files; why some couldn't be written."""
    if cache is not None:
        files = [file for file in files if cache.restored(file, roots) is None]
        cache.forget_disk()
    if not files:
        return ()
    from spinedsl.checking.check import check_spec
    from spinedsl.cli.fixes import fix_files

    return fix_files(files, lambda file, texts: check_spec(file, roots, texts).diagnostics)


def _cache(folder: Path | None) -> ResultCache | None:
    folder = folder or default_folder()
    return None if folder is None else ResultCache(folder)


def _changed(specs: Sequence[str], files: Sequence[str], revision: str) -> list[str]:
    """The files that a change since a revision affects.

    Raises:
        DiagnosticError: no git, no repository, no such revision (SP052, SP001, SP020).
    """
    from spinedsl.checking.affected import affected
    from spinedsl.repository.revisions import revision_of

    # Path.is_dir raises on odd names.
    folders = {Path(spec) if os.path.isdir(spec) else Path(spec).parent for spec in specs}  # noqa: PTH112
    changed: set[Path] = set()
    revisions = (revision_of(revision, folder, _OTHERWISE) for folder in folders)
    for then in {each.top: each for each in revisions}.values():
        changed |= then.changed(then.top) | then.deleted(then.top)
    return affected(files, changed)


def _checked(files: Sequence[str], roots: Sequence[Path], cache: ResultCache | None) -> list[CheckedFile]:
    """Each file, checked or remembered."""
    checked = []
    try:
        with progress("checking") as tell, console.timed("all together"):
            for number, file in enumerate(files):
                tell(number, len(files), file)
                checked.append(_restored_or_checked(file, roots, cache))
    finally:
        if cache is not None:
            cache.save()
            console.detail(
                f"{cache.hits:,} of {len(files):,} unchanged since they were fine ({cache.folder})"
            )
    return checked


def _restored_or_checked(file: str, roots: Sequence[Path], cache: ResultCache | None) -> CheckedFile:
    known = None if cache is None else cache.restored(file, roots)
    if known is not None:
        return known
    # The checker is a third of a second's import: not while everything is remembered.
    from spinedsl.checking.check import check_spec

    with console.timed(printable(file)):
        if cache is None:
            return check_spec(file, roots)
        witness = Witness()
        found = check_spec(file, roots, witness)
        cache.keep(file, roots, witness, found)
        return found


def _say_what_is_fine(checked: CheckedFile) -> None:
    for network in checked.networks:
        if not network.errors:
            count = network.expectations
            proved = f", {count} expectation{'s' * (count != 1)} hold" + "s" * (count == 1) if count else ""
            console.say(f"ok  {printable(network.file)}:{network.name}{proved}")
    if not checked.networks and not checked.errors:
        console.say(
            f"ok  {printable(checked.file)}, {checked.others} definition{'s' * (checked.others != 1)}"
        )
