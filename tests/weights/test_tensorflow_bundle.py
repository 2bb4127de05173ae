"""TensorFlow's bundles: what is written is read, and lies end in a problem that says what it is."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from checkpoints import unpacked
from tensorflow_support import HEADER, VALUES, entry, written

from spinedsl.weights.files import FileProblem
from spinedsl.weights.tensorflow import bundle as bundle_module
from spinedsl.weights.tensorflow import wire
from spinedsl.weights.tensorflow.bundle import Bundle, Place, data_path, index_of, index_path, prefix_of
from spinedsl.weights.tensorflow.checkpoint import Checkpoint
from spinedsl.weights.tensorflow.table import read_table, write_table


def test_what_is_written_is_read(tmp_path):
    prefix = written(tmp_path)
    file = Bundle(prefix)
    assert list(file.entries) == sorted(VALUES)
    for name, value in VALUES.items():
        assert (file.read(name) == value).all()
        assert file.read(name).shape == value.shape
    file.close()


@pytest.mark.parametrize("name", ["ckpt", "ckpt.index", "ckpt.data-00000-of-00001"])
def test_a_checkpoint_is_named_by_any_of_its_files(name, tmp_path):
    prefix = written(tmp_path)
    assert prefix_of(tmp_path / name) == prefix
    assert prefix_of(tmp_path / "other") is None
    assert prefix_of(Path("\0")) is None


NEGATIVE = (1 << 64) - 1


def dimension(size: int) -> bytes:
    return wire.encoded_field(2, wire.encoded_field(1, size))


BUNDLE_LIES = {
    "no header": ("no header", None, entry()),
    "no data files": ("0 data files", b"", entry()),
    "a billion data files": ("data files", wire.encoded_field(1, 10**9), entry()),
    "big-endian numbers": ("big-endian", HEADER + wire.encoded_field(2, 1), entry()),
    "a data file that isn't counted": ("contradicts", HEADER, entry(shard=wire.encoded_field(3, 1))),
    "a negative data file": ("contradicts", HEADER, entry(shard=wire.encoded_field(3, NEGATIVE))),
    "a negative place": ("contradicts", HEADER, entry(offset=wire.encoded_field(4, NEGATIVE))),
    "a negative size": ("contradicts", HEADER, entry(size=wire.encoded_field(5, NEGATIVE))),
    "a negative extent": ("negative extent", HEADER, entry(shape=wire.encoded_field(2, dimension(NEGATIVE)))),
    "a thousand axes": ("1,000 axes", HEADER, entry(shape=wire.encoded_field(2, dimension(1) * 1000))),
    "another size": ("contradicts", HEADER, entry(size=wire.encoded_field(5, 12))),
    "a huge shape": ("contradicts", HEADER, entry(shape=wire.encoded_field(2, dimension(2**62) * 9))),
    "a huge size": (
        "cut short",
        HEADER,
        entry(
            size=wire.encoded_field(5, 2**42), shape=wire.encoded_field(2, dimension(2**40))
        ),
    ),
    "a place beyond the end": ("cut short", HEADER, entry(offset=wire.encoded_field(4, 8))),
    "a wrong sum": ("checksum", HEADER, entry(checksum=wire.encoded_fixed32(6, 1))),
    "a partitioned variable": ("in pieces", HEADER, entry(slices=wire.encoded_field(7, b""))),
    "integers": ("no weights", HEADER, entry(dtype=wire.encoded_field(1, 3))),
    "texts": ("no weights", HEADER, entry(dtype=wire.encoded_field(1, 7))),
    "an unknown type": ("no weights", HEADER, entry(dtype=wire.encoded_field(1, 99))),
    "no message": ("damaged", HEADER, b"\x0a\x7f"),
    "a number for a shape": ("damaged", HEADER, entry(shape=wire.encoded_field(2, 4))),
}  # fmt: skip


@pytest.mark.parametrize("lie", BUNDLE_LIES)
def test_bundles_that_lie(lie, tmp_path):
    phrase, header, value = BUNDLE_LIES[lie]
    prefix = tmp_path / "ckpt"
    entries = [(b"x", value)] if header is None else [(b"", header), (b"x", value)]
    index_path(prefix).write_bytes(write_table(entries))
    data_path(prefix).write_bytes(bytes(16))
    with pytest.raises(FileProblem, match=phrase):
        Bundle(prefix).read("x")


def test_an_honest_entry_is_read(tmp_path):
    """So the lies above are what is refused."""
    prefix = tmp_path / "ckpt"
    index_path(prefix).write_bytes(write_table([(b"", HEADER), (b"x", entry())]))
    data_path(prefix).write_bytes(bytes(16))
    assert (Bundle(prefix).read("x") == np.zeros(4)).all()


def test_a_key_that_is_no_text(tmp_path):
    index_path(tmp_path / "ckpt").write_bytes(write_table([(b"", HEADER), (b"\xff", entry())]))
    with pytest.raises(FileProblem, match="UTF-8"):
        Bundle(tmp_path / "ckpt")


def test_a_missing_data_file(tmp_path):
    prefix = written(tmp_path)
    data_path(prefix).unlink()
    with pytest.raises(FileProblem, match=r"data-00000-of-00001” can't be read: no such file"):
        Bundle(prefix).read("a/bias")


def test_an_index_has_a_limit(tmp_path, monkeypatch):
    prefix = written(tmp_path)
    monkeypatch.setattr(bundle_module, "MAX_INDEX_BYTES", 100)
    with pytest.raises(FileProblem, match="larger than"):
        Bundle(prefix)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ckpt.index")
    with pytest.raises(FileProblem, match="regular"):
        Bundle(tmp_path / "ckpt")


def test_no_damage_ends_in_anything_but_a_problem(tmp_path):
    prefix = unpacked("garden_backbone", tmp_path)
    index, data = index_path(prefix).read_bytes(), data_path(prefix).read_bytes()
    stream = random.Random(0)
    for _ in range(40):
        damaged = bytearray(index)
        for _ in range(stream.randint(1, 4)):
            place = stream.choice([stream.randrange(len(damaged)), len(damaged) - 1 - stream.randrange(60)])
            damaged[place] = stream.randrange(256)
        index_path(prefix).write_bytes(
            damaged[: stream.choice([len(damaged), stream.randrange(len(damaged))])]
        )
        data_path(prefix).write_bytes(data[: stream.choice([len(data), stream.randrange(len(data))])])
        try:
            file = Checkpoint(prefix)
            for name in list(file.entries)[::50]:
                file.read(name)
            file.close()
        except FileProblem:
            pass


def test_index_of_places_are_kept():
    data = index_of({"x": ((2, 2), Place(64, 16, 7))}, b"banner")
    assert [key for key, _ in read_table(data)] == [b"", b"x"]
