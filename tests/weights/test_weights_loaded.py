"""Weights from files: honest ones, misfits, and lies."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from spinedsl.diagnostics import DiagnosticError
from spinedsl.ops import Initial, Parameter
from spinedsl.specification import open_spec
from spinedsl.weights import load_weights, random_weights, safetensors_file

ONES = Initial("ones")
PARAMETERS = {
    "a.conv1.weight": Parameter("weight", (4, 3, 1, 1), Initial("truncated_normal", 3, 4)),
    "a.norm1.running_mean": Parameter("running_mean", (4,), ONES, trainable=False),
    "a.norm1.running_var": Parameter("running_var", (4,), ONES, trainable=False),
}
WEIGHTS = dict(random_weights(PARAMETERS))
FIXTURES = Path(__file__).parent.parent / "numeric/fixtures"


def saved(path: Path, weights) -> Path:
    save_file(weights, path)
    return path


def raw(path: Path, header, data: bytes = b"", length: int | None = None) -> Path:
    """A file with any header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def refused(path: Path, parameters=PARAMETERS) -> list:
    with pytest.raises(DiagnosticError) as caught:
        dict(load_weights(path, parameters))
    assert {d.code for d in caught.value.diagnostics} == {"SP051"}
    assert all(d.help for d in caught.value.diagnostics)
    return list(caught.value.diagnostics)


def test_weights_come_in_running_order(tmp_path):
    path = saved(tmp_path / "w.safetensors", dict(sorted(WEIGHTS.items(), reverse=True)))
    loaded = list(load_weights(path, PARAMETERS))
    assert [name for name, _ in loaded] == list(PARAMETERS)
    for name, array in loaded:
        assert array.dtype == np.float32
        assert (array == WEIGHTS[name]).all()


def test_a_whole_network(tmp_path):
    parameters = open_spec("std:spinenet49", {"scale.width": "0.125"}).inlined.parameters()
    weights = dict(random_weights(parameters))
    for name, array in load_weights(saved(tmp_path / "w.safetensors", weights), parameters):
        assert (array == weights[name]).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(dtype, tmp_path):
    weights = {name: array.astype(dtype) for name, array in WEIGHTS.items()}
    for name, array in load_weights(saved(tmp_path / "w.safetensors", weights), PARAMETERS):
        assert array.dtype == np.float32
        assert (array == weights[name].astype(np.float32)).all()


def bfloat16(values: list[float]) -> bytes:
    """The upper halves of float32 numbers that have nothing in the lower ones."""
    words = np.array(values, np.float32).view(np.uint32)
    assert not (words & 0xFFFF).any()
    return (words >> 16).astype("<u2").tobytes()


def test_bfloat16_becomes_float32_exactly(tmp_path):
    values = [1.0, -2.5, 3.3895313892515355e38, 9.183549615799121e-41, -0.0, 0.00390625]
    parameters = {"x": Parameter("x", (2, 3), ONES)}
    header = {"x": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}
    ((_, array),) = load_weights(raw(tmp_path / "w", header, bfloat16(values)), parameters)
    assert array.tobytes() == np.array(values, np.float32).tobytes()
    assert array.shape == (2, 3)


def test_float64_beyond_float32_is_not_silently_infinite(tmp_path):
    weights = {name: array.astype(np.float64) for name, array in WEIGHTS.items()}
    weights["a.norm1.running_mean"][2] = 1e300
    (diagnostic,) = refused(saved(tmp_path / "w", weights))
    assert "1 of 4" in diagnostic.message
    assert "float32" in diagnostic.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(value, tmp_path):
    weights = {name: array.copy() for name, array in WEIGHTS.items()}
    weights["a.conv1.weight"][1] = value
    (diagnostic,) = refused(saved(tmp_path / "w", weights))
    assert "3 of 12" in diagnostic.message
    assert "a.conv1.weight" in diagnostic.message


