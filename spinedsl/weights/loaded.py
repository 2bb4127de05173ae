"""Weights from a .safetensors file, matched by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from spinedsl.diagnostics import fail
from spinedsl.ops import Parameter
from spinedsl.weights.comparing import compare
from spinedsl.weights.files import FileProblem
from spinedsl.weights.numbers import check_numbers
from spinedsl.weights.provenance import check_conventions
from spinedsl.weights.safetensors_file import SafetensorsFile
from spinedsl.weights.types import Array


def load_weights(
    path: Path, parameters: Mapping[str, Parameter], conventions: str | None = None
) -> Iterator[tuple[str, Array]]:
    """Every parameter from a file, in the order of `parameters`, one tensor at a time.

    Names, shapes and types are compared before this returns; numbers when they are read. float16,
    bfloat16 and float64 become float32. Counters of batches, which a torch `state_dict` may hold
    beside running statistics, are passed over.

    Args:
        path: the file.
        parameters: of the network, by name.
        conventions: of the network; a file that records others is refused. None asks nothing.

    Raises:
        DiagnosticError: the file can't be read; it lacks parameters, or holds others, or others'
            shapes; while iterating: numbers that are not finite, or a negative variance (SP051).
    """
    try:
        file = SafetensorsFile(path)
    except FileProblem as problem:
        raise _unreadable(path, problem) from None
    try:
        wanted = {name: parameter.shape for name, parameter in parameters.items()}
        entries = {n: e for n, e in file.entries.items() if not _is_counter(n, parameters)}
        compare(str(path), wanted, entries)
        if conventions is not None:
            check_conventions(path, file.metadata, conventions)
    except BaseException:
        file.close()
        raise
    return _read(path, file, parameters)


def _unreadable(path: Path, problem: FileProblem) -> Exception:
    return fail(
        "SP051",
        f"can't read weights from “{path}”: {problem}",
        help="give a .safetensors file; `spinec weights import` makes one of other checkpoints",
    )


def _read(
    path: Path, file: SafetensorsFile, parameters: Mapping[str, Parameter]
) -> Iterator[tuple[str, Array]]:
    try:
        for name, parameter in parameters.items():
            try:
                array = file.read(name)
            except FileProblem as problem:
                raise _unreadable(path, problem) from None
            check_numbers(path, name, parameter, array, file.entries[name].dtype)
            yield name, array
    finally:
        file.close()


def _is_counter(name: str, parameters: Mapping[str, Parameter]) -> bool:
    owner, _, last = name.rpartition(".")
    return last == "num_batches_tracked" and f"{owner}.running_mean" in parameters
