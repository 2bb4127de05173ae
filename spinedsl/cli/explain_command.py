"""`spinec explain`: what a diagnostic code means."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import click

from spinedsl.diagnostics import CODES, suggestion
from spinedsl.explanations import Explanation, code_of, explanation

COLUMNS = 90
INDENT = "    "
NO_BREAK = "\N{NO-BREAK SPACE}"


@click.command("explain")
@click.argument("code", required=False, metavar="[CODE]")
def command(code: str | None) -> None:
    """Tell what a diagnostic code means, why it is a problem and what to do, with examples.

    SP012, sp12 and 12 are the same. Without a CODE, all codes are listed.

    \b
    Examples:
      spinec explain SP012
      spinec explain
    """
    if code is None:
        for known, title in CODES.items():
            click.echo(f"{known}  {title}")
        return
    known_code = code_of(code)
    if known_code is None:
        wanted = code.strip().upper().replace("O", "0")
        hint = suggestion(
            f"SP{wanted:0>3}" if wanted.isdigit() else wanted, CODES, "`spinec explain` lists all"
        )
        raise click.UsageError(f"there is no code “{code}”; {hint}")
    click.echo("\n".join(_lines(explanation(known_code))))


def _lines(found: Explanation) -> Iterator[str]:
    """An explanation for a terminal."""
    yield from _wrapped(f"{found.code}: {found.title}")
    for paragraph in found.paragraphs:
        yield ""
        yield from _wrapped(paragraph)
    for example in found.examples:
        yield from ("", f"{example.heading}:", "")
        yield from textwrap.indent(example.text, INDENT).splitlines()


def _wrapped(text: str) -> list[str]:
    """Lines of a paragraph; what stands in backquotes stays on one, to be copied."""
    kept = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", NO_BREAK), text)
    lines = textwrap.wrap(kept, COLUMNS, break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines]
