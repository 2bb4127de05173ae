"""One-stage detections, against torchvision's on the same raw outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from pipeline_support import checked, detector, random_images, random_raw, run, session

from spinedsl.emit.onnx import OPSETS
from spinedsl.graph.tasks import Anchors

pytest.importorskip("torchvision")
from detection_reference import best_5000, every_box, retinanet

SIZE = (128, 192)
IMAGES = (300, 200)
COVERED = (128, 85)
"""What an image of 300 x 200 covers of 128 x 192."""

PIXEL = 1e-5 * 300
"""How far boxes may lie apart: torchvision has anchors as corners, which costs them digits."""


def in_image(boxes: np.ndarray) -> np.ndarray:
    scale = np.array((IMAGES[1] / COVERED[1], IMAGES[0] / COVERED[0]) * 2)
    return boxes * scale


def assert_same(found: dict[str, np.ndarray], expected: list[dict[str, np.ndarray]]) -> None:
    """The same detections in the same order, and nothing behind them."""
    for number, image in enumerate(expected):
        count = len(image["scores"])
        assert found["num_detections"][number] == count
        boxes, scores, classes = (found[name][number] for name in ("boxes", "scores", "classes"))
        assert np.abs(boxes[:count] - in_image(image["boxes"])).max(initial=0) < PIXEL
        assert np.abs(scores[:count] - image["scores"]).max(initial=0) < 1e-6
        assert (classes[:count] == image["labels"]).all()
        assert (boxes[count:] == 0).all()
        assert (scores[count:] == 0).all()
        assert (classes[count:] == -1).all()


@pytest.mark.parametrize("seed", range(4))
def test_as_torchvision_detects(seed):
    """Fewer than 1000 scores a level, so that the number of candidates is no matter."""
    bare = detector(SIZE)
    raw = random_raw(bare, 3, seed, shift=-5.5, spread=1.3)
    expected = retinanet(bare, raw, COVERED)
    assert all(len(image["scores"]) == 100 for image in expected)
    assert_same(run(bare.session(), random_images(3, *IMAGES), raw), expected)


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset(opset):
    bare = detector(SIZE, classes=3)
    checked(bare.proto(opset))
    raw = random_raw(bare, 1, 9, shift=-5.5)
    found = run(bare.session(opset), random_images(1, *IMAGES), raw)
    assert_same(found, retinanet(bare, raw, COVERED))


@pytest.mark.parametrize("classes", [1, 2, 90])
@pytest.mark.parametrize(
    "anchors", [Anchors(3.0, 3), Anchors(4.0, 1, (1.0,)), Anchors(8.0, 2, (0.5, 2.0))], ids=str
)
def test_other_anchors_and_classes(anchors, classes):
    bare = detector(SIZE, classes, anchors=anchors)
    raw = random_raw(bare, 2, 5, shift=-5.5)
    found = run(bare.session(), random_images(2, *IMAGES), raw)
    expected = best_5000(bare, raw, COVERED)
    assert len(expected[0]["scores"])
    assert_same(found, expected)


def test_extents_are_bounded():
    """dw and dh count up to log(1000 / 16): anchors of 1 pixel become 62.5 pixels, not 148."""
    bare = detector(SIZE, 2, anchors=Anchors(0.125, 1))
    raw = random_raw(bare, 1, 2, shift=-5)
    for name in raw:
        if name.startswith("boxes"):
            raw[name][:, 2::4] = raw[name][:, 3::4] = 5
    assert_same(run(bare.session(), random_images(1, *IMAGES), raw), best_5000(bare, raw, COVERED))


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_number_of_levels(levels):
    bare = detector(SIZE, levels=levels)
    raw = random_raw(bare, 1, 2, shift=-5)
    assert_same(run(bare.session(), random_images(1, *IMAGES), raw), best_5000(bare, raw, COVERED))


def test_245520_candidates():
    """All of them above the threshold, and so far apart that no rounding decides about their order."""
    bare = detector((256, 256), 20)
    raw = random_raw(bare, 2, 3)
    names = [name for name in raw if name.startswith("scores")]
    count = sum(raw[name][0].size for name in names)
    assert count == 245_520
    logits = np.random.default_rng(3).permuted(np.tile(np.linspace(-2.9, 4, count), (2, 1)), axis=1)
    for name in names:
        part, logits = np.split(logits, [raw[name][0].size], axis=1)
        raw[name] = part.reshape(raw[name].shape).astype(np.float32)
    found = run(bare.session(), random_images(2, 256, 256), raw)
    expected = best_5000(bare, raw, (256, 256))
    for number, image in enumerate(expected):
        assert (found["classes"][number] == image["labels"]).all()
        assert np.abs(found["boxes"][number] - image["boxes"]).max() < PIXEL
        assert np.abs(found["scores"][number] - image["scores"]).max() < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {"score_threshold": 0.5},
        {"score_threshold": 0.0},
        {"overlap_threshold": 0.1},
        {"overlap_threshold": 1.0},
        {"candidates": 50},
        {"candidates": 1},
        {"detections": 1},
        {"detections": 3000},
    ],
    ids=str,
)
def test_numbers_can_be_chosen(options):
    bare = detector(SIZE, **options)
    checked(bare.proto())
    raw = random_raw(bare, 1, 4)
    assert_same(run(bare.session(), random_images(1, *IMAGES), raw), best_5000(bare, raw, COVERED))


def test_fewer_anchors_than_detections():
    bare = detector((128, 128), 2, anchors=Anchors(4.0, 1, (1.0,)), levels=1, detections=600)
    raw = random_raw(bare, 1, 6, shift=1)
    found = run(bare.session(), random_images(1, 128, 128), raw)
    (image,) = best_5000(bare, raw, (128, 128))
    count = len(image["scores"])
    assert 100 < count < 512
    assert found["boxes"].shape == (1, 600, 4)
    assert found["num_detections"] == [count]
    assert np.abs(found["boxes"][0, :count] - image["boxes"]).max() < PIXEL
    assert (found["classes"][0, count:] == -1).all()


def test_no_detection():
    bare = detector(SIZE)
    raw = random_raw(bare, 2, shift=-20, spread=0.1)
    found = run(bare.session(), random_images(2, *IMAGES), raw)
    assert (found["num_detections"] == 0).all()
    assert (found["boxes"] == 0).all()
    assert (found["scores"] == 0).all()
    assert (found["classes"] == -1).all()


def test_all_candidates_are_equal():
    """Of equal scores the first counts: by level, row, column, anchor, class."""
    bare = detector(SIZE, classes=3)
    raw = {name: np.zeros((1, *shape), np.float32) for name, shape in bare.shapes.items()}
    found = run(bare.session(), random_images(1, *IMAGES), raw)
    assert_same(found, best_5000(bare, raw, COVERED))
    assert (found["scores"] == 0.5).all()
    assert (found["classes"][0, :6] == (0, 1, 2, 0, 1, 2)).all()


def test_saturated_scores_are_told_apart():
    """Logits of 30 and 40 have one sigmoid in float32, 1: the higher one still comes first."""
    bare = detector(SIZE, classes=1)
    raw = random_raw(bare, 1, shift=-20, spread=0.1)
    raw["scores_P3"][0, 0, 1, 1] = 30
    raw["scores_P5"][0, 4, 3, 2] = 40
    found = run(bare.session(), random_images(1, *IMAGES), raw)
    assert found["num_detections"] == [2]
    assert (found["scores"][0, :2] == 1).all()
    assert np.ptp(found["boxes"][0, 0]) > np.ptp(found["boxes"][0, 1])


@pytest.mark.parametrize("share", [0.001, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["scores", "boxes"])
def test_nan_is_no_candidate(kind, share):
    bare = detector(SIZE, classes=3)
    raw = random_raw(bare, 2, 7)
    stream = np.random.default_rng(8)
    for name, value in raw.items():
        if name.startswith(kind):
            value[stream.random(value.shape) < share] = np.nan
    found = run(bare.session(), random_images(2, *IMAGES), raw)
    assert all(np.isfinite(value).all() for name, value in found.items() if name != "network_input")
    counts = found["num_detections"]
    assert (counts == 0).all() if share == 1 else (counts > 0).all()
    assert (found["classes"][:, :1] >= (-1 if share == 1 else 0)).all()


def test_nan_leaves_others_alone():
    """Where whole anchors are NaN, the rest is as if they weren't there."""
    bare = detector(SIZE, classes=3)
    raw = random_raw(bare, 1, 7)
    without = {name: value.copy() for name, value in raw.items()}
    raw["scores_P3"][:, :9] = np.nan  # three anchors
    without["scores_P3"][:, :9] = -50
    raw["boxes_P4"][:, 5] = np.nan  # one coordinate of anchor 1
    without["scores_P4"][:, 3:6] = -50
    found, expected = (run(bare.session(), random_images(1, *IMAGES), values) for values in (raw, without))
    for name, value in expected.items():
        assert (found[name] == value).all(), name


