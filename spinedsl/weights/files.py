"""What all files of weights have in common, whoever wrote them."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import numpy as np

from spinedsl.diagnostics import DiagnosticError, fail
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


class TensorFile(ABC):
    """An open file of tensors whose outline has been checked.

    Attributes:
        path: where it is.
        format: what it is, for a reader: “safetensors”.
        entries: every tensor by name, in the order of the file.
        metadata: what the file says of itself.
        left_out: what is in the file and is no weight, with how many of each.
        ranks: tensor → place of its layer among the layers of its model, if the file keeps an order.
            A layer stands behind all layers that it reads.
    """

    format: str
    entries: dict[str, Entry]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metadata: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()
        self.ranks: dict[str, int] = {}

    @abstractmethod
    def read(self, name: str) -> Array:
        """One tensor as float32.

        Raises:
            FileProblem: its bytes are missing or damaged, or are no floats.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def tensor(self, name: str) -> Array:
        """One tensor as float32, with problems explained.

        Raises:
            DiagnosticError: as `read` (SP051).
        """
        try:
            return self.read(name)
        except FileProblem as problem:
            raise unreadable(self.path, problem) from None


def unreadable(path: Path, problem: FileProblem) -> DiagnosticError:
    """The error for a checkpoint that isn't whole."""
    return fail(
        "SP051", f"can't read the checkpoint “{path}”: {problem}", help="copy or download it once more, whole"
    )


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
