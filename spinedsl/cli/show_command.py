"""`spinec show`: every stage can be read."""

from __future__ import annotations

from pathlib import Path

import click

from spinedsl.cli import options
from spinedsl.pipeline import STAGES, Compilation, ModelCompilation, optimised
from spinedsl.profiles import Level


@click.command("show")
@options.spec
@click.option("--stage", type=click.Choice(STAGES), default="expanded", show_default=True,
              help="How far to go.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="With --stage ir: as JSON.")
@options.optimisation
@click.option(
    "--why", is_flag=True, help="With -O: what was rewritten and what wasn't, instead of the graph."
)
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    stage: str,
    as_json: bool,
    level: Level,
    runtime: str | None,
    why: bool,
) -> None:
    """Print a network at one stage of the compiler.

    \b
    syntax    what was written, in canonical form
    ir        what it means: names, extends and conventions resolved
    expanded  what is implied: repeats, scaled widths, rules, edges of unread blocks
    graph     what is run: functions of operators, with shapes

    \b
    Examples:
      spinec show std:spinenet49
      spinec show std:spinenet49 --stage ir --json > spinenet49.json
      spinec show my.spine --stage graph -O2 --why
    """
    if stage != "graph" and (level or runtime or why):
        raise click.UsageError("-O, --runtime and --why: only with --stage graph")
    if why and not level:
        raise click.UsageError("--why: only with -O1 or -O2")
    compilation = options.opened(spec, overrides, roots)
    if why:
        from spinedsl.rewrites.decisions import decisions_text

        rewritten = optimised(compilation, level, runtime)
        click.echo(decisions_text(rewritten.decisions), nl=False)
        return
    if stage == "syntax":
        from spinedsl.syntax import printer

        assert compilation.syntax is not None
        click.echo(printer.item(compilation.syntax), nl=False)
    elif stage == "ir" and as_json:
        click.echo(compilation.subject.model_dump_json(indent=2))
    elif stage == "ir":
        from spinedsl.ir.writing import subject_text

        click.echo(subject_text(compilation.subject), nl=False)
    elif stage == "expanded":
        from spinedsl.ir.expanded_text import expanded_text

        parts = (compilation,) if isinstance(compilation, Compilation) else compilation.parts
        click.echo("\n".join(expanded_text(part.expanded) for part in parts), nl=False)
    else:
        from spinedsl.graph.text import program_text

        compilation = optimised(compilation, level, runtime)
        click.echo(program_text(compilation.program), nl=False)
        if isinstance(compilation, ModelCompilation):
            for _, program in compilation.assembly.region_programs():
                click.echo("\n" + program_text(program, functions=False), nl=False)
