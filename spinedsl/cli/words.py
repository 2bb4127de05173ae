"""What may stand where on a command line, for shells that complete it.

Nothing here is imported for more than its names unless a shell asks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl import resources
from spinedsl.resources import STANDARD, SUFFIX

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

MOST_ENTRIES = 2_000
"""Of a folder: nobody reads more."""


class SpecType(click.types.StringParamType):
    """A SPEC: a .spine file, perhaps with a network's name, or a network of the standard library."""

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names of networks behind a colon, else files and folders."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith(STANDARD):
            return [CompletionItem(f"{STANDARD}{name}", help=file) for name, file in _standard(incomplete)]
        file, colon, network = incomplete.rpartition(":")
        if colon:
            return [CompletionItem(f"{file}:{n}") for n in _networks(file) if n.startswith(network)]
        items = [CompletionItem(path) for path in entries(incomplete, SUFFIX)]
        if STANDARD.startswith(incomplete):
            items.append(CompletionItem(STANDARD, help="networks and models that ship with spinec"))
        return items


class CodeType(click.types.StringParamType):
    """A diagnostic code."""

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Codes with what they are about."""
        from click.shell_completion import CompletionItem

        from spinedsl.diagnostics import CODES

        wanted = incomplete.upper()
        return [CompletionItem(code, help=title) for code, title in CODES.items() if code.startswith(wanted)]


def with_words(command: click.Command) -> None:
    """Let shells complete a command's arguments: of those that say nothing else, all but codes are specs."""
    for parameter in command.params:
        if parameter.type is click.STRING:
            if parameter.name == "code":
                parameter.type = CodeType()
            elif isinstance(parameter, click.Argument) or parameter.name == "spec":
                parameter.type = SpecType()


def entries(incomplete: str, suffix: str = "") -> Iterator[str]:
    """Folders, and files with a suffix, whose paths begin so; a folder ends in “/”."""
    folder, slash, begin = incomplete.rpartition("/")
    try:
        with os.scandir(folder + slash or ".") as listed:
            found = sorted((e.name, e.is_dir()) for e, _ in zip(listed, range(MOST_ENTRIES), strict=False))
    except (OSError, ValueError):
        return
    for name, is_folder in found:
        hidden = name.startswith(".") and not begin.startswith(".")
        # A line holds one word for the shell.
        if name.startswith(begin) and not hidden and name.isprintable():
            if is_folder:
                yield f"{folder}{slash}{name}/"
            elif name.endswith(suffix):
                yield f"{folder}{slash}{name}"


def _networks(file: str) -> list[str]:
    from spinedsl.source import SourceProblem, read_source

    try:
        return resources.names_in(read_source(Path(file)).text)
    except SourceProblem:
        return []


def _standard(incomplete: str) -> Iterator[tuple[str, str]]:
    """Name and file of the networks and models that ship, by name."""
    library = resources.folder("specs")
    wanted = incomplete.removeprefix(STANDARD)
    for path, names in resources.standard_names():
        for name in names:
            if name.startswith(wanted):
                yield name, f"specs/{path.relative_to(library)}"