@pytest.mark.parametrize("extreme", [3e38, -3e38, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["scores", "boxes"])
def test_extreme_numbers_stay_inside_the_image(kind, extreme):
    bare = detector(SIZE, classes=3)
    raw = random_raw(bare, 1, 7)
    for name, value in raw.items():
        if name.startswith(kind):
            value[..., ::3] = extreme
    found = run(bare.session(), random_images(1, *IMAGES), raw)
    assert np.isfinite(found["boxes"]).all()
    assert (found["boxes"] >= 0).all()
    assert (found["boxes"] <= (IMAGES[1], IMAGES[0]) * 2).all()
    assert (found["scores"] <= 1).all()


@pytest.mark.parametrize("images", [(1, 1), (1, 400), (400, 1), (128, 192), (3001, 2003)], ids=str)
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_boxes_lie_in_the_image(fit, images):
    """Every edge is reached, and none is left, whatever the image's size."""
    bare = detector(SIZE, fit=fit)
    raw = random_raw(bare, 1, 1)
    for name in raw:
        if name.startswith("boxes"):
            raw[name] += 0.5
            raw[name][:, 2::4] = raw[name][:, 3::4] = 3
    boxes = run(bare.session(), random_images(1, *images), raw)["boxes"][0]
    assert (boxes >= 0).all()
    assert (boxes <= (images[1], images[0]) * 2).all()
    assert boxes[:, 2].max() == images[1]
    assert boxes[:, 3].max() == images[0]


@pytest.mark.parametrize("batch", range(1, 9))
def test_batches_are_their_images(batch):
    bare = detector(SIZE)
    ready = bare.session()
    images, raw = random_images(batch, *IMAGES), random_raw(bare, batch, 11)
    raw["scores_P3"][0] -= 30  # images have different numbers of candidates
    together = run(ready, images, raw)
    for number in range(batch):
        alone = run(ready, images[number : number + 1], {k: v[number : number + 1] for k, v in raw.items()})
        for name, value in alone.items():
            assert (together[name][number] == value[0]).all(), name


# ---- suppression by others


@pytest.mark.parametrize("opset", [OPSETS.start, OPSETS.stop - 1])
def test_without_suppression(opset):
    bare = detector(SIZE, nms="none")
    checked(bare.proto(opset))
    raw = random_raw(bare, 2, 3)
    found = run(bare.session(opset), random_images(2, *IMAGES), raw)
    boxes, logits = every_box(bare, raw, COVERED)
    assert list(found) == ["boxes", "scores", "network_input"]
    assert found["boxes"].shape == (2, 16 * 24 * 9 + 8 * 12 * 9 + 4 * 6 * 9 + 2 * 3 * 9 + 1 * 2 * 9, 4)
    assert np.abs(found["boxes"] - in_image(boxes)).max() < PIXEL
    assert np.abs(found["scores"] - 1 / (1 + np.exp(-logits.astype(np.float64)))).max() < 1e-6


def plugin_of(proto: onnx.ModelProto) -> onnx.NodeProto:
    (node,) = (node for node in proto.graph.node if node.op_type == "EfficientNMS_TRT")
    return node


@pytest.mark.parametrize("opset", OPSETS)
def test_plugin_is_written_as_documented(opset):
    """Source: https://github.com/NVIDIA/TensorRT/tree/release/10.0/plugin/efficientNMSPlugin"""
    proto = detector(SIZE, nms="trt", score_threshold=0.25, detections=42).proto(opset)
    node = plugin_of(proto)
    assert node.domain == ""
    assert {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute} == {
        "plugin_version": b"1",
        "background_class": -1,
        "max_output_boxes": 42,
        "score_threshold": 0.25,
        "iou_threshold": 0.5,
        "score_activation": 1,
        "class_agnostic": 0,
        "box_coding": 0,
    }
    described = {v.name: v.type.tensor_type for v in proto.graph.value_info}
    found = [
        ([d.dim_param or d.dim_value for d in described[name].shape.dim], described[name].elem_type)
        for name in node.output
    ]
    floats, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    assert found == [
        (["batch", 1], whole), (["batch", 42, 4], floats), (["batch", 42], floats), (["batch", 42], whole),
    ]  # fmt: skip


def test_around_the_plugin():
    """With what the plugin gives as an input, all else is a model that runs."""
    bare = detector(SIZE, classes=3, nms="trt", detections=5)
    proto = bare.proto()
    node = plugin_of(proto)
    described = {v.name: v for v in proto.graph.value_info}
    boxes, logits = node.input
    proto.graph.node.remove(node)
    for name in node.output:
        proto.graph.input.append(described[name])
        proto.graph.value_info.remove(described[name])
    for name, extent in ((boxes, 4), (logits, 3)):
        proto.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", None, extent])
        )
    checked(proto)
    raw = random_raw(bare, 2, 3)
    counted = np.array([[2], [0]], np.int32)
    corners = np.tile(
        np.array([[0, 0, 85, 128], [8.5, 12.8, 17, 25.6], *[[7] * 4] * 3], np.float32), (2, 1, 1)
    )
    scores, classes = np.full((2, 5), 0.5, np.float32), np.full((2, 5), 2, np.int32)
    given = dict(zip(node.output, (counted, corners, scores, classes), strict=True))
    found = run(session(proto.SerializeToString()), random_images(2, *IMAGES), {**raw, **given})
    assert (found["num_detections"] == (2, 0)).all()
    assert np.allclose(found["boxes"][0, :2], [[0, 0, 200, 300], [20, 30, 40, 60]], atol=1e-4)
    assert (found["boxes"][0, 2:] == 0).all()
    assert (found["classes"] == [[2, 2, -1, -1, -1], [-1] * 5]).all()
    assert found["classes"].dtype == np.int64
    assert (found["scores"] == [[0.5, 0.5, 0, 0, 0], [0] * 5]).all()
    expected_boxes, expected_logits = every_box(bare, raw, COVERED)
    assert np.abs(found[boxes] - expected_boxes).max() < PIXEL
    assert (found[logits] == expected_logits).all()
