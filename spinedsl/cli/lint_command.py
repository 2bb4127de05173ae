"""`spinec lint`: what is allowed, and mostly not meant."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import click

from spinedsl.checking.checked import CheckedFile
from spinedsl.cli import console
from spinedsl.cli.check_command import FORMATS
from spinedsl.cli.fixes import fix_files, offer_fixes
from spinedsl.cli.options import files_of
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.cli.tables import aligned
from spinedsl.configuration import Configuration, configuration_for, read_configuration
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity
from spinedsl.lint import RULES, Level, Rule, Settings, lint_spec, rule_called
from spinedsl.lint.rules import near_rule
from spinedsl.lint.trained import ANY
from spinedsl.resources import STANDARD, names_in
from spinedsl.specification import divided, located, open_all


def _rules(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules that `--select SP101,long-connection` names."""
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    rules = []
    for name in names:
        rule = rule_called(name)
        if rule is None:
            raise click.BadParameter(f"there is no rule “{name}”; {near_rule(name)}")
        rules.append(rule)
    return tuple(rules)


@click.command("lint")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--select", multiple=True, metavar="RULES", callback=_rules,
              help="Only these rules, by code or name.")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="RULES", callback=_rules, help="Not these rules.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--fix", is_flag=True, help="First mend in the files what can only be meant one way.")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE",
              help="The weights that the one network will get (.safetensors).")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="Read [tool.spinec] here.  [default: the nearest pyproject.toml above each file]")  # fmt: skip
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("text", *FORMATS)), default="text", show_default=True,
              help="text: with excerpts, on standard error; the others on standard output.")  # fmt: skip
@click.option("--rules", "listing", is_flag=True, help="List the rules with their levels, and leave.")
def command(
    paths: tuple[str, ...],
    select: tuple[Rule, ...],
    ignore: tuple[Rule, ...],
    strict: bool,
    fix: bool,
    weights: Path | None,
    config: Path | None,
    roots: tuple[Path, ...],
    style: str,
    listing: bool,
) -> int:
    """Find what is allowed in specs, and mostly not meant: unread blocks, odd channels, unused names.

    A PATH that is a folder stands for all .spine files in it and below; `path:network` and std:NAME are
    taken, too. What is wrong with a spec is told as `spinec check` tells it, but expectations aren't proved.
    Levels and options of rules stand in the pyproject.toml, under [tool.spinec.lint]; a comment
    `# spinec: ignore[SP101]` ignores a rule where it stands. Exits with 1 if any error is found (with
    --strict: or warning), else with 0.

    \b
    Examples:
      spinec lint specs/
      spinec lint specs/ --strict --format github
      spinec lint my.spine --select SP104,long-connection
      spinec lint my.spine:detector --weights trained.safetensors
      spinec lint my.spine --fix
      spinec lint --rules
    """
    if listing:
        settings = _chosen(_configuration(config, Path()).lint, select, ignore)
        click.echo("\n".join(_listing(settings)))
        return 0
    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.")
    found: dict[Diagnostic, None] = {}
    files = {
        file: _settings(file, configuration, select, ignore)
        for file, configuration in _configured(paths, config, found).items()
    }
    if weights is not None:
        files = {file: replace(lint, weights={ANY: weights}) for file, lint in files.items()}
    _refuse_needy(select, files.values())
    if weights is not None and sum(_networks_in(file, roots) for file in files) > 1:
        raise click.UsageError("--weights are those of one network: name it, `path:network`")
    if fix:
        found.update(dict.fromkeys(_fix(files, roots)))
    linted = _linted(files, roots)
    for each in linted:
        found.update(dict.fromkeys(each.diagnostics))
    _show(style, linted, list(found))
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return 1 if any(d.severity in failing for d in found) else 0


def _configuration(given: Path | None, folder: Path) -> Configuration:
    return configuration_for(folder) if given is None else read_configuration(given)


