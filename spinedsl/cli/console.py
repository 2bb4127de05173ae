"""How much is said, and in what colour: the options that every command has.

What is here: `--quiet`, `--verbose` and `--color`, the variables of the environment that mean the same,
and what commands say by the way. What is not: results, which commands print themselves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

import click

from spinedsl.cli.words import with_words

Colour = Literal["auto", "always", "never"]


@dataclass
class Settings:
    """What the person asked for; forgotten at the end of each run of the command line.

    Attributes:
        quiet: nothing but errors, warnings and what was asked for.
        verbose: also how long things take, and what is read.
        colour: `auto` decides for each stream.
    """

    quiet: bool = False
    verbose: bool = False
    colour: Colour = "auto"


settings = Settings()
before_line: Callable[[], None] | None = None
"""What clears the line that a bar stands in, while one does."""


def reset() -> None:
    """Forget what this run was asked for."""
    global settings
    settings = Settings()


def put(text: str, *, err: bool = False, nl: bool = True) -> None:
    """A line of the result, while a bar may stand in the terminal."""
    if before_line is not None:
        before_line()
    click.echo(text, err=err, nl=nl)


def say(text: str, *, err: bool = False) -> None:
    """A line that isn't the result itself: what was written, what is fine."""
    if not settings.quiet:
        put(text, err=err)


def detail(text: str) -> None:
    """A line on standard error for who wants to know more."""
    if settings.verbose:
        put(text, err=True)


def stage(name: str, seconds: float) -> None:
    """With `--verbose`, say how long a stage of a compilation took."""
    detail(f"{name}: {seconds * 1e3:,.1f} ms")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """With `--verbose`, say how long something took."""
    start = time.perf_counter()
    try:
        yield
    finally:
        detail(f"{what}: {(time.perf_counter() - start) * 1e3:,.0f} ms")


def coloured(stream: IO[str]) -> bool:
    """Whether a stream takes colours: as `--color` says, else as the environment does.

    Sources: https://no-color.org, https://bixense.com/clicolors
    """
    if settings.colour != "auto":
        return settings.colour == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return is_terminal(stream)


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person looks at a stream, on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


# ---- the options


def with_manners(command: click.Command) -> click.Command:
    """Give a command, and the commands below it, the options that all have, and words to complete; once."""
    if all(parameter.name != "quiet" for parameter in command.params):
        command.params += _options()
        with_words(command)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_manners(below)
    return command


def _options() -> list[click.Parameter]:
    return [
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_quiet,
                     help="Say nothing but what is wrong and what was asked for."),
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_verbose,
                     help="Say how long things take, and which files are read."),
        click.Option(["--color"], type=click.Choice(("auto", "always", "never")), expose_value=False,
                     callback=_colour, help="When to use colours.  [default: auto]"),
    ]  # fmt: skip


# An option may stand before the command's name and behind it: only one that is given decides.


def _quiet(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    settings.quiet = settings.quiet or value
    _refuse_both()


def _verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    settings.verbose = settings.verbose or value
    _refuse_both()


def _refuse_both() -> None:
    if settings.quiet and settings.verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")


def _colour(context: click.Context, parameter: click.Parameter, value: Colour | None) -> None:
    settings.colour = value or settings.colour
