"""Small checkpoints, honest and other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spinedsl.weights.tensorflow import wire
from spinedsl.weights.tensorflow.bundle import data_path, index_path
from spinedsl.weights.tensorflow.crc32c import crc32c, mask
from spinedsl.weights.tensorflow.writing import CheckpointWriter

HEADER = wire.encoded_field(1, 1) + wire.encoded_field(3, wire.encoded_field(1, 1))
"""Of a bundle with one data file (BundleHeaderProto)."""

VALUES = {
    "a/kernel": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4),
    "a/bias": np.array([1, 2, 3, 4], np.float32),
    "b/kernel": np.zeros((0, 3), np.float32),
}


def written(folder: Path, values=VALUES) -> Path:
    """A checkpoint of float32 variables by name."""
    prefix = folder / "ckpt"
    writer = CheckpointWriter()
    data_path(prefix).write_bytes(b"".join(writer.data(values.items())))
    index_path(prefix).write_bytes(writer.index())
    return prefix


def entry(**changes) -> bytes:
    """The entry of a float32 variable of four numbers (BundleEntryProto), changed."""
    fields = {
        "dtype": wire.encoded_field(1, 1),
        "shape": wire.encoded_field(2, wire.encoded_field(2, wire.encoded_field(1, 4))),
        "shard": b"",
        "offset": b"",
        "size": wire.encoded_field(5, 16),
        "checksum": wire.encoded_fixed32(6, mask(crc32c(bytes(16)))),
        "slices": b"",
    }
    assert changes.keys() <= fields.keys()
    return b"".join((fields | changes).values())