def test_negative_variance(tmp_path):
    weights = {**WEIGHTS, "a.norm1.running_var": -WEIGHTS["a.norm1.running_var"]}
    (diagnostic,) = refused(saved(tmp_path / "w", weights))
    assert "negative variance" in diagnostic.message


def test_all_that_does_not_fit_is_told_at_once(tmp_path):
    weights = {
        "a.conv1.weigth": WEIGHTS["a.conv1.weight"],
        "a.norm1.running_mean": np.ones(5, np.float32),
        "a.norm1.running_var": np.ones(4, np.int64),
    }
    missing, unexpected, differing = refused(saved(tmp_path / "w", weights))
    assert "lacks 1 parameter " in missing.message
    assert "“a.conv1.weigth” for “a.conv1.weight”" in missing.help
    assert "has 1 tensor " in unexpected.message
    assert "“a.conv1.weight” for “a.conv1.weigth”" in unexpected.help
    assert "“a.norm1.running_mean” is 5, not 4" in differing.message
    assert "“a.norm1.running_var” holds I64 numbers" in differing.message


def test_a_model_s_weights_for_its_backbone(tmp_path):
    whole = {f"backbone.{name}": array for name, array in WEIGHTS.items()}
    found = refused(saved(tmp_path / "w", {"a_head.conv1.weight": np.ones(1, np.float32), **whole}))
    for diagnostic in found:
        assert diagnostic.help.endswith("save those of its part: `model.backbone.state_dict()`")


def test_long_lists_are_cut(tmp_path):
    parameters = {f"p{i}": Parameter("weight", (1,), ONES) for i in range(25)}
    weights = {f"q{i}": np.ones(1, np.float32) for i in range(12)}
    missing, unexpected = refused(saved(tmp_path / "w", weights), parameters)
    assert "lacks 25 parameters" in missing.message
    assert missing.message.count("“p") == 10
    assert "and 15 more" in missing.message
    assert unexpected.message.count("“q") == 10
    assert "and 2 more" in unexpected.message


