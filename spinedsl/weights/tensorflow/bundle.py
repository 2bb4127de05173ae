"""TensorFlow's bundle of tensors: what the table of an index says of the files of data.

The empty key holds a header (number of data files, byte order); every other key is a variable, with
type, shape, data file, place, size and checksum.
Source: tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/util/tensor_bundle/.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from spinedsl.records import record
from spinedsl.weights.files import MAX_RANK, Entry, FileProblem, open_regular, to_float32
from spinedsl.weights.tensorflow.crc32c import crc32c, mask
from spinedsl.weights.tensorflow.table import TableProblem, read_table, write_table
from spinedsl.weights.tensorflow.wire import (
    WireProblem,
    encoded_field,
    encoded_fixed32,
    fields,
    message,
    signed,
    varint,
)
from spinedsl.weights.types import Array

MAX_INDEX_BYTES = 1 << 26
"""An index of SpineNet-190 with two slots a variable has half a megabyte."""

MAX_SHARDS = 1 << 12
STRING = "STRING"
DTYPES = {
    1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 7: STRING, 9: "I64", 10: "BOOL",
    14: "BF16", 17: "U16", 19: "F16", 22: "U32", 23: "U64",
}  # fmt: skip
"""Numbers of tensorflow/core/framework/types.proto, by the names that safetensors gives them."""


@record
class Place:
    """Where a variable's bytes are.

    Attributes:
        offset, size: in bytes.
        checksum: masked, of the bytes.
        shard: number of the data file.
        sliced: it is kept in pieces, as partitioned variables are.
    """

    offset: int
    size: int
    checksum: int
    shard: int = 0
    sliced: bool = False


class Bundle:
    """An open checkpoint whose index is whole.

    Attributes:
        entries: every variable by key, in the order of the index.

    Raises:
        FileProblem: a file can't be read, or lies about itself.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._files: dict[int, BinaryIO] = {}
        self.entries: dict[str, Entry] = {}
        self._places: dict[str, Place] = {}
        self._shards = 0
        try:
            for key, value in read_table(_index(prefix)):
                self._take(key, value)
        except (TableProblem, WireProblem) as problem:
            raise FileProblem(f"its index is damaged: {problem}") from None
        if not self._shards:
            raise FileProblem("its index has no header")

    def close(self) -> None:
        """Close the data files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def read(self, key: str) -> Array:
        """One variable as float32, in TensorFlow's layout.

        Raises:
            FileProblem: its bytes are missing or damaged, or are no floats.
        """
        entry = self.entries[key]
        return to_float32(self._data(key), entry.dtype).reshape(entry.shape)

    def text(self, key: str) -> bytes:
        """A variable that holds one text.

        Raises:
            FileProblem: it doesn't; or its bytes are missing or damaged.
        """
        entry = self.entries[key]
        if entry.dtype != STRING or entry.shape:
            raise FileProblem(f"“{key[:80]}” is no text")
        data = self._bytes(key)
        try:
            length, start = varint(data, 0)
        except WireProblem as problem:
            raise FileProblem(f"“{key[:80]}” is damaged: {problem}") from None
        if len(data) != start + 4 + length:
            raise FileProblem(f"“{key[:80]}” is damaged: its length is wrong")
        # The sum is over the length in four or eight bytes, its own sum, and the text.
        width = 4 if length < 1 << 32 else 8
        if mask(crc32c(data[start:], crc32c(length.to_bytes(width, "little")))) != self._places[key].checksum:
            raise FileProblem(f"“{key[:80]}” is damaged: its checksum is wrong")
        return data[start + 4 :]

    def _take(self, key: bytes, value: bytes) -> None:
        """One entry of the table."""
        if not key:
            self._shards = _shards(value)
            return
        try:
            name = key.decode()
        except UnicodeDecodeError:
            raise FileProblem("its index is damaged: a key is not UTF-8") from None
        dtype, shape, place = _entry(value)
        if not 0 <= place.shard < max(1, self._shards) or place.offset < 0 or place.size < 0:
            raise FileProblem(f"what its index says of “{name[:80]}” contradicts itself")
        self.entries[name] = Entry(DTYPES.get(dtype, f"type {dtype}"), shape, place.offset, place.size)
        self._places[name] = place

    def _data(self, key: str) -> bytes:
        """The bytes of a variable of numbers, whole and undamaged."""
        entry, place = self.entries[key], self._places[key]
        if place.sliced:
            raise FileProblem(f"“{key[:80]}” is kept in pieces (a partitioned variable)")
        width = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2}.get(entry.dtype)
        if width is None:
            raise FileProblem(f"“{key[:80]}” holds {entry.dtype} numbers, which are no weights")
        if math.prod(entry.shape) * width != place.size:
            raise FileProblem(f"what its index says of “{key[:80]}” contradicts itself")
        data = self._bytes(key)
        if mask(crc32c(data)) != place.checksum:
            raise FileProblem(f"“{key[:80]}” is damaged: its checksum is wrong")
        return data

    def _bytes(self, key: str) -> bytes:
        place = self._places[key]
        file = self._file(place.shard)
        # Before a buffer is made: an index may claim any size.
        if place.offset + place.size > os.fstat(file.fileno()).st_size:
            raise FileProblem(f"“{key[:80]}” lies beyond the end of the data file: it is cut short")
        file.seek(place.offset)
        data = file.read(place.size)
        if len(data) != place.size:
            raise FileProblem("the data file ends in the middle of a variable")
        return data

    def _file(self, shard: int) -> BinaryIO:
        if shard not in self._files:
            path = data_path(self._prefix, shard, self._shards)
            try:
                self._files[shard] = open_regular(path)
            except FileProblem as problem:
                raise FileProblem(f"its data file “{path.name}” can't be read: {problem}") from None
        return self._files[shard]


def index_path(prefix: Path) -> Path:
    """The file that holds the index of the checkpoint called `prefix`."""
    return prefix.with_name(prefix.name + ".index")


def data_path(prefix: Path, shard: int = 0, shards: int = 1) -> Path:
    """The file that holds a part of the data."""
    return prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")


def prefix_of(path: Path) -> Path | None:
    """The checkpoint that a path means, be it the prefix or one of the files; None if there is none."""
    name = path.name.removesuffix(".index").partition(".data-")[0]
    prefix = path.with_name(name) if name else path
    # `os.path`: `Path.is_file` raises on names that no file can have.
    return prefix if os.path.isfile(index_path(prefix)) else None  # noqa: PTH113


def index_of(entries: Mapping[str, tuple[tuple[int, ...], Place]], banner: bytes) -> bytes:
    """The index of one data file of float32 variables.

    Args:
        entries: shape and place of each, by key.
        banner: stands at the beginning.
    """
    header = encoded_field(1, 1) + encoded_field(3, encoded_field(1, 1))
    table = {key.encode(): _encoded(shape, place) for key, (shape, place) in entries.items()}
    return write_table([(b"", header), *sorted(table.items())], banner)


def _encoded(shape: tuple[int, ...], place: Place) -> bytes:
    dimensions = b"".join(encoded_field(2, encoded_field(1, extent)) for extent in shape)
    return (
        encoded_field(1, 1)
        + encoded_field(2, dimensions)
        + encoded_field(4, place.offset)
        + encoded_field(5, place.size)
        + encoded_fixed32(6, place.checksum)
    )


def _index(prefix: Path) -> bytes:
    with open_regular(index_path(prefix)) as file:
        data = file.read(MAX_INDEX_BYTES + 1)
    if len(data) > MAX_INDEX_BYTES:
        raise FileProblem(f"its index is larger than {MAX_INDEX_BYTES / 2**20:,.0f} MiB")
    return data


def _shards(header: bytes) -> int:
    """How many data files there are (BundleHeaderProto)."""
    shards = 0
    for number, value in fields(header):
        if number == 1:
            shards = signed(value)
        elif number == 2 and value:
            raise FileProblem("its numbers are in big-endian order")
    if not 0 < shards <= MAX_SHARDS:
        raise FileProblem(f"its index speaks of {shards:,} data files")
    return shards


def _entry(value: bytes) -> tuple[int, tuple[int, ...], Place]:
    """Type, shape and place (BundleEntryProto)."""
    found = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    shape: tuple[int, ...] = ()
    sliced = False
    for number, part in fields(value):
        if number == 2:
            shape = tuple(_shape(message(part)))
        elif number == 7:
            sliced = True
        elif number in found:
            found[number] = signed(part)
    if len(shape) > MAX_RANK:
        raise FileProblem(f"its index holds a tensor of {len(shape):,} axes")
    return found[1], shape, Place(found[4], found[5], found[6], found[3], sliced)


def _shape(value: bytes) -> Iterator[int]:
    """Extents (TensorShapeProto)."""
    for number, dimension in fields(value):
        if number == 2:
            extent = 0
            for inner, size in fields(message(dimension)):
                if inner == 1:
                    extent = signed(size)
            if extent < 0:
                raise FileProblem("its index holds a negative extent")
            yield extent
