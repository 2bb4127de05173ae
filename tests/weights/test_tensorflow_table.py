"""LevelDB's tables and protocol buffers: what is written is read, and lies are found."""

from __future__ import annotations

import pytest

from spinedsl.weights.tensorflow import wire
from spinedsl.weights.tensorflow.crc32c import crc32c, mask
from spinedsl.weights.tensorflow.table import MAGIC, TableProblem, read_table, write_table


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_a_table_holds_what_was_put_in(count):
    entries = [(f"key{i:05d}".encode(), bytes([i % 256]) * (i % 50)) for i in range(count)]
    assert list(read_table(write_table(entries))) == entries
    assert list(read_table(write_table(entries, b"banner"))) == entries


def test_keys_that_share_their_beginning():
    """Tables that TensorFlow writes leave out what a key has in common with the one before."""
    block = b"\0\4\1abcdX" + b"\2\2\1xyY" + b"\4\1\1zZ"
    assert list(read_table(table(block))) == [(b"abcd", b"X"), (b"abxy", b"Y"), (b"abxyz", b"Z")]


def table(block: bytes, type: int = 0, damage: int = 0, named: int = 1) -> bytes:
    """A table of one data block with any entries; its sums are right unless `damage` is added.

    Args:
        named: how often the index names the block.
    """
    data = bytearray()

    def add(entries: bytes) -> bytes:
        content = entries + bytes(4) + (1).to_bytes(4, "little") + bytes([type])
        handle = wire.encoded_varint(len(data)) + wire.encoded_varint(len(content) - 1)
        data.extend(content + (mask(crc32c(content)) ^ damage).to_bytes(4, "little"))
        return handle

    handle = add(block)
    keys = (bytes([ord("k") + i]) for i in range(named))
    index = add(b"".join(b"\0\1" + wire.encoded_varint(len(handle)) + key + handle for key in keys))
    return bytes(data) + (index + index).ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


TABLE_LIES = {
    "empty": ("doesn't end as", b""),
    "short": ("doesn't end as", bytes(47)),
    "no magic": ("doesn't end as", bytes(100)),
    "an index block far away": ("outside", b"\xff" * 9 + b"\1" + bytes(30) + MAGIC.to_bytes(8, "little")),
    "a handle that doesn't end": ("doesn't end", b"\xff" * 40 + MAGIC.to_bytes(8, "little")),
    "a wrong sum": ("checksum", table(b"\0\1\1kv", damage=1)),
    "a compressed block": ("compressed", table(b"\0\1\1kv", type=1)),
    "more shared than there is": ("longer than its block", table(b"\3\1\1kv")),
    "a key beyond the block": ("longer than its block", table(b"\0\x70\1kv")),
    "a value beyond the block": ("longer than its block", table(b"\0\1\x70kv")),
    "a block named twice": ("overlap", table(b"\0\1\1kv", named=2)),
    "keys out of order": ("order", table(b"\0\1\1bX\0\1\1aX")),
    "a key twice": ("order", table(b"\0\1\1aX\0\1\1aX")),
}


@pytest.mark.parametrize("lie", TABLE_LIES)
def test_tables_that_lie(lie):
    phrase, data = TABLE_LIES[lie]
    with pytest.raises((TableProblem, wire.WireProblem), match=phrase):
        list(read_table(data))


def test_keys_have_a_limit():
    """Keys that each repeat the one before and add a byte would need memory without end."""
    block = b"\0\1\0a" + b"".join(wire.encoded_varint(length) + b"\1\0a" for length in range(1, 6000))
    with pytest.raises(TableProblem, match="longer than 4,096"):
        list(read_table(table(block)))


@pytest.mark.parametrize(
    ("message", "phrase"),
    [
        (b"\x08", "breaks off"),
        (b"\x08" + b"\x80" * 11, "doesn't end"),
        (b"\x0a\x05ab", "longer than its message"),
        (b"\x0d\1\2", "breaks off"),
        (b"\x09\1\2", "breaks off"),
        (b"\x0b", "doesn't exist"),
    ],
)
def test_messages_that_lie(message, phrase):
    with pytest.raises(wire.WireProblem, match=phrase):
        list(wire.fields(message))


def test_negative_numbers_and_what_is_no_number():
    assert wire.signed((1 << 64) - 5) == -5
    with pytest.raises(wire.WireProblem):
        wire.signed(b"x")
    with pytest.raises(wire.WireProblem):
        wire.text(3)
    with pytest.raises(wire.WireProblem, match="UTF-8"):
        wire.text(b"\xff")
