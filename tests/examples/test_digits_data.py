"""The digits' scenes: what they promise, and that pycocotools reads them."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from pycocotools.coco import COCO

from examples.digits import coco, data, evaluate
from examples.digits.evaluate import Detections, average_precision

SCENES = 12


def test_a_scene_depends_on_its_split_and_index_alone() -> None:
    first = data.scene("val", 5)
    data.scene("train", 3)
    again, other, training = data.scene("val", 5), data.scene("val", 6), data.scene("train", 5)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, other.image)
    assert not np.array_equal(first.image, training.image)


def test_splits_share_no_digit_and_no_part_of_a_photograph() -> None:
    train, val = data.glyphs("train")[1], data.glyphs("val")[1]
    assert len(train) == data.FIRST_VAL_DIGIT and len(train) + len(val) == 1797
    assert set(val) == set(range(10))
    for left, right in zip(data.photographs("train"), data.photographs("val"), strict=True):
        assert left.height == right.height
        assert left.width + right.width in (640, 512)  # of the whole photographs


def test_digits_are_inside_their_scene_and_hide_little_of_one_another() -> None:
    sides = []
    for index in range(40):
        scene = data.scene("train", index)
        assert scene.image.shape == (data.SIZE, data.SIZE, 3) and scene.image.dtype == np.uint8
        assert (scene.boxes >= 0).all() and (scene.boxes <= data.SIZE).all()
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert ((scene.labels >= 0) & (scene.labels < 10)).all()
        for place, box in enumerate(scene.boxes):
            assert (data.overlaps(box, scene.boxes[:place]) <= data.OVERLAP).all()
        sides += (scene.boxes[:, 2:] - scene.boxes[:, :2]).max(1).tolist()
    # Tall digits, turned a little, are up to an eighth longer than their scale.
    assert min(sides) < 10 and 80 < max(sides) < 1.25 * data.SCALES[1]


def test_a_box_is_the_extent_of_the_ink() -> None:
    opacity = np.zeros((10, 10), np.float32)
    opacity[2:7, 3:5] = 1
    opacity[0, 0] = data.INK  # too faint
    assert data.ink_box(opacity).tolist() == [3, 2, 5, 7]


def test_an_overlap_is_a_part_of_the_smaller_box() -> None:
    others = np.array([[0, 0, 10, 10], [5, 5, 7, 9], [20, 20, 30, 30]], np.float32)
    shares = data.overlaps(np.array([0, 0, 6, 20], np.float32), others)
    assert shares.tolist() == pytest.approx([60 / 100, 4 / 8, 0])


def test_annotations_are_what_the_scenes_hold() -> None:
    made = json.loads(json.dumps(coco.dataset("val", SCENES)))
    found = made["annotations"]
    assert [each["id"] for each in found] == list(range(1, len(found) + 1))
    assert {each["image_id"] for each in found} <= {image["id"] for image in made["images"]}
    assert {each["category_id"] for each in found} <= {each["id"] for each in made["categories"]}
    assert len(found) == sum(len(data.scene("val", index).labels) for index in range(SCENES))


def test_an_export_is_a_data_set_that_pycocotools_reads(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--train", "2", "--val", "3"]
    outcome = CliRunner().invoke(coco.export, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(tmp_path / "annotations" / "instances_val.json")
    for image in dataset.loadImgs(dataset.getImgIds()):
        scene = data.scene("val", image["id"])
        saved = np.asarray(Image.open(tmp_path / "val" / image["file_name"]))
        assert np.array_equal(saved, scene.image)
        boxes = [each["bbox"] for each in dataset.loadAnns(dataset.getAnnIds(image["id"]))]
        assert boxes == np.hstack([scene.boxes[:, :2], scene.boxes[:, 2:] - scene.boxes[:, :2]]).tolist()
    assert len(list((tmp_path / "train").iterdir())) == 2


@pytest.fixture
def scenes_by_image() -> dict[bytes, data.Scene]:
    scenes = [data.scene("val", index) for index in range(SCENES)]
    return {scene.image.tobytes(): scene for scene in scenes}


def test_who_finds_all_digits_has_full_precision(scenes_by_image: dict[bytes, data.Scene]) -> None:
    def perfect(images: np.ndarray) -> list[Detections]:
        scenes = [scenes_by_image[image.tobytes()] for image in images]
        return [Detections(s.boxes, np.ones(len(s.labels)), s.labels) for s in scenes]

    metrics = average_precision(perfect, SCENES)
    assert metrics["AP"] == pytest.approx(1) and metrics["AP small"] == pytest.approx(1)


def test_misplaced_boxes_and_wrong_digits_cost_precision(scenes_by_image: dict[bytes, data.Scene]) -> None:
    def shifted(images: np.ndarray) -> list[Detections]:
        scenes = [scenes_by_image[image.tobytes()] for image in images]
        # By a fifth of the width: an intersection of 0.8 over a union of 1.2.
        shift = [(s.boxes[:, 2:3] - s.boxes[:, :1]) * [0.2, 0, 0.2, 0] for s in scenes]
        pairs = zip(scenes, shift, strict=True)
        return [Detections(s.boxes + moved, np.ones(len(s.labels)), s.labels) for s, moved in pairs]

    def misread(images: np.ndarray) -> list[Detections]:
        scenes = [scenes_by_image[image.tobytes()] for image in images]
        return [Detections(s.boxes, np.ones(len(s.labels)), (s.labels + 1) % 10) for s in scenes]

    metrics = average_precision(shifted, SCENES)
    assert metrics["AP50"] > 0.9 and metrics["AP75"] < 0.1
    assert average_precision(misread, SCENES)["AP50"] < 0.1


def test_finding_nothing_is_no_precision() -> None:
    def blind(images: np.ndarray) -> list[Detections]:
        return [Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)) for _ in images]

    assert average_precision(blind, 2) == dict.fromkeys(evaluate.METRICS, 0.0)
