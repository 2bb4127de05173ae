"""`spinec diff`: what changed in a network, not in its text."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from spinedsl.cli import console


@click.command("diff")
@click.argument("before", metavar="SPEC[@REV]")
@click.argument("after", metavar="[SPEC[@REV]]", required=False)
@click.option("--root", "roots", multiple=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Allow imports from this folder too.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("text", "markdown", "json")), default="text",
              show_default=True, help="markdown: for a pull request.")  # fmt: skip
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def command(before: str, after: str | None, roots: tuple[Path, ...], style: str, exit_code: bool) -> int:
    """What changed between two networks or models, and what it costs.

    Blocks that were added, removed, renamed, moved or re-levelled, their edges, settings, widths and
    endpoints; parameters, multiply-adds and activation memory of every block whose costs changed, and in
    all. Layout and comments count for nothing. Each network is taken at its own input size.

    SPEC@REV is a spec as it was at a revision of git: a branch, a tag, a commit, HEAD~3. With one SPEC,
    what it was at HEAD, or at REV, is compared with what it is. All networks of two files are compared by
    their names; `path:network` compares one.

    \b
    Examples:
      spinec diff std:spinenet49 std:spinenet96
      spinec diff specs/spinenet49.spine
      spinec diff specs/spinenet.spine@main specs/spinenet.spine
      spinec diff specs/spinenet.spine:spinenet96@HEAD~3
      spinec diff specs/spinenet49.spine@origin/main --format markdown > comment.md
    """
    from spinedsl.comparison.references import compare_specs, reference_of

    old = reference_of(before)
    if after is None:
        new = old.at(None)
        old = old.at("HEAD" if old.revision is None else old.revision)
    else:
        new = reference_of(after)
    difference = compare_specs(old, new, roots)
    if style == "json":
        import json

        text = json.dumps(difference.as_json(), indent=2, ensure_ascii=False)
    elif style == "markdown":
        from spinedsl.cli.diff_markdown import markdown

        text = markdown(difference)
    else:
        from spinedsl.cli.diff_text import diff_text

        text = diff_text(difference)
    from spinedsl.cli.render import encodable

    click.echo(encodable(text), color=console.coloured(sys.stdout))
    return 1 if exit_code and difference.differs else 0
