"""The weights that ship: what they find in torch, in ONNX, and in int8; and the picture of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import spinedsl
from examples.digits import network, picture
from examples.digits.data import CLASSES, Scene, scene
from examples.digits.evaluate import average_precision, onnx_detector, torch_detector
from examples.digits.network import MODEL, SPEC, WEIGHTS, detector, load_weights
from spinedsl.runtime.running import Detections

SCENES = 200


@pytest.fixture(scope="module")
def in_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "BUILD", tmp_path_factory.mktemp("build"))
        module = detector()
    load_weights(module, WEIGHTS)
    return average_precision(torch_detector(module), SCENES)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture.pipeline(tmp_path_factory.mktemp("pipeline") / "digits.onnx")


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size <= 3_000_000


def test_the_detector_detects(in_torch: dict[str, float]) -> None:
    assert in_torch["AP50"] >= 0.85


def test_the_pipeline_is_as_good_as_torch(in_torch: dict[str, float], pipeline: Path) -> None:
    in_onnx = average_precision(onnx_detector(pipeline), SCENES)
    assert in_onnx["AP"] == pytest.approx(in_torch["AP"], abs=0.002)


def test_int8_is_nearly_as_good(in_torch: dict[str, float], tmp_path: Path) -> None:
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    for index in range(100):
        Image.fromarray(scene("train", index).image).save(calibration / f"{index:03}.png")
    path = tmp_path / "int8.onnx"
    spinedsl.compile(
        f"{SPEC}:{MODEL}",
        output=path,
        pipeline="detection",
        dynamic={"batch"},
        weights=WEIGHTS,
        labels=CLASSES,
        precision="int8",
        calibrate=calibration,
    )
    assert average_precision(onnx_detector(path), SCENES)["AP"] >= in_torch["AP"] - 0.01


def test_the_picture_has_right_boxes(tmp_path: Path, pipeline: Path) -> None:
    told = picture.make(tmp_path / "digits.png", pipeline)
    assert told.there > 40
    assert told.right >= 0.8 * told.there
    assert told.right >= 0.9 * told.drawn
    with Image.open(tmp_path / "digits.png") as made:
        assert made.size == (4 * 512 + 3 * 8, 2 * 512 + 8)


def test_a_box_is_right_once_and_by_its_name() -> None:
    truth = Scene(
        np.zeros((128, 128, 3), np.uint8),
        np.array([[0, 0, 10, 10], [50, 50, 70, 90]], np.float32),
        np.array([3, 7]),
    )
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 70, 80], [50, 50, 60, 60], [0, 0, 10, 9]]
    found = Detections(
        np.array(boxes, np.float32), np.linspace(0.9, 0.5, 5, dtype=np.float32), np.array([3, 8, 7, 7, 3])
    )
    assert picture.right(found, truth).tolist() == [True, False, True, False, False]
    nothing = Scene(truth.image, truth.boxes[:0], truth.labels[:0])
    assert not picture.right(found, nothing).any()
