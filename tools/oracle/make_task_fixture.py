#!/usr/bin/env python3
"""Record what the published TensorFlow detectors make of raw outputs, as a test fixture.

Anchors, targets, losses and detections of RetinaNet and Mask R-CNN come from the PyPI package
tf-models-official, called with random raw outputs, boxes and features. Tests then compare with
what a generated file computes from the same numbers.

Keys of the fixture are `<subject>/<name>`, all in TensorFlow's own layouts: channels last, boxes as
y0, x0, y1, x1 and their codes as dy, dx, dh, dw. Every subject is one function below.

This needs the environment described in README.md, and nothing imports it.
"""

import os

# Read by TensorFlow when it is imported; see make_fixture.py.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
from make_fixture import PACKAGES, REPOSITORY, with_sorted_header
from official.vision.configs import retinanet as retinanet_config
from official.vision.losses import maskrcnn_losses
from official.vision.modeling.layers.detection_generator import (
    DetectionGenerator,
    MultilevelDetectionGenerator,
)
from official.vision.modeling.layers.roi_aligner import MultilevelROIAligner
from official.vision.modeling.layers.roi_generator import MultilevelROIGenerator
from official.vision.ops.anchor import Anchor, AnchorLabeler, RpnAnchorLabeler
from official.vision.ops.box_ops import encode_boxes
from official.vision.ops.mask_ops import paste_instance_masks_v2
from official.vision.tasks.retinanet import RetinaNetTask
from safetensors.numpy import save

PATH = REPOSITORY / "tests/emit/torch/tasks/fixtures/published.safetensors"
MIN_LEVEL, MAX_LEVEL = 3, 5
CLASSES = 3
SIZE = (96, 128)  # height, width
ASPECTS = [0.5, 1.0, 2.0]
FOUND = ("num_detections", "detection_boxes", "detection_scores", "detection_classes")
LEVELS = [str(level) for level in range(MIN_LEVEL, MAX_LEVEL + 1)]

# Of two images. In the first, one box is too small and one too long for an overlap of one half
# with any anchor, and two are so alike that they want the same anchor.
BOXES = [
    np.array(
        [[8, 8, 44, 40], [50, 60, 53, 64], [2, 70, 94, 82], [60, 20, 90, 50], [60.5, 20.5, 90.5, 50.5]],
        np.float32,
    ),
    np.array([[10, 30, 74, 110]], np.float32),
]
LABELS = [np.array([1, 2, 0, 2, 1], np.int64), np.array([0], np.int64)]


def anchors_of(size, octaves):
    return Anchor(MIN_LEVEL, MAX_LEVEL, octaves, ASPECTS, 3.0, list(size)).multilevel_boxes


def raw_outputs(rng, size, channels, scale, images=2):
    """One random tensor for each level."""
    return {
        level: rng.normal(0, scale, (images, size[0] >> int(level), size[1] >> int(level), channels)).astype(
            np.float32
        )
        for level in LEVELS
    }


def tensors(levels):
    return {level: tf.constant(value) for level, value in levels.items()}


def repeated(anchors, images=2):
    return {level: tf.tile(value[None], [images, 1, 1, 1]) for level, value in anchors.items()}


def stacked(per_image):
    """A list of dicts of levels becomes a dict of levels of batches."""
    return {level: tf.stack([one[level] for one in per_image]) for level in LEVELS}


