"""Reading a .safetensors file from a stranger: nothing in it is believed before it is checked.

The format is eight bytes (length of the header), a JSON header (name → dtype, shape, range of
bytes), and the tensors' bytes. Nothing in it can execute. It is read here, and not by the
safetensors library, because that has no bfloat16 for numpy and maps the file: a file that shrinks
while it is mapped ends the process.
Source: https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

from spinedsl.weights.files import MAX_RANK, Entry, FileProblem, TensorFile, open_regular, to_float32
from spinedsl.weights.types import Array

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""

DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2,
    "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8,
}  # fmt: skip


class SafetensorsFile(TensorFile):
    """An open file whose header fits it.

    Raises:
        FileProblem: it can't be read, or it lies about itself.
    """

    format = "safetensors"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = open_regular(path)
        try:
            size = os.fstat(self._file.fileno()).st_size
            self.entries, self.metadata = _header(self._file, size)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, name: str) -> Array:
        """One tensor as float32; see `to_float32`.

        Raises:
            FileProblem: the file ends early, or the tensor isn't of floats.
        """
        entry = self.entries[name]
        data = bytearray(entry.length)
        try:
            self._file.seek(entry.start)
            count = self._file.readinto(data)  # type: ignore[attr-defined]
        except OSError as problem:
            raise FileProblem(str(problem.strerror).lower()) from None
        if count != entry.length:
            raise FileProblem("it ends in the middle of a tensor")
        return to_float32(data, entry.dtype).reshape(entry.shape)


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Entry], dict[str, str]]:
    """Tensors and metadata."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, MAX_HEADER_BYTES):
        raise FileProblem("it is no safetensors file, or it is cut short: its header isn't all there")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise FileProblem("its header isn't JSON") from None
    if not isinstance(header, dict):
        raise FileProblem("its header isn't a table of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileProblem("its metadata aren't texts")
    entries = {name: _entry(name, value, 8 + length) for name, value in header.items()}
    _see_that_all_is_covered(entries, 8 + length, size)
    return entries, metadata


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise FileProblem("its header names a tensor twice")
    return table


def _entry(name: str, value: Any, origin: int) -> Entry:
    match value:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]} if (
            dtype in DTYPE_BYTES
            and len(shape) <= MAX_RANK
            and all(type(n) is int and n >= 0 for n in (*shape, begin, end))
            and end - begin == math.prod(shape) * DTYPE_BYTES[dtype]
        ):
            return Entry(dtype, tuple(shape), origin + begin, end - begin)
    raise FileProblem(f"what its header says of “{name[:80]}” contradicts itself")


def _see_that_all_is_covered(entries: dict[str, Entry], origin: int, size: int) -> None:
    """Tensors follow each other without gap or overlap up to the file's end, as the format demands."""
    place = origin
    for entry in sorted(entries.values(), key=lambda e: (e.start, e.length)):
        if entry.start != place:
            raise FileProblem("its tensors overlap, or leave gaps")
        place += entry.length
    if place > size:
        raise FileProblem(f"it is cut short: {place - size:,} bytes are missing")
    if place < size:
        raise FileProblem(f"{size - place:,} bytes at its end belong to no tensor")
