"""Arguments that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinedsl.cli import console
from spinedsl.cli.render import printable
from spinedsl.diagnostics import fail
from spinedsl.profiles import PROFILES
from spinedsl.resources import STANDARD, SUFFIX
from spinedsl.source import DISK, Files, Source
from spinedsl.watching import stage

if TYPE_CHECKING:
    from spinedsl.pipeline import AnyCompilation

Decorated = Callable[..., Any]
Pairs = tuple[tuple[str, str], ...]
"""What `--set` gave, in order."""
STDOUT = "-"
"""What `--output` says for printing."""


def _pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        key, equals, setting = value.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"“{value}” is not KEY=VALUE")
        pairs.append((key.strip(), setting.strip()))
    return tuple(pairs)


def spec(function: Decorated) -> Decorated:
    """SPEC, `--set` and `--root`."""
    return click.argument("spec")(overrides(function))


def overrides(function: Decorated) -> Decorated:
    """`--set` and `--root`."""
    function = click.option(
        "--root", "roots", multiple=True, metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Allow imports from this folder too.",
    )(function)  # fmt: skip
    return click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=_pairs,
        help="Override a declaration of the network, e.g. repeat=2, conventions=garden, scale.width=0.65.",
    )(function)  # fmt: skip


def optimisation(function: Decorated) -> Decorated:
    """`-O` and `--runtime`."""
    function = click.option(
        "--runtime", type=click.Choice(tuple(PROFILES)),
        help="What it will run in, which decides what pays and how a file is written.  [default: torch, or ort-cpu for ONNX]",
    )(function)  # fmt: skip
    return click.option(
        "-O", "level", type=click.IntRange(0, 2), default=0, show_default=True,
        help="Rewrites: 0 none, 1 those that leave training as it is, 2 for inference.",
    )(function)  # fmt: skip


def opened(spec: str, overrides: Pairs, roots: tuple[Path, ...]) -> AnyCompilation:
    """The compilation that the shared arguments ask for."""
    from spinedsl.specification import open_spec

    with stage("syntax"):
        return open_spec(spec, overrides, roots, _Telling() if console.settings.verbose else DISK)


class _Telling(Files):
    """Files of the disk, each told when it is read."""

    def read(self, path: Path, name: str | None = None) -> Source:
        console.detail(f"reading {printable(name or str(path))}")
        return super().read(path, name)


def files_of(spec: str) -> list[str]:
    """The path itself, or all .spine files of the folder that it is, and below, but not in hidden folders.

    Raises:
        DiagnosticError: a folder without any (SP001).
    """
    if not spec or not os.path.isdir(spec):  # noqa: PTH112  (Path.is_dir raises on odd names)
        return [spec]
    files = []
    for folder, below, names in os.walk(spec):
        below[:] = [name for name in below if not name.startswith(".")]
        files += [Path(folder, name) for name in names if name.endswith(SUFFIX)]
    if not files:
        raise fail("SP001", f"there is no .spine file in “{spec}”", help="give the folder of your specs")
    # A file may be called like a network of the standard library.
    return [f"./{file}" if str(file).startswith(STANDARD) else str(file) for file in sorted(files)]
