#!/usr/bin/env python3
"""Write checkpoints with the published TensorFlow code, and record what their networks compute.

Each one is a small network from the PyPI package tf-models-official whose every weight is drawn at
random, saved in one of the ways that its trainers and exporters save. Tests import the checkpoint and
compare outputs. Each becomes tests/weights/fixtures/NAME.zip with three files:

    ckpt.index, ckpt.data-00000-of-00001    the checkpoint, as TensorFlow wrote it
    outputs.safetensors                     `input` (batch, height, width, channel; uint8, which stands
                                            for (value - 128) / 32), and what the network makes of it
                                            (float32, the same layout): `P3` … of a backbone;
                                            `scores_P3`, `boxes_P3` … of a detector, boxes coded
                                            dy, dx, dh, dw as published

This needs the environment described in README.md, and nothing imports it.
"""

import argparse
import json
import tempfile
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

# Before TensorFlow: it sets what that reads when it is imported.
from make_fixture import MOBILE, PACKAGES, REPOSITORY, RESNET, draw, draw_image, with_sorted_header

# isort: split
import numpy as np
import tensorflow as tf
import tf_keras
from official.modeling.optimization import ExponentialMovingAverage
from official.vision.modeling.backbones.spinenet import SpineNet
from official.vision.modeling.backbones.spinenet_mobile import SpineNetMobile
from official.vision.modeling.heads.dense_prediction_heads import RetinaNetHead
from official.vision.modeling.layers.detection_generator import MultilevelDetectionGenerator
from official.vision.modeling.retinanet_model import RetinaNetModel
from safetensors.numpy import save

SIZE = (128, 128)
CLASSES, ANCHORS = 3, 9


@dataclass(frozen=True)
class Saved:
    """One checkpoint to write; the dictionaries go to the published classes as they are.

    Attributes:
        earlier: networks built in the same process before, which move the numbers of layers.
        training: saved by a trainer, with momentum, moving averages and a step counter.
    """

    backbone: type
    arguments: dict
    head: dict = field(default_factory=dict)
    earlier: int = 0
    training: bool = False
    gain: float = 1.1
    seed: int = 0


NARROW = {"endpoints_num_filters": 8, "activation": "swish"}
HEAD = {
    "min_level": 3,
    "max_level": 7,
    "num_classes": CLASSES,
    "num_anchors_per_location": ANCHORS,
    "num_convs": 2,
    "num_filters": 8,
    "activation": "swish",
}
CHECKPOINTS = {
    "garden_backbone": Saved(SpineNet, RESNET | NARROW | {"filter_size_scale": 0.035}, seed=21),
    "garden_training": Saved(
        SpineNet,
        RESNET | NARROW | {"filter_size_scale": 0.035},
        HEAD,
        earlier=1,
        training=True,
        seed=22,
    ),
    "garden_mobile": Saved(
        SpineNetMobile,
        MOBILE | NARROW | {"filter_size_scale": 0.125},
        HEAD | {"use_separable_conv": True, "num_convs": 1},
        gain=1.2,
        seed=23,
    ),
}


def build(saved):
    """The network: a backbone, or a RetinaNet whose variables exist."""
    tf_keras.backend.clear_session()
    spec = tf_keras.layers.InputSpec(shape=[None, *SIZE, 3])
    for _ in range(saved.earlier + 1):
        backbone = saved.backbone(spec, **saved.arguments)
    if not saved.head:
        return backbone
    anchors = {
        "min_level": 3,
        "max_level": 7,
        "num_scales": 3,
        "aspect_ratios": [0.5, 1.0, 2.0],
        "anchor_size": 3.0,
    }
    model = RetinaNetModel(
        backbone, None, RetinaNetHead(**saved.head), MultilevelDetectionGenerator(), **anchors
    )
    model(tf.zeros([1, *SIZE, 3]), training=True)
    return model


def draw_all(saved, network, rng):
    """Give every weight a random value."""
    for variable in network.weights:
        key = variable.name.removesuffix(":0")
        kind = "kernel" if key.endswith("pointwise_kernel") else key.rsplit("/", 1)[1]
        variable.assign(draw(f"{key.rsplit('/', 1)[0]}/{kind}", variable.shape.as_list(), saved.gain, rng))


def trained(saved, model, rng):
    """What a trainer saves beside the model, every slot at random."""
    optimizer = ExponentialMovingAverage(tf_keras.optimizers.legacy.SGD(momentum=0.9))
    optimizer.shadow_copy(model)
    gradients = [tf.zeros_like(variable) for variable in model.trainable_variables]
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    for variable in optimizer.variables():
        if variable.shape.rank:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape).astype(np.float32))
    return {"optimizer": optimizer, "global_step": tf.Variable(1000, dtype=tf.int64)}


def run(saved, network, image):
    """What the network computes in inference mode, by name."""
    image = tf.constant((image.astype(np.float32) - 128) / 32)
    if not saved.head:
        return {f"P{level}": value.numpy() for level, value in sorted(network(image, training=False).items())}
    features = network.backbone(image, training=False)
    scores, boxes, _ = network.head(features, training=False)
    return {
        f"{name}_P{level}": value.numpy()
        for name, values in (("scores", scores), ("boxes", boxes))
        for level, value in sorted(values.items())
    }


def write(name, saved, folder):
    """Write one checkpoint with its outputs."""
    rng = np.random.default_rng(saved.seed)
    network = build(saved)
    draw_all(saved, network, rng)
    if saved.training:
        extra = trained(saved, network, rng)
        draw_all(saved, network, np.random.default_rng(saved.seed))
        checkpoint = tf.train.Checkpoint(model=network, **extra)
    elif saved.head:
        checkpoint = tf.train.Checkpoint(**network.checkpoint_items)
    else:
        checkpoint = tf.train.Checkpoint(backbone=network)

    image = np.clip(np.rint(draw_image(1, SIZE, rng) * 32 + 128), 0, 255).astype(np.uint8)
    outputs = run(saved, network, image)
    for key, value in outputs.items():
        print(f"  {key} {value.shape!s:20} std {value.std():8.4f}  largest {np.abs(value).max():8.4f}")
    metadata = {
        "network": saved.backbone.__name__,
        "arguments": json.dumps(saved.arguments, sort_keys=True),
        "head": json.dumps(saved.head, sort_keys=True),
        "seed": str(saved.seed),
    } | {package: version(package) for package in PACKAGES}
    with tempfile.TemporaryDirectory() as made:
        checkpoint.write(f"{made}/ckpt")
        data = with_sorted_header(save({"input": image, **outputs}, metadata))
        (Path(made) / "outputs.safetensors").write_bytes(data)
        pack(Path(made), folder / f"{name}.zip")


def pack(folder, path):
    """Pack a folder's files; equal files give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(folder.glob("*.*")):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
            print(f"  {file.name} {file.stat().st_size:,}")
    print(f"{path.name} {path.stat().st_size:,}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of: {', '.join(CHECKPOINTS)} (default: all)"
    )
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY / "tests" / "weights" / "fixtures")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in CHECKPOINTS]
    if unknown:
        parser.error(f"no checkpoint named {', '.join(unknown)}")
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for name in options.names or CHECKPOINTS:
        write(name, CHECKPOINTS[name], options.output_dir)


if __name__ == "__main__":
    main()
