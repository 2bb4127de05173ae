"""`spinec draw`: a network as a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from spinedsl.cli import console, options
from spinedsl.cli.tables import size_text

if TYPE_CHECKING:
    from spinedsl.emit.draw.write import Format

SUFFIXES: dict[str, Format] = {
    ".svg": "svg", ".png": "png", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid",
}  # fmt: skip


@click.command("draw")
@options.spec
@click.option("-o", "--output", metavar="FILE",
              help="Where to write; “-” prints.  [default: NAME.svg]")  # fmt: skip
@click.option("--format", "form", type=click.Choice(tuple(dict.fromkeys(SUFFIXES.values()))),
              help="What to write.  [default: by FILE's suffix, or svg]")  # fmt: skip
@click.option("--theme", type=click.Choice(("auto", "light", "dark")),
              help="svg, png: the colours; auto follows the reader's preference.  [default: auto; light for png]")  # fmt: skip
@click.option("--scale", type=click.FloatRange(0.1, 8), metavar="X",
              help="png: pixels for each unit of the drawing.  [default: 2]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that spinec did not write.")
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    output: str | None,
    form: Format | None,
    theme: Literal["auto", "light", "dark"] | None,
    scale: float | None,
    force: bool,
) -> None:
    """Draw a network or model in the manner of the SpineNet paper.

    Blocks go upwards in running order, the lower the level the wider; colour tells the level, shape the
    kind. Output blocks are outlined in red; a dashed arc is an unread block that joins an output block as
    it is. DOT and Mermaid leave the layout to Graphviz and to Mermaid.

    \b
    Examples:
      spinec draw std:spinenet49
      spinec draw std:spinenet96 -o spinenet96.png --theme dark
      spinec draw my.spine:detector -o - --format mermaid
      spinec draw std:nas_fpn -o - --format dot | dot -Tpdf -o nas_fpn.pdf
    """
    form = form or _format_of(output)
    if theme is not None and form not in ("svg", "png"):
        raise click.UsageError("--theme: only for svg and png")
    if theme == "auto" and form == "png":
        raise click.UsageError("--theme auto: a PNG has one theme; choose light or dark")
    if scale is not None and form != "png":
        raise click.UsageError("--scale: only for png")
    if scale is not None and math.isnan(scale):
        raise click.UsageError("--scale: “nan” is not a number")
    if output == options.STDOUT and form == "png":
        raise click.UsageError("a PNG can't be printed; give a file with -o")
    # Imported here: a wrong option answers sooner.
    from spinedsl.emit.draw.write import picture
    from spinedsl.emit.output import write_output

    compilation = options.opened(spec, overrides, roots)
    content = picture(compilation, form, theme, scale)
    if output == options.STDOUT:
        click.echo(content.decode(), nl=False)
        return
    suffix = next(suffix for suffix, written in SUFFIXES.items() if written == form)
    path = Path(output or f"{compilation.subject.name}{suffix}")
    written = write_output(path, content, "picture", force=force)
    console.say(f"{'wrote' if written.changed else 'unchanged'} {written.path}  {size_text(written.size)}")


def _format_of(output: str | None) -> Format:
    """What a file's suffix says.

    Raises:
        click.UsageError: it says something that can't be drawn.
    """
    suffix = Path(output).suffix.lower() if output else ""
    if not suffix:
        return "svg"
    if suffix not in SUFFIXES:
        raise click.UsageError(f"“{suffix}”: pictures are {', '.join(SUFFIXES)}; or say which with --format")
    return SUFFIXES[suffix]
