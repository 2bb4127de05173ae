"""Pipelines' files: what comes out of images, and files that can't be run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from running_support import (
    CLASSIFICATION,
    DETECTION,
    LIKELY_SCORE,
    LOGITS,
    MASK,
    MASKS,
    QUARTERS,
    REGIONS,
    SCORES,
    SEGMENTATION,
    write,
)

from spinedsl.diagnostics import DiagnosticError
from spinedsl.runtime import running
from spinedsl.runtime.running import Detections, PixelLabels, Probabilities, run_image
from spinedsl.runtime.running_files import open_pipeline

TALL = np.zeros((256, 128, 3), np.uint8)
"""Half as large in the network's input, of which it covers the left half."""


def problem_of(path: Path, **how):
    with pytest.raises(DiagnosticError) as caught:
        open_pipeline(path, **how)
    (diagnostic,) = caught.value.diagnostics
    assert str(path) in diagnostic.message
    assert diagnostic.help
    return diagnostic.code, diagnostic.message


def test_detection(tmp_path):
    file = open_pipeline(write(tmp_path / "m.onnx", DETECTION, SCORES, labels=("a", "b", "c")))
    found = run_image(file, TALL)
    assert isinstance(found, Detections)
    assert found.boxes.tolist() == [[64, 64, 128, 192]]
    assert found.scores == pytest.approx([LIKELY_SCORE])
    assert found.classes.tolist() == [1]
    assert found.masks is None
    assert file.description.label(1) == "b"
    assert len(found.above(float(found.scores[0])).scores) == 1
    assert len(found.above(0.96).scores) == 0


def test_detection_with_masks(tmp_path):
    found = run_image(open_pipeline(write(tmp_path / "m.onnx", MASKS, REGIONS)), TALL)
    assert isinstance(found, Detections)
    assert found.boxes.tolist() == [[64, 64, 128, 192]]
    assert found.classes.tolist() == [2]
    assert found.masks is not None
    assert found.masks.shape == (1, 28, 28)
    assert np.allclose(found.masks[0], 1 / (1 + np.exp(-MASK)), atol=1e-6)
    assert found.above(0.99).masks.shape == (0, 28, 28)


def test_classification(tmp_path):
    found = run_image(open_pipeline(write(tmp_path / "m.onnx", CLASSIFICATION, LOGITS)), TALL)
    assert isinstance(found, Probabilities)
    best = found.best(3)
    assert [number for number, _ in best] == [3, 4, 5]
    assert [share for _, share in best] == pytest.approx([0.84, 0.05, 0.04])
    assert len(found.best(100)) == 7


def test_best_of_nan_comes_last():
    assert Probabilities(np.array([np.nan, 0.25, 0.75], np.float32)).best(2) == [(2, 0.75), (1, 0.25)]


def test_segmentation(tmp_path):
    file = open_pipeline(write(tmp_path / "m.onnx", SEGMENTATION, QUARTERS))
    square = run_image(file, np.zeros((64, 64, 3), np.uint8))
    assert isinstance(square, PixelLabels)
    assert square.labels[::63, ::63].tolist() == [[0, 1], [2, 3]]
    assert square.shares() == [(0, 0.25), (1, 0.25), (2, 0.25), (3, 0.25)]
    assert run_image(file, TALL).shares() == [(0, 0.5), (2, 0.5)]


def test_names_of_classes(tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES, labels=("a", "b\x1b[31m", "c"))
    own = open_pipeline(path).description
    assert [own.label(number) for number in (0, 1, 2, 3, -1)] == ["a", "b�[31m", "c", "class 3", "class -1"]
    assert open_pipeline(path, ("x", "y", "z")).description.label(1) == "y"
    assert open_pipeline(write(tmp_path / "n.onnx", DETECTION, SCORES)).description.label(0) == "class 0"
    code, message = problem_of(path, labels=("x", "y"))
    assert code == "SP030"
    assert "3 classes, but there are 2 names" in message


# ---- files that can't be run


