"""LevelDB's sorted table, in which TensorFlow keeps the index of a checkpoint.

A table is blocks, then a footer of 48 bytes that says where the index block is; the index block says
where the data blocks are. A block is entries (how much of the key before is kept, what follows it, a
value), places to start from, a type, and a checksum.
Source: https://github.com/google/leveldb/blob/main/doc/table_format.md; tensorflow/core/lib/io/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.weights.tensorflow.crc32c import crc32c, mask
from spinedsl.weights.tensorflow.wire import WireProblem, encoded_varint, varint

MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
TRAILER_BYTES = 5
"""Behind every block: its type, and its checksum in four bytes."""

MAX_KEY_BYTES = 1 << 12
"""Keys may repeat the one before for a byte or two: without a limit, a small file makes long keys."""

BLOCK_BYTES = 1 << 12
"""A block that has grown to this is closed, in tables written here."""


class TableProblem(Exception):
    """A file that is no whole table; the message says why, in half a sentence."""


def read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every key with its value, in order; each block is checked before its entries come.

    Time and memory are bounded by the size of `data`: a block is read once.

    Raises:
        TableProblem: it isn't a whole table.
    """
    try:
        index = _block(data, *_footer(data))
        behind = 0
        for _, handle in _entries(index):
            offset, size = _handle(handle, 0)[:2]
            if offset < behind:
                raise TableProblem("its blocks overlap")
            behind = offset + size
            yield from _entries(_block(data, offset, size))
    except WireProblem as problem:
        raise TableProblem(f"in its table, {problem}") from None


def write_table(entries: Iterable[tuple[bytes, bytes]], banner: bytes = b"") -> bytes:
    """A table of entries, which must come in the order of their keys.

    Args:
        banner: stands at the beginning, before the first block; readers never look there.
    """
    table = bytearray(banner)
    index: list[tuple[bytes, bytes]] = []
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in entries:
        block.append((key, value))
        size += len(key) + len(value)
        if size >= BLOCK_BYTES:
            index.append((key, _append(table, block)))
            block, size = [], 0
    if block:
        index.append((block[-1][0], _append(table, block)))
    footer = _append(table, []) + _append(table, index)
    table += footer.ljust(FOOTER_BYTES - 8, b"\0") + MAGIC.to_bytes(8, "little")
    return bytes(table)


def _footer(data: bytes) -> tuple[int, int]:
    """Place and size of the index block."""
    if len(data) < FOOTER_BYTES or int.from_bytes(data[-8:], "little") != MAGIC:
        raise TableProblem("it doesn't end as a checkpoint's index does: it is another file, or cut short")
    footer = data[-FOOTER_BYTES:-8]
    place = _handle(footer, 0)[2]
    return _handle(footer, place)[:2]


def _handle(data: bytes, place: int) -> tuple[int, int, int]:
    """Place and size of a block, and where in `data` the handle ends."""
    offset, place = varint(data, place)
    size, place = varint(data, place)
    return offset, size, place


def _block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + TRAILER_BYTES > len(data) - FOOTER_BYTES:
        raise TableProblem("a block lies outside of it")
    if int.from_bytes(data[end + 1 : end + 5], "little") != mask(crc32c(data[offset : end + 1])):
        raise TableProblem("a block's checksum is wrong: the file is damaged")
    if data[end]:
        raise TableProblem("its blocks are compressed, which TensorFlow doesn't do")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little") if len(block) >= 4 else -1
    end = len(block) - 4 - 4 * restarts
    if restarts < 0 or end < 0:
        raise TableProblem("a block is too short for what it says of itself")
    place = 0
    before: bytes | None = None
    while place < end:
        shared, place = varint(block, place)
        added, place = varint(block, place)
        length, place = varint(block, place)
        if shared > len(before or b"") or added > end - place or length > end - place - added:
            raise TableProblem("an entry is longer than its block")
        if shared + added > MAX_KEY_BYTES:
            raise TableProblem(f"a key is longer than {MAX_KEY_BYTES:,} bytes")
        key = (before or b"")[:shared] + block[place : place + added]
        if before is not None and key <= before:
            raise TableProblem("its keys aren't in order")
        place += added
        yield key, block[place : place + length]
        place += length
        before = key


def _append(table: bytearray, entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Add a block to a table; its handle. Every key is written in full, which the format allows."""
    block = bytearray()
    restarts = []
    for key, value in entries:
        restarts.append(len(block))
        block += b"\0" + encoded_varint(len(key)) + encoded_varint(len(value)) + key + value
    for restart in restarts or [0]:
        block += restart.to_bytes(4, "little")
    block += len(restarts or [0]).to_bytes(4, "little")
    handle = encoded_varint(len(table)) + encoded_varint(len(block))
    block += b"\0"
    table += block + mask(crc32c(bytes(block))).to_bytes(4, "little")
    return handle
