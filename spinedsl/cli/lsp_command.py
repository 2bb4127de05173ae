"""`spinec lsp`: the language server."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path

import click

from spinedsl.diagnostics import fail


@click.command("lsp")
@click.option(
    "--root", "roots", multiple=True, metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Allow imports from this folder too.",
)  # fmt: skip
@click.option("--stdio", is_flag=True, help="Talk on standard input and output, as it does anyway.")
def command(roots: tuple[Path, ...], stdio: bool) -> int:
    """Serve an editor: diagnostics as you type, completion, hover, renaming and more.

    The editor starts it and talks to it on standard input and output, in the Language Server
    Protocol. docs/editors.md says how, for Visual Studio Code, Neovim and Helix.

    \b
    Examples:
      spinec lsp
      spinec lsp --root ../our-specs
    """
    if importlib.util.find_spec("pygls") is None:
        raise fail(
            "SP052", "the language server needs pygls", help='install it: `pip install "spinec[lsp]"`'
        )  # fmt: skip
    from spinedsl.language_server.features import make_server

    # What is loaded by now lives on. Collections run after compilations, not during them.
    gc.freeze()
    server = make_server(roots)
    server.serve()
    return 0 if server.left else 1