def test_what_is_no_file(tmp_path):
    assert problem_of(tmp_path / "none.onnx")[0] == "SP001"
    assert problem_of(tmp_path)[0] == "SP001"
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        assert problem_of(tmp_path / "pipe")[0] == "SP001"


@pytest.mark.parametrize("data", [b"", b"no model", bytes(5000), b"\x08\x08\x12\x06spinec"], ids=range(4))
def test_what_is_no_model(data, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    code, message = problem_of(path)
    assert code == "SP055"
    assert "is no ONNX model" in message


def test_truncated(tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES)
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(data[: int(len(data) * share)])
        assert problem_of(path)[0] == "SP055"


def test_damaged(tmp_path):
    """Bytes changed at random: it runs, or is refused in a diagnostic."""
    path = write(tmp_path / "m.onnx", DETECTION, SCORES)
    whole = path.read_bytes()
    stream = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for place in stream.integers(0, len(data), 3):
            data[place] = stream.integers(256)
        path.write_bytes(data)
        try:
            run_image(open_pipeline(path), TALL)
        except DiagnosticError as error:
            assert {d.code for d in error.diagnostics} == {"SP055"}
            refused += 1
    assert refused > 10


def test_plugin_of_tensorrt(tmp_path):
    code, message = problem_of(write(tmp_path / "m.onnx", DETECTION, SCORES, nms="trt"))
    assert code == "SP055"
    assert "EfficientNMS_TRT" in message


def test_without_suppression(tmp_path):
    code, message = problem_of(write(tmp_path / "m.onnx", DETECTION, SCORES, nms="none"))
    assert code == "SP055"
    assert "suppression" in message


def stripped(path: Path, keep: dict[str, str]) -> None:
    """Replace the metadata of a file."""
    model = onnx.load(path)
    del model.metadata_props[:]
    for key, value in keep.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)


def test_other_peoples_models_and_networks_alone(tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES)
    stripped(path, {})
    assert "wasn't written by spinec" in problem_of(path)[1]
    stripped(path, {"spinec.version": "0.2"})
    assert "takes features or tensors" in problem_of(path)[1]


GOOD = {"version": 1, "kind": "detection", "classes": 3}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        *(
            json.dumps({**GOOD, **wrong})
            for wrong in (
                {"version": 2},
                {"kind": "magic"},
                {"classes": 0},
                {"classes": "3"},
                {"nms": "x"},
                {"labels": 3},
                {"labels": [1]},
                {"kind": "segmentation"},
                {"kind": "classification"},
            )
        ),
    ],
)
def test_what_a_file_says_is_not_trusted(said, tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES, metadata=said)
    assert problem_of(path)[0] == "SP055"


def test_unknown_words_of_later_versions_are_no_matter(tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES, metadata=json.dumps({**GOOD, "new": 1}))
    assert open_pipeline(path).description.kind == "detection"


def test_too_large_to_segment(tmp_path, monkeypatch):
    file = open_pipeline(write(tmp_path / "m.onnx", SEGMENTATION, QUARTERS))
    monkeypatch.setattr(running, "MAX_LOGIT_BYTES", 4 * 4 * 128 * 256)
    assert run_image(file, TALL)
    with pytest.raises(DiagnosticError) as caught:
        run_image(file, np.zeros((256, 129, 3), np.uint8))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP002"
    assert "4 classes of 129 x 256 pixels" in diagnostic.message


def test_other_inputs(tmp_path):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES)
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    assert "other inputs or outputs" in problem_of(path)[1]


def test_failure_at_an_image(tmp_path, capfd):
    file = open_pipeline(write(tmp_path / "m.onnx", DETECTION, SCORES))
    with pytest.raises(DiagnosticError) as caught:
        run_image(file, np.zeros((0, 5, 3), np.uint8))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP055"
    assert "5 x 0" in diagnostic.message
    assert capfd.readouterr().err == ""  # ONNX Runtime writes there by itself


def test_without_onnxruntime(tmp_path, monkeypatch):
    path = write(tmp_path / "m.onnx", DETECTION, SCORES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DiagnosticError) as caught:
        open_pipeline(path)
    assert caught.value.diagnostics[0].code == "SP052"
