"""`spinec view`: a network, or two side by side, as a page to look around in."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from spinedsl.cli import console, options
from spinedsl.cli.tables import size_text
from spinedsl.diagnostics import fail


@click.command("view")
@click.argument("spec")
@click.argument("other", required=False)
@options.overrides
@click.option("-o", "--output", metavar="FILE", help="Where to write; “-” prints.  [default: NAME.html]")
@click.option("--open", "opens", is_flag=True, help="Show the page in the browser.")
@click.option("--force", is_flag=True, help="Replace a file that spinec did not write.")
def command(
    spec: str,
    other: str | None,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    output: str | None,
    opens: bool,
    force: bool,
) -> None:
    """Write a page on which a network or model can be looked at: one file that needs no network.

    It shows the drawing of `spinec draw`, to be moved and zoomed; of each block its shape, parameters,
    multiply-adds, activation memory and line in the spec, and what it rests on; levels by their costs, and
    costs as colours. With OTHER, two stand side by side. `--set` and `--root` hold for both.

    \b
    Examples:
      spinec view std:spinenet49 --open
      spinec view std:spinenet49 std:spinenet_mobile49 -o compare.html
      spinec view my.spine:detector --set input="3 x 896 x 896"
    """
    if output == options.STDOUT and opens:
        raise click.UsageError("--open: needs a file")
    # Imported here: a wrong option answers sooner.
    from spinedsl.emit.output import write_output
    from spinedsl.emit.view.page import page_of

    compilations = [options.opened(each, overrides, roots) for each in (spec, other) if each is not None]
    page = page_of(compilations)
    if output == options.STDOUT:
        click.echo(page, nl=False)
        return
    name = "_and_".join(compilation.subject.name for compilation in compilations)
    written = write_output(Path(output or f"{name}.html"), page.encode(), "text", force=force)
    console.say(f"{'wrote' if written.changed else 'unchanged'} {written.path}  {size_text(written.size)}")
    if opens and not webbrowser.open(written.path.resolve().as_uri()):
        raise fail(
            "SP052", "there is no browser that could show the page",
            help=f"open it yourself: {written.path.resolve()}",
        )  # fmt: skip
