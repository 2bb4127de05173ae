"""Weights from and to the checkpoints of other code: the files around `spinedsl.weights`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from spinedsl.diagnostics import Diagnostic, fail
from spinedsl.emit.output import Written, staged, write_output
from spinedsl.pipeline import AnyCompilation
from spinedsl.records import record
from spinedsl.runtime.torch_files import SUFFIXES, TorchFile, torch_bytes
from spinedsl.weights import Weights, load_weights
from spinedsl.weights.exporting import exported, exported_shapes
from spinedsl.weights.files import FileProblem, TensorFile, unreadable
from spinedsl.weights.importing import check_origin, imported, match
from spinedsl.weights.provenance import Provenance
from spinedsl.weights.published import Origin
from spinedsl.weights.safetensors_file import SafetensorsFile
from spinedsl.weights.safetensors_writing import safetensors_bytes
from spinedsl.weights.tensorflow.bundle import data_path, index_path, prefix_of
from spinedsl.weights.tensorflow.checkpoint import Checkpoint
from spinedsl.weights.tensorflow.writing import CheckpointWriter

SAFETENSORS = ".safetensors"
Progress = Callable[[int, int, str], None]
"""Told how much of how much is done, and what comes next."""


@record
class Conversion:
    """What an import or export did.

    Attributes:
        written: the files.
        format: what was read.
        tensors, numbers: how many went over.
        left_out: what else was in the file, with how many of each.
        shifted: see `spinedsl.weights.importing.Match`.
        warnings: what can't be proved.
    """

    written: tuple[Written, ...]
    format: str
    tensors: int
    numbers: int
    left_out: dict[str, int]
    shifted: dict[str, int]
    warnings: tuple[Diagnostic, ...] = ()


@contextlib.contextmanager
def opened_weights(path: Path, averages: bool = False) -> Iterator[TensorFile]:
    """A file of weights of any kind, told by what it is: safetensors, TensorFlow, or PyTorch.

    Args:
        path: of the file; of a TensorFlow checkpoint, its prefix or one of its files.
        averages: of a TensorFlow checkpoint, take moving averages where there are some.

    Raises:
        DiagnosticError: it can't be read (SP051), or needs what isn't installed (SP052).
    """
    try:
        file = _open(path, averages)
    except FileProblem as problem:
        raise unreadable(path, problem) from None
    try:
        yield file
    finally:
        file.close()


def import_checkpoint(
    compilation: AnyCompilation,
    origin: Origin,
    checkpoint: Path,
    output: Path,
    *,
    averages: bool = False,
    keep_conventions: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Write a published checkpoint's weights as a .safetensors file under the names here.

    Args:
        compilation: the network or model they are for.
        origin: whose checkpoint it is.
        checkpoint: its path.
        output: the file to write.
        averages: take the moving averages that the training kept.
        keep_conventions: the network keeps its own conventions, and the file records those.
        force: replace a file that spinec did not write.
        progress: told how many tensors of how many are written, and which comes next.

    Raises:
        DiagnosticError: the checkpoint can't be read or doesn't fit (SP051), or the output can't be
            written (SP050).
    """
    if not keep_conventions:
        check_origin(compilation, origin)
    with opened_weights(checkpoint, averages) as file:
        found = match(compilation, origin, file)
        conventions = compilation.network.conventions if keep_conventions else origin
        metadata = Provenance.of(compilation, origin, conventions).metadata()
        parameters = compilation.inlined.parameters()
        shapes = {name: parameter.shape for name, parameter in parameters.items()}
        pieces = safetensors_bytes(
            shapes, _told(imported(compilation, found, file), len(shapes), progress), metadata
        )
        written = write_output(output, pieces, "weights", force)
    numbers = sum(parameter.elements for parameter in parameters.values())
    return Conversion(
        (written,), file.format, len(parameters), numbers, found.left_out, found.shifted, found.warnings
    )


def export_weights(
    compilation: AnyCompilation,
    origin: Origin,
    weights: Path,
    output: Path,
    *,
    keep_conventions: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Write a network's weights under published names.

    The ending of `output` says as what: `.safetensors`; `.pth` or `.pt` for `port`; anything else is
    the prefix of a TensorFlow checkpoint.

    Args:
        compilation: the network or model.
        origin: for whose code.
        weights: a .safetensors file with every parameter.
        output: the file to write, or the prefix of the files.
        keep_conventions: the network may have other conventions than that code.
        force: replace files that spinec did not write.
        progress: told how many tensors of how many are written, and which comes next.

    Raises:
        DiagnosticError: the weights don't fit, or were trained under other conventions (SP051); the
            published code builds no such network (SP051); an output can't be written (SP050).
    """
    if not keep_conventions:
        check_origin(compilation, origin)
    parameters = compilation.inlined.parameters()
    shapes = exported_shapes(compilation, origin)
    loaded = load_weights(weights, parameters, compilation.network.conventions)
    values = _told(exported(compilation, origin, loaded), len(shapes), progress)
    metadata = Provenance.of(compilation, "spinec", compilation.network.conventions).metadata()
    if output.suffix == SAFETENSORS:
        pieces = safetensors_bytes(shapes, values, metadata)
        written: tuple[Written, ...] = (write_output(output, pieces, "weights", force),)
    elif origin == "port":
        if output.suffix not in SUFFIXES:
            raise fail(
                "SP050",
                f"“{output}” doesn't say what to write for the PyTorch ports",
                help=f"end it in {', '.join(SUFFIXES)}, or {SAFETENSORS}",
            )
        written = (write_output(output, torch_bytes(values, metadata), "weights", force),)
    else:
        written = _write_checkpoint(output, values, force)
    numbers = sum(parameter.elements for parameter in parameters.values())
    return Conversion(written, SafetensorsFile.format, len(shapes), numbers, {}, {})


def _told(values: Weights, total: int, progress: Progress | None) -> Weights:
    for number, (name, value) in enumerate(values):
        if progress is not None:
            progress(number, total, name)
        yield name, value


def _open(path: Path, averages: bool) -> TensorFile:
    prefix = prefix_of(path)
    if prefix is not None:
        return Checkpoint(prefix, averages)
    if averages:
        raise FileProblem("only TensorFlow checkpoints keep moving averages")
    if path.suffix in SUFFIXES:
        return TorchFile(path)
    return SafetensorsFile(path)


def _write_checkpoint(prefix: Path, values: Weights, force: bool) -> tuple[Written, ...]:
    """Both files; the index, by which a reader finds the checkpoint, last."""
    writer = CheckpointWriter()
    with (
        staged(data_path(prefix), writer.data(values), "weights", force, always=True) as data,
        staged(index_path(prefix), writer.index(), "weights", force, always=True) as index,
    ):
        # An old index must not meet new data: between the two renames there is none.
        index_path(prefix).unlink(missing_ok=True)
        written = data.commit()
        return index.commit(), written
