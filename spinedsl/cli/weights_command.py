"""`spinec weights`: weights from and to other code, and a look at them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from spinedsl.cli import console, options, weights_inspection
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.runtime.conversion import Conversion, export_weights, import_checkpoint
from spinedsl.weights.published import ORIGINS, Origin

FILE = click.Path(path_type=Path)
ORIGIN = click.Choice(list(ORIGINS))


@click.group("weights", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Weights from and to other code, and a look at them.

    \b
    garden  TensorFlow Model Garden   a TensorFlow 2 checkpoint
    tpu     tensorflow/tpu            a TensorFlow 1 checkpoint
    port    the PyTorch ports         a .pth file
    """


@command.command("import")
@click.argument("checkpoint", type=FILE)
@click.option("--from", "origin", type=ORIGIN, required=True, help="Whose checkpoint it is.")
@click.option("--for", "spec", metavar="SPEC", required=True, help="The network or model it is for.")
@options.overrides
@click.option("-o", "--output", type=FILE, metavar="FILE.safetensors", required=True, help="Where to.")
@click.option("--averages", is_flag=True, help="Take the moving averages that the training kept.")
@click.option("--keep-conventions", is_flag=True,
              help="The network keeps its own conventions, as where a training goes on.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that spinec did not write.")
def import_(
    checkpoint: Path,
    origin: Origin,
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    output: Path,
    averages: bool,
    keep_conventions: bool,
    force: bool,
) -> None:
    """Make a .safetensors file of a published checkpoint.

    CHECKPOINT is a file, or the prefix of a TensorFlow checkpoint's files. Names and shapes have to be
    the network's, one to one; nothing in a checkpoint is executed.

    \b
    Examples:
      spinec weights import ckpt-277200 --from garden --for std:spinenet49 \\
             --set conventions=garden -o spinenet49.safetensors
      spinec weights import spinenet49.pth --from port --for std:spinenet49 \\
             --set conventions=port -o spinenet49.safetensors
    """
    compilation = options.opened(spec, overrides, roots)
    with progress("importing") as tell:
        done = import_checkpoint(
            compilation, origin, checkpoint, output,
            averages=averages, keep_conventions=keep_conventions, force=force, progress=tell,
        )  # fmt: skip
    _report(done, compilation.subject.title or compilation.subject.name)


@command.command("export")
@click.argument("file", type=FILE, metavar="FILE.safetensors")
@click.option("--to", "origin", type=ORIGIN, required=True, help="Whose code will read it.")
@click.option("--for", "spec", metavar="SPEC", required=True, help="The network or model it is of.")
@options.overrides
@click.option("-o", "--output", type=FILE, metavar="OUT", required=True,
              help="Where to: .safetensors, .pth for port, else the prefix of a TensorFlow checkpoint.")  # fmt: skip
@click.option("--keep-conventions", is_flag=True, help="The network may have others than that code.")
@click.option("--force", is_flag=True, help="Replace files that spinec did not write.")
def export(
    file: Path,
    origin: Origin,
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    output: Path,
    keep_conventions: bool,
    force: bool,
) -> None:
    """Write weights under the names and in the layout of published code.

    TensorFlow checkpoints that spinec writes hold variables by name; TensorFlow 1 and 2 restore them.

    \b
    Examples:
      spinec weights export trained.safetensors --to garden --for std:spinenet49 \\
             --set conventions=garden -o exported/ckpt
      spinec weights export trained.safetensors --to port --for std:spinenet49 \\
             --set conventions=port -o trained.pth
    """
    compilation = options.opened(spec, overrides, roots)
    with progress("exporting") as tell:
        done = export_weights(
            compilation, origin, file, output, keep_conventions=keep_conventions, force=force, progress=tell
        )
    _report(done, compilation.subject.title or compilation.subject.name)


command.add_command(weights_inspection.show)
command.add_command(weights_inspection.diff)


def _report(done: Conversion, title: str) -> None:
    Renderer.for_stream(sys.stderr).show(done.warnings)
    for file in done.written:
        console.say(
            f"{'wrote' if file.changed else 'unchanged'} {file.path}  {weights_inspection.size(file.size)}"
        )
    console.say(f"{title}: {done.tensors:,} tensors, {done.numbers:,} numbers, from a {done.format} file")
    for line in _remarks(done.left_out, done.shifted):
        console.say(line)


def _remarks(left_out: Mapping[str, int], shifted: Mapping[str, int]) -> Iterator[str]:
    if left_out:
        yield f"left out: {weights_inspection.counted(left_out)}"
    if shifted:
        first = ", ".join(f"{layer}_{number}" for layer, number in shifted.items())
        yield f"the checkpoint's network was not the first of its process: layers count from {first}"