def _configured(
    paths: Sequence[str], config: Path | None, found: dict[Diagnostic, None]
) -> dict[str, Configuration]:
    """The configuration of each file; why some can't be linted is added to `found`."""

    @cache
    def configured(folder: Path) -> Configuration | DiagnosticError:
        try:
            return _configuration(config, folder)
        except DiagnosticError as error:
            return error

    files: dict[str, Configuration] = {}
    for path in paths:
        try:
            inside = files_of(path)
        except DiagnosticError as error:
            found.update(dict.fromkeys(error.diagnostics))
            continue
        for file in inside:
            configuration = configured(_folder(file))
            if isinstance(configuration, DiagnosticError):
                found.update(dict.fromkeys(configuration.diagnostics))
            else:
                files[file] = configuration
    return files


def _refuse_needy(select: Sequence[Rule], files: Collection[Settings]) -> None:
    """Refuse to select a rule that could look at none of the files."""
    for rule in select:
        if rule.needs is not None and files and not any(getattr(each, rule.needs) for each in files):
            option = ", or --weights" if rule.needs == "weights" else ""
            raise click.UsageError(f"{rule.code} needs `{rule.needs}` in the pyproject.toml{option}")


def _networks_in(file: str, roots: Sequence[Path]) -> int:
    """How many networks and models are asked for; of what doesn't compile, those that its text names."""
    with suppress(DiagnosticError):
        return len(open_all(file, roots)[1])
    with suppress(DiagnosticError):
        source, wanted = located(file)
        return len(names_in(source.text)) if wanted is None else 1
    return 0


def _path(file: str) -> Path:
    """The path in `path:network`."""
    return Path(divided(file)[0])


def _folder(file: str) -> Path:
    """Where the configuration of a file is looked for; of what ships with spinec, where one is."""
    return Path() if file.startswith(STANDARD) else _path(file).parent


def _settings(
    file: str, configuration: Configuration, select: Sequence[Rule], ignore: Sequence[Rule]
) -> Settings:
    """How a file is linted."""
    lint = _chosen(configuration.lint, select, ignore)
    return replace(configuration, lint=lint).lint_of(_path(file))


def _chosen(settings: Settings, select: Sequence[Rule], ignore: Sequence[Rule]) -> Settings:
    """Settings with `--select` and `--ignore` laid over them; what is selected is never off."""
    levels = dict(settings.levels)
    for rule in RULES:
        if rule in ignore or (select and rule not in select):
            levels[rule.code] = Level.OFF
        elif select and settings.level(rule) is Level.OFF:
            levels[rule.code] = rule.level
    return replace(settings, levels=levels)


def _fix(files: Mapping[str, Settings], roots: Sequence[Path]) -> Sequence[Diagnostic]:
    """Mend files; why some couldn't be written."""
    return fix_files(files, lambda file, texts: lint_spec(file, roots, texts, files[file]).diagnostics)


def _linted(files: Mapping[str, Settings], roots: Sequence[Path]) -> list[CheckedFile]:
    linted = []
    with progress("linting") as tell:
        for number, (file, settings) in enumerate(files.items()):
            tell(number, len(files), file)
            linted.append(lint_spec(file, roots, settings=settings))
    return linted


def _show(style: str, linted: Sequence[CheckedFile], found: Sequence[Diagnostic]) -> None:
    if style != "text":
        # Imported where it is asked for, as by `spinec check`.
        from spinedsl.cli.reports import REPORTS

        report = REPORTS[style]([network for file in linted for network in file.networks], found)
        if report:
            click.echo(report)
        return
    Renderer.for_stream(sys.stderr).show(found, counted=False)
    files = f"{len(linted):,} file{'s' * (len(linted) != 1)}"
    if not found:
        console.say(f"ok  {files}")
        return
    counts = [(sum(d.severity is severity for d in found), severity.value) for severity in Severity]
    shown = [f"{count:,} {word}{'s' * (count != 1)}" for count, word in counts if count]
    console.say(f"{', '.join(shown)} in {files}", err=True)
    offer_fixes([each.file for each in linted], found)


def _listing(settings: Settings) -> list[str]:
    """A line a rule."""
    rows = []
    for rule in RULES:
        option = f"{rule.option.name} = {settings.option(rule)}" if rule.option else ""
        rows.append((rule.code, rule.name, settings.level(rule).value, option, rule.summary))
    return aligned([("code", "name", "level", "option", "what it finds"), *rows])
