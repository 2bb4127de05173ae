"""Checkpoints as files of tensors: names, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import unpacked
from tensorflow_support import HEADER, VALUES, entry, written

from spinedsl.weights.files import FileProblem
from spinedsl.weights.tensorflow import wire
from spinedsl.weights.tensorflow.bundle import Bundle, data_path, index_path
from spinedsl.weights.tensorflow.checkpoint import Checkpoint
from spinedsl.weights.tensorflow.crc32c import crc32c, mask
from spinedsl.weights.tensorflow.objects import GRAPH_KEY, read_objects
from spinedsl.weights.tensorflow.table import write_table


def test_a_damaged_graph_of_objects(tmp_path):
    prefix = unpacked("garden_backbone", tmp_path)
    place = Bundle(prefix).entries[GRAPH_KEY]
    data = bytearray(data_path(prefix).read_bytes())
    data[place.start + place.length // 2] ^= 1
    data_path(prefix).write_bytes(data)
    with pytest.raises(FileProblem, match="checksum"):
        Checkpoint(prefix)


def child(name: bytes, node: int) -> bytes:
    return wire.encoded_field(1, wire.encoded_field(1, node) + wire.encoded_field(2, name))


def variable(name: bytes, key: bytes, kind: bytes = b"VARIABLE_VALUE") -> bytes:
    parts = (wire.encoded_field(1, kind), wire.encoded_field(2, name), wire.encoded_field(3, key))
    return wire.encoded_field(2, b"".join(parts))


def slot(owner: int, name: bytes, node: int) -> bytes:
    parts = (wire.encoded_field(1, owner), wire.encoded_field(2, name), wire.encoded_field(3, node))
    return wire.encoded_field(3, b"".join(parts))


def graph(*nodes: bytes) -> bytes:
    return b"".join(wire.encoded_field(1, node) for node in nodes)


def test_objects_that_point_in_circles_and_nowhere():
    nodes = graph(
        child(b"layer-0", 1) + child(b"layer-1", 0) + child(b"layer-2", 99) + child(b"layer-x", 1),
        child(b"self", 1) + child(b"root", 0) + variable(b"a/kernel", b"k") + variable(b"a", b"k", b"STATE"),
        slot(1, b"momentum", 3) + slot(77, b"average", 55),
        variable(b"a/kernel/m", b"m"),
    )
    kernel, momentum = read_objects(nodes)
    assert (kernel.name, kernel.key, kernel.slot, kernel.rank) == ("a/kernel", "k", "", 0)
    assert (momentum.slot, momentum.owner, momentum.rank) == ("momentum", "a/kernel", None)


@pytest.mark.parametrize("nodes", [b"\x0a\x7f", b"\x0a\x02\x0a\x7f", b"\x0a\x03\x12\x01\xff"])
def test_graphs_that_are_none(nodes):
    with pytest.raises(FileProblem, match="object graph"):
        read_objects(nodes)


def with_graph(folder: Path, nodes: bytes) -> Path:
    """A checkpoint of one variable `k` with a graph of objects."""
    prefix = folder / "ckpt"
    text = wire.encoded_varint(len(nodes)) + bytes(4) + nodes
    summed = crc32c(bytes(4) + nodes, crc32c(len(nodes).to_bytes(4, "little")))
    place = wire.encoded_field(4, 16) + wire.encoded_field(5, len(text))
    described = wire.encoded_field(1, 7) + wire.encoded_field(2, b"") + place
    entries = {
        b"": HEADER,
        GRAPH_KEY.encode(): described + wire.encoded_fixed32(6, mask(summed)),
        b"k": entry(),
    }
    index_path(prefix).write_bytes(write_table(sorted(entries.items())))
    data_path(prefix).write_bytes(bytes(16) + text)
    return prefix


def test_variables_are_called_as_their_objects_say(tmp_path):
    file = Checkpoint(with_graph(tmp_path, graph(variable(b"conv2d/kernel", b"k"))))
    assert list(file.entries) == ["conv2d/kernel"]
    assert (file.read("conv2d/kernel") == np.zeros(4)).all()


@pytest.mark.parametrize(
    ("nodes", "phrase"),
    [
        (graph(variable(b"a", b"elsewhere")), "lacks “elsewhere”"),
        (graph(variable(b"a", b"k"), variable(b"a", b"k")), "two variables called “a”"),
    ],
)
def test_graphs_that_lie(nodes, phrase, tmp_path):
    with pytest.raises(FileProblem, match=phrase):
        Checkpoint(with_graph(tmp_path, nodes))


def test_what_optimizers_keep_is_left_out(tmp_path):
    weights = {"a/kernel": VALUES["a/kernel"], "b/Momentum": VALUES["a/bias"]}
    slots = {f"a/kernel/{name}": VALUES["a/kernel"] for name in ("Momentum", "Adam", "Adam_1")}
    average = {"a/kernel/ExponentialMovingAverage": -VALUES["a/kernel"]}
    counters = {"global_step": np.float32(3), "beta1_power": np.float32(0.9)}
    prefix = written(tmp_path, weights | slots | average | counters)
    file = Checkpoint(prefix)
    # `b` is no variable, so that `b/Momentum` is one.
    assert file.entries.keys() == weights.keys()
    assert file.left_out == {"optimizer slots": 3, "counters and settings": 2, "moving averages": 1}
    averaged = Checkpoint(prefix, averages=True)
    assert (averaged.read("a/kernel") == -VALUES["a/kernel"]).all()