def retinanet(rng):
    """Anchors, targets, losses and detections of a one-stage detector."""
    anchors = anchors_of(SIZE, 3)
    labeler = AnchorLabeler(match_threshold=0.5, unmatched_threshold=0.5)
    labelled = [
        labeler.label_anchors(anchors, tf.constant(boxes), tf.constant(labels[:, None]))
        for boxes, labels in zip(BOXES, LABELS, strict=True)
    ]
    # Raw scores as they are after some training: mostly low.
    scores = raw_outputs(rng, SIZE, 9 * CLASSES, 1.5)
    scores = {level: value - 2 for level, value in scores.items()}
    codes = raw_outputs(rng, SIZE, 36, 0.5)
    config = retinanet_config.RetinaNetTask(model=retinanet_config.RetinaNet(num_classes=CLASSES))
    labels = {
        "cls_targets": stacked([one[0] for one in labelled]),
        "box_targets": stacked([one[1] for one in labelled]),
        "cls_weights": tf.stack([one[3] for one in labelled]),
        "box_weights": tf.stack([one[4] for one in labelled]),
    }
    outputs = {"cls_outputs": tensors(scores), "box_outputs": tensors(codes)}
    _, cls_loss, box_loss, model_loss = RetinaNetTask(config).build_losses(outputs, labels)
    # The published detector takes class 0 for a background that is never detected.
    without = {level: value.copy() for level, value in scores.items()}
    for value in without.values():
        value[..., ::CLASSES] = -20
    detector = MultilevelDetectionGenerator(nms_version="v2")
    shape = tf.constant([SIZE, SIZE], tf.float32)
    found = detector(tensors(codes), tensors(without), repeated(anchors), shape)
    return {
        "anchors": np.concatenate([anchors[level].numpy().reshape(-1, 4) for level in LEVELS]),
        **{f"boxes{i}": value for i, value in enumerate(BOXES)},
        **{f"labels{i}": value for i, value in enumerate(LABELS)},
        "class_targets": flat(labels["cls_targets"], 1)[..., 0],
        "box_targets": flat(labels["box_targets"], 4),
        "positive": labels["box_weights"].numpy(),
        **{f"scores_P{level}": value for level, value in scores.items()},
        **{f"codes_P{level}": value for level, value in codes.items()},
        "losses": np.array([cls_loss, box_loss, model_loss], np.float32),
        **{name: found[name].numpy() for name in FOUND},
    }


def flat(levels, channels):
    """(N, anchors, channels)."""
    return np.concatenate([levels[level].numpy().reshape(2, -1, channels) for level in LEVELS], axis=1)


def proposals(rng):
    """Losses and results of the first stage, of so few anchors that all of them are sampled."""
    size = (64, 64)
    anchors = anchors_of(size, 1)
    labeler = RpnAnchorLabeler()
    boxes = [
        np.array([[6, 6, 30, 30], [20, 10, 62, 58], [40, 40, 44, 47]], np.float32),
        np.zeros((0, 4), np.float32),
    ]
    labelled = [
        labeler.label_anchors(anchors, tf.constant(one), tf.ones((len(one), 1), tf.int64)) for one in boxes
    ]
    scores = raw_outputs(rng, size, 3, 1.5)
    codes = raw_outputs(rng, size, 12, 0.4)
    score_loss = maskrcnn_losses.RpnScoreLoss(256)(tensors(scores), stacked([one[0] for one in labelled]))
    box_loss = maskrcnn_losses.RpnBoxLoss(1 / 9)(tensors(codes), stacked([one[1] for one in labelled]))
    generator = MultilevelROIGenerator(test_pre_nms_top_k=100, test_num_proposals=40)
    shape = tf.constant([size, size], tf.float32)
    regions, region_scores = generator(tensors(codes), tensors(scores), repeated(anchors), shape, False)
    return {
        **{f"boxes{i}": value for i, value in enumerate(boxes)},
        **{f"scores_P{level}": value for level, value in scores.items()},
        **{f"codes_P{level}": value for level, value in codes.items()},
        "losses": np.array([score_loss, box_loss], np.float32),
        "regions": regions.numpy(),
        "region_scores": region_scores.numpy(),
    }


def draw_regions(rng, size, count, smallest, largest):
    """Regions inside an image."""
    extent = rng.uniform(smallest, largest, (2, count, 2))
    corner = rng.uniform(0, 1, (2, count, 2)) * (np.array(size) - extent)
    return np.concatenate([corner, corner + extent], axis=-1).astype(np.float32)