def test_counters_of_torch_norms_are_passed_over(tmp_path):
    counter = np.array(7, np.int64)
    path = saved(tmp_path / "w", {**WEIGHTS, "a.norm1.num_batches_tracked": counter})
    assert dict(load_weights(path, PARAMETERS)).keys() == PARAMETERS.keys()
    (diagnostic,) = refused(saved(tmp_path / "v", {**WEIGHTS, "b.num_batches_tracked": counter}))
    assert "b.num_batches_tracked" in diagnostic.message


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
HEADER, TEXT, ITSELF = "header isn't all there", "header isn't JSON", "contradicts itself"
LIES = {
    "empty": (HEADER, lambda p: p.write_bytes(b"")),
    "short": (HEADER, lambda p: p.write_bytes(b"\1\0\0")),
    "a pickle": (HEADER, lambda p: p.write_bytes(b"\x80\x04cposix\nsystem\n(S'true'\ntR.")),
    "a zip": (HEADER, lambda p: p.write_bytes(b"PK\3\4" + bytes(100))),
    "an endless header": (HEADER, lambda p: raw(p, {"x": ENTRY}, bytes(16), length=2**63)),
    "a header beyond the file": (HEADER, lambda p: raw(p, {"x": ENTRY}, length=1000)),
    "no JSON": (TEXT, lambda p: raw(p, b"{'x': 1}")),
    "no UTF-8": (TEXT, lambda p: raw(p, b'{"\xff": 1}')),
    "deep nesting": (TEXT, lambda p: raw(p, b"[" * 200_000)),
    "a list": ("isn't a table", lambda p: raw(p, [])),
    "no entry": (ITSELF, lambda p: raw(p, {"x": None})),
    "an unknown type": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "dtype": "F3"}}, bytes(16))),
    "no type": (ITSELF, lambda p: raw(p, {"x": {"shape": [4], "data_offsets": [0, 16]}}, bytes(16))),
    "a negative shape": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "shape": [-2, -2]}}, bytes(16))),
    "a huge shape": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "shape": [2**62, 2**62]}}, bytes(16))),
    "a broken shape": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "shape": [4.0]}}, bytes(16))),
    "a true shape": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "shape": [True], "data_offsets": [0, 4]}}, bytes(4))),
    "negative offsets": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "data_offsets": [-16, 0]}}, bytes(16))),
    "other lengths": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "data_offsets": [0, 12]}}, bytes(12))),
    "three offsets": (ITSELF, lambda p: raw(p, {"x": {**ENTRY, "data_offsets": [0, 8, 16]}}, bytes(16))),
    "overlap": ("overlap", lambda p: raw(p, {"x": ENTRY, "y": {**ENTRY, "data_offsets": [8, 24]}}, bytes(32))),
    "a gap": ("gaps", lambda p: raw(p, {"x": {**ENTRY, "data_offsets": [8, 24]}}, bytes(16))),
    "a cut": ("1 bytes are missing", lambda p: raw(p, {"x": ENTRY}, bytes(15))),
    "more": ("1 bytes at its end", lambda p: raw(p, {"x": ENTRY}, bytes(17))),
    "a name twice": ("twice", lambda p: raw(p, b'{"x": {}, "x": ' + json.dumps(ENTRY).encode() + b"}", bytes(16))),
    "a folder": ("", lambda p: p.mkdir()),
    "a pipe": ("regular", lambda p: os.mkfifo(p)),
    "nothing": ("no such file", lambda p: None),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_files_that_lie(lie, tmp_path):
    phrase, write = LIES[lie]
    write(tmp_path / "w.safetensors")
    (diagnostic,) = refused(tmp_path / "w.safetensors", {"x": Parameter("x", (4,), ONES)})
    assert "can't read weights from" in diagnostic.message
    assert phrase in diagnostic.message


def test_headers_have_a_limit(tmp_path, monkeypatch):
    """What is read before anything is known of a file is bounded."""
    path = saved(tmp_path / "w", WEIGHTS)
    monkeypatch.setattr(safetensors_file, "MAX_HEADER_BYTES", 100)
    (diagnostic,) = refused(path)
    assert HEADER in diagnostic.message


def test_no_damage_ends_in_anything_but_a_diagnostic(tmp_path):
    whole = saved(tmp_path / "w", WEIGHTS).read_bytes()
    stream = random.Random(0)
    path = tmp_path / "v"
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(stream.randint(1, 4)):
            data[stream.randrange(min(len(data), 400))] = stream.randrange(256)
        path.write_bytes(data[: stream.choice([len(data), stream.randrange(len(data))])])
        try:
            loaded = dict(load_weights(path, PARAMETERS))
        except DiagnosticError as error:
            assert {d.code for d in error.diagnostics} == {"SP051"}
        else:
            assert loaded.keys() == PARAMETERS.keys()


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    parameters = {name: Parameter("weight", (100_000,), ONES) for name in ("x", "y")}
    path = saved(tmp_path / "w", dict(random_weights(parameters)))
    weights = load_weights(path, parameters)
    next(weights)
    os.truncate(path, path.stat().st_size - 4)
    with pytest.raises(DiagnosticError, match="middle of a tensor"):
        list(weights)


def test_files_of_the_published_implementation_are_read(tmp_path):
    """Their names are other ones, but the files are whole."""
    (missing, unexpected, *_) = refused(FIXTURES / "resnet.safetensors")
    assert "lacks" in missing.message
    assert "has" in unexpected.message


def test_a_refused_file_is_closed(tmp_path):
    path = saved(tmp_path / "w", {"x": np.ones(1, np.float32)})
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(20):
        refused(path)
    if before:
        assert len(list(Path("/proc/self/fd").iterdir())) == before
