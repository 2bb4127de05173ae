"""What all files of weights have in common, whoever wrote them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from spinedsl.records import record
from spinedsl.weights.types import Array

FLOATS = ("F32", "F16", "BF16", "F64")
"""What can become float32, by the names of safetensors."""

MAX_RANK = 32
"""Axes of a tensor; numpy has 64 at most, and weights four."""


class FileProblem(Exception):
    """A file that isn't what it should be; the message says why, in half a sentence."""


@record
class Entry:
    """What a file says of one tensor.

    Attributes:
        dtype: as safetensors calls it.
        start: of its bytes, from the beginning of the file that holds them.
        length: in bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


class TensorFile(Protocol):
    """An open file of tensors whose outline has been checked.

    Attributes:
        format: what it is, for a reader: “safetensors”.
        entries: every tensor by name, in the order of the file.
        metadata: what the file says of itself.
    """

    format: str
    entries: dict[str, Entry]
    metadata: dict[str, str]

    def read(self, name: str) -> Array:
        """One tensor as float32.

        Raises:
            FileProblem: its bytes are missing or damaged, or are no floats.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_regular(path: Path) -> BinaryIO:
    """A file for reading, if it is one that can be read to an end.

    Raises:
        FileProblem: it can't be opened, or is a folder, a pipe or a device.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as problem:
        raise FileProblem((getattr(problem, "strerror", None) or str(problem)).lower()) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileProblem("not a regular file")
    return os.fdopen(descriptor, "rb")


def to_float32(data: bytes | bytearray, dtype: str) -> Array:
    """Little-endian numbers of a type of `FLOATS` as float32, in one row.

    float16 and bfloat16 convert exactly: a bfloat16 is the upper half of a float32. float64 is
    rounded to the nearest; what is too large becomes infinite, which the caller sees.

    Raises:
        FileProblem: they are no floats.
    """
    match dtype:
        case "F32":
            return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
        case "F16":
            return np.frombuffer(data, "<f2").astype(np.float32)
        case "BF16":
            return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        case "F64":
            with np.errstate(over="ignore"):
                return np.frombuffer(data, "<f8").astype(np.float32)
    raise FileProblem(f"{dtype} numbers are no weights")