def features(rng):
    """What regions are cut out: very small ones too, at the edges, and of every level."""
    size = (512, 512)
    levels = raw_outputs(rng, size, 2, 1.0)
    regions = np.concatenate(
        [draw_regions(rng, size, 20, *extents) for extents in ((1, 10), (30, 220), (230, 510))], axis=1
    )
    regions[:, :2] = [[0, 0, 40, 30], [470, 480, 512, 512]]
    # Exactly as large as the limits between levels.
    regions[:, 2:4] = [[16, 24, 240, 248], [0, 32, 448, 480]]
    cut = MultilevelROIAligner(crop_size=7)(tensors(levels), tf.constant(regions))
    return {**{f"P{k}": v for k, v in levels.items()}, "regions": regions, "cut": cut.numpy()}


def regions(rng):
    """Losses and detections of the second stage, with a background as class 0."""
    count = 40
    rois = draw_regions(rng, SIZE, count, 10, 90)
    scores = rng.normal(0, 2, (2, count, CLASSES + 1)).astype(np.float32)
    codes = rng.normal(0, 1, (2, count, 4 * (CLASSES + 1))).astype(np.float32)
    classes = rng.integers(0, CLASSES + 1, (2, count)).astype(np.int64)
    boxes = draw_regions(rng, SIZE, count, 10, 90)
    weights = [10.0, 10.0, 5.0, 5.0]
    goals = encode_boxes(tf.constant(boxes), tf.constant(rois), weights)
    goals = tf.where((classes > 0)[..., None], goals, 0.0)
    class_loss = maskrcnn_losses.FastrcnnClassLoss()(tf.constant(scores), tf.constant(classes))
    box_loss = maskrcnn_losses.FastrcnnBoxLoss(1.0)(tf.constant(codes), tf.constant(classes), goals)
    masks = rng.normal(0, 2, (2, count, 28, 28)).astype(np.float16).astype(np.float32)
    mask_goals = (rng.uniform(0, 1, masks.shape) > 0.5).astype(np.float32)
    mask_loss = maskrcnn_losses.MaskrcnnLoss()(tf.constant(masks), tf.constant(mask_goals), classes)
    shape = tf.constant([SIZE, SIZE], tf.float32)
    found = DetectionGenerator()(tf.constant(codes), tf.constant(scores), tf.constant(rois), shape, weights)
    return {
        "rois": rois,
        "scores": scores,
        "codes": codes,
        "classes": classes,
        "boxes": boxes,
        "masks": masks.astype(np.float16),
        "mask_goals": mask_goals.astype(np.uint8),
        "losses": np.array([class_loss, box_loss, mask_loss], np.float32),
        **{name: found[name].numpy() for name in FOUND},
    }


def pasting(rng):
    """Masks in the image; some reach beyond its edges."""
    coarse = rng.uniform(0, 1, (12, 7, 7))
    masks = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)
    boxes = draw_regions(rng, SIZE, 6, 4, 90).reshape(12, 4)
    boxes[0] += 20
    boxes[1] -= 15
    y, x, bottom, right = boxes.T
    pasted = paste_instance_masks_v2(masks, np.stack([x, y, right - x, bottom - y], axis=1), *SIZE)
    return {"masks": masks, "boxes": boxes, "pasted": pasted.astype(np.uint8)}


def main():
    rng = np.random.default_rng(11)
    recorded = {}
    for subject in (retinanet, proposals, features, regions, pasting):
        found = subject(rng)
        recorded |= {f"{subject.__name__}/{name}": np.ascontiguousarray(v) for name, v in found.items()}
    metadata = {package: version(package) for package in PACKAGES}
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_bytes(with_sorted_header(save(recorded, metadata)))
    print(f"{len(recorded)} tensors, {PATH.stat().st_size:,} bytes -> {Path(PATH)}")


if __name__ == "__main__":
    main()
