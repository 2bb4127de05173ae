"""Weights from a .safetensors file, matched by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from spinedsl.diagnostics import Diagnostics, fail, nearest
from spinedsl.ops import Parameter
from spinedsl.weights.files import FLOATS, Entry, FileProblem
from spinedsl.weights.safetensors_file import SafetensorsFile
from spinedsl.weights.types import Array

SHOWN = 10
"""How many names a diagnostic lists."""


def load_weights(path: Path, parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, Array]]:
    """Every parameter from a file, in the order of `parameters`, one tensor at a time.

    Names, shapes and types are compared before this returns; numbers when they are read. float16,
    bfloat16 and float64 become float32. Counters of batches, which a torch `state_dict` may hold
    beside running statistics, are passed over.

    Raises:
        DiagnosticError: the file can't be read; it lacks parameters, or holds others, or others'
            shapes; while iterating: numbers that are not finite, or a negative variance (SP051).
    """
    try:
        file = SafetensorsFile(path)
    except FileProblem as problem:
        raise _unreadable(path, problem) from None
    try:
        _compare(path, file.entries, parameters)
    except BaseException:
        file.close()
        raise
    return _read(path, file, parameters)


def _unreadable(path: Path, problem: FileProblem) -> Exception:
    return fail(
        "SP051",
        f"can't read weights from “{path}”: {problem}",
        help="give a .safetensors file; checkpoints of other kinds have to be converted first",
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
            _check_numbers(path, name, parameter, array, file.entries[name].dtype)
            yield name, array
    finally:
        file.close()


def _check_numbers(path: Path, name: str, parameter: Parameter, array: Array, dtype: str) -> None:
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        too_large = " as float32" if dtype == "F64" else ""
        raise fail(
            "SP051",
            f"“{name}” in “{path}” holds {bad:,} of {array.size:,} numbers that are not finite{too_large}",
            help="the training may have diverged; take an earlier checkpoint",
        )
    if parameter.name == "running_var" and (array < 0).any():
        raise fail(
            "SP051",
            f"“{name}” in “{path}” holds a negative variance",
            help="check that the checkpoint's names were mapped rightly",
        )


def _compare(path: Path, entries: Mapping[str, Entry], parameters: Mapping[str, Parameter]) -> None:
    """All that doesn't fit, in one error: what is missing, what is unexpected, what differs."""
    missing = [name for name in parameters if name not in entries]
    unexpected = [n for n in entries if n not in parameters and not _is_counter(n, parameters)]
    differing = []
    for name, parameter in parameters.items():
        entry = entries.get(name)
        if entry is None:
            continue
        if entry.shape != parameter.shape:
            differing.append(f"“{name}” is {_shape(entry.shape)}, not {_shape(parameter.shape)}")
        elif entry.dtype not in FLOATS:
            differing.append(f"“{name}” holds {entry.dtype} numbers, not floats")
    diagnostics = Diagnostics()
    if missing:
        what = f"“{path}” lacks {_count(missing, 'parameter')} of the network"
        help = _pairs(missing, unexpected, "the file has")
        diagnostics.add("SP051", f"{what}: {_listed(missing)}", help=help)
    if unexpected:
        what = f"“{path}” has {_count(unexpected, 'tensor')} that the network doesn't"
        help = _pairs(unexpected, missing or list(parameters), "the network has")
        diagnostics.add("SP051", f"{what}: {_listed(unexpected)}", help=help)
    if differing:
        what = f"“{path}” differs in {_count(differing, 'tensor')}"
        shown = "; ".join(differing[:SHOWN]) + _rest(differing)
        diagnostics.add("SP051", f"{what}: {shown}", help="compile with the widths the checkpoint has")
    diagnostics.stop_on_errors()


def _is_counter(name: str, parameters: Mapping[str, Parameter]) -> bool:
    owner, _, last = name.rpartition(".")
    return last == "num_batches_tracked" and f"{owner}.running_mean" in parameters


def _pairs(names: Sequence[str], others: Sequence[str], where: str) -> str:
    """Up to `SHOWN` names with the nearest one on the other side."""
    found = ((name, nearest(name, others)) for name in names[:SHOWN])
    pairs = [f"“{match}” for “{name}”" for name, match in found if match]
    if not pairs:
        return "name the tensors like the keys of the generated module's `state_dict`"
    return f"{where} {', '.join(pairs)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name[:80]}”" for name in names[:SHOWN]) + _rest(names)


def _rest(names: Sequence[str]) -> str:
    return f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""


def _count(names: Sequence[str], noun: str) -> str:
    return f"{len(names):,} {noun}" + ("s" if len(names) > 1 else "")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
