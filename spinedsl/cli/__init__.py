"""The command line. Only this package prints, reads arguments or exits.

One command a file; a command's module is imported when it is called, so that `spinec check` pays
for nothing that only `spinec verify` needs.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from spinedsl.cli import console
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import DiagnosticError, suggestion
from spinedsl.version import __version__
from spinedsl.watching import watched

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "compile": "Compile a network to a standalone PyTorch module or an ONNX file.",
    "check": "Validate specs and prove their expectations; for CI.",
    "fmt": "Bring specs into their canonical layout.",
    "lint": "Find what is allowed in specs, and mostly not meant.",
    "show": "Print a network at one stage of the compiler.",
    "summary": "Parameters, multiply-adds and activation memory, per block.",
    "diff": "Tell what changed in a network, and what it costs.",
    "breaking": "Find what breaks trained weights, or who reads the outputs.",
    "draw": "Draw a network as SVG, PNG, DOT or Mermaid.",
    "view": "Write a page to look around in a network, or to compare two.",
    "space": "Count, sample and walk search spaces.",
    "search": "Search a space for networks that are good at something.",
    "verify": "Run both targets with the same weights and compare them.",
    "run": "Run a compiled model on images: detect, classify or segment.",
    "bench": "Time a network in every runtime, or a model from image to result.",
    "weights": "Weights from and to other code, and a look at them.",
    "schema": "Print the JSON Schema of the IR, of networks or models.",
    "list": "List the networks and models that ship with spinec.",
    "explain": "Tell what a diagnostic code means, with examples.",
    "lsp": "Serve an editor: diagnostics as you type, completion, hover and more.",
    "completion": "Print what completes spinec's words in a shell.",
}
EXIT_DIAGNOSTICS = 1
EXIT_BUG = 70
COMPLETE = "_SPINEC_COMPLETE"
"""Set by the scripts of `spinec completion`; click looks for it."""


class _Commands(click.Group):
    """A group that knows its commands' names and help, and imports them when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"spinedsl.cli.{name}_command").command
        return console.with_manners(command)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError as error:
            hint = suggestion(arguments[0], COMMANDS)
            raise click.UsageError(f"{error.message} {hint or ''}".rstrip(), context) from None

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names with their help from the table: click would import every command."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(n, help=h) for n, h in COMMANDS.items() if n.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, context, incomplete)]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spinec")
def group() -> None:
    """Compile scale-permuted networks from .spine specs.

    SPEC is a path, `path:name`, or `std:NAME` for a network or model that ships with spinec.
    `spinec COMMAND --help` tells of a command, with examples.

    \b
    Examples:
      spinec compile specs/spinenet49.spine --target torch
      spinec compile std:spinenet96 --target onnx -o spinenet96.onnx
      spinec check specs/*.spine

    \b
    Exit codes:
      0    fine
      1    something is wrong with a spec, a file or a result
      2    the command line is wrong
      70   a bug in spinec; please report it
      130  interrupted

    \b
    Environment:
      NO_COLOR          no colours, as --color never
      FORCE_COLOR       colours into pipes too, as --color always; so does CLICOLOR_FORCE
      SPINEC_CACHE_DIR  where `spinec check` remembers what was fine
      SPINEC_NO_CACHE   remember nothing, as --no-cache
    """


console.with_manners(group)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 1 diagnostics, 2 usage, 70 a bug in spinec."""
    # A short-lived process: collect no garbage, look for no pydantic plugins (spinec's models use
    # none), and leave the tearing down of modules to the operating system. A third of the time of
    # `spinec check` (benchmarks/startup.py).
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = run(arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        code = code or 0
    os._exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    if COMPLETE in os.environ:
        from spinedsl.cli.completion_command import register

        register()
    try:
        with watched(console.stage):
            result: Any = group.main(arguments, prog_name="spinec", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except DiagnosticError as error:
        Renderer.for_stream(sys.stderr).show(error.diagnostics)
        return EXIT_DIAGNOSTICS
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        click.echo("aborted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does: no fault of ours.
        sys.stderr.close()
        return 0
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo(
            f"\nThis is a bug in spinec {__version__}, not in your spec. "
            "Please report it with the text above and the spec.",
            err=True,
        )
        return EXIT_BUG
    finally:
        console.reset()
