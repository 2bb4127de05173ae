#!/usr/bin/env python3
"""Write checkpoints with the authors' first release, tensorflow/tpu, and record what they compute.

    make_tpu_checkpoint.py tpu/models/official/detection

The argument is that folder of a checkout of https://github.com/tensorflow/tpu at 7dc921f. The archives
are like those of make_checkpoint.py, as TensorFlow 1 saves a training: variables by name, a momentum
for each trained one, a step counter.

This needs the environment described in README.md, and nothing imports it.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# Before TensorFlow: it sets what that reads when it is imported.
from make_fixture import REPOSITORY, draw, draw_image, with_sorted_header

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf
from make_checkpoint import ANCHORS, CLASSES, pack
from safetensors.numpy import save


@dataclass(frozen=True)
class Saved:
    """One checkpoint to write.

    Attributes:
        module: of the checkout, and the class in it.
        arguments: of the class.
        separable: the head's convolutions.
        size: of the image, height and width: with 256 rows, level 7 has two, and the one pool of
            5x5 / 4 is told from others.
        training: saved with momentum and a step counter.
        contrast: how far blocks of the image lie apart, so that other pools find other maxima.
    """

    module: tuple[str, str]
    arguments: dict
    separable: bool
    size: tuple[int, int]
    gain: float
    seed: int
    training: bool = False
    contrast: int = 0


COMMON = {"min_level": 3, "max_level": 7, "endpoints_num_filters": 8, "activation": "swish"}
CHECKPOINTS = {
    "tpu_training": Saved(
        ("spinenet", "SpineNet"),
        COMMON | {"resample_alpha": 1.0, "filter_size_scale": 0.035},
        separable=False,
        size=(256, 128),
        gain=1.1,
        seed=31,
        training=True,
        contrast=100,
    ),
    "tpu_mobile": Saved(
        ("spinenet_mbconv", "SpineNetMBConv"),
        COMMON | {"filter_size_scale": 0.1},
        separable=True,
        size=(128, 128),
        gain=1.2,
        seed=32,
    ),
}


def build(saved, image):
    """The raw outputs of a detector by name, for a placeholder."""
    from importlib import import_module

    heads = import_module("modeling.architecture.heads")
    nn_ops = import_module("modeling.architecture.nn_ops")
    module, name = saved.module
    norm = nn_ops.BatchNormActivation(activation="swish")
    network = getattr(import_module(f"modeling.architecture.{module}"), name)
    features = network(**saved.arguments, batch_norm_activation=norm)(image, is_training=False)
    head = heads.RetinanetHead(3, 7, CLASSES, ANCHORS, 1, 8, saved.separable, norm)
    scores, boxes = head(features, is_training=False)
    return {
        f"{name}_P{level}": value
        for name, values in (("scores", scores), ("boxes", boxes))
        for level, value in sorted(values.items())
    }


def draw_pixels(saved, rng):
    """The image, as bytes."""
    blocks = 0
    if saved.contrast:
        cells = (1, saved.size[0] // 32, saved.size[1] // 32, 3)
        blocks = rng.choice([-saved.contrast, saved.contrast], cells).repeat(32, axis=1).repeat(32, axis=2)
    image = draw_image(1, saved.size, rng) * 32 + 128 + blocks
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def write(name, saved, folder):
    """Write one checkpoint with its outputs."""
    rng = np.random.default_rng(saved.seed)
    with tf.Graph().as_default(), tf.Session() as session:
        image = tf.placeholder(tf.float32, [1, *saved.size, 3])
        outputs = build(saved, image)
        variables = tf.global_variables()
        if saved.training:
            loss = tf.add_n([tf.reduce_sum(value) for value in outputs.values()])
            step = tf.train.get_or_create_global_step()
            tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, step)
        session.run(tf.global_variables_initializer())
        for variable in variables:
            key = variable.op.name
            kind = "kernel" if key.endswith("pointwise_kernel") else key.rsplit("/", 1)[1]
            value = draw(f"{key.rsplit('/', 1)[0]}/{kind}", variable.shape.as_list(), saved.gain, rng)
            variable.load(value, session)
        pixels = draw_pixels(saved, rng)
        values = session.run(outputs, {image: (pixels.astype(np.float32) - 128) / 32})
        with tempfile.TemporaryDirectory() as made:
            tf.train.Saver().save(session, f"{made}/ckpt", write_meta_graph=False)
            (Path(made) / "checkpoint").unlink()
            for key, value in values.items():
                print(
                    f"  {key} {value.shape!s:20} std {value.std():8.4f}  largest {np.abs(value).max():8.4f}"
                )
            metadata = {
                "network": saved.module[1],
                "arguments": json.dumps(saved.arguments, sort_keys=True),
                "seed": str(saved.seed),
                "tensorflow": tf.__version__,
            }
            data = with_sorted_header(save({"input": pixels, **values}, metadata))
            (Path(made) / "outputs.safetensors").write_bytes(data)
            pack(Path(made), folder / f"{name}.zip")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help="models/official/detection of tensorflow/tpu")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of: {', '.join(CHECKPOINTS)} (default: all)"
    )
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY / "tests" / "weights" / "fixtures")
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    tf.disable_v2_behavior()
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for name in options.names or CHECKPOINTS:
        write(name, CHECKPOINTS[name], options.output_dir)


if __name__ == "__main__":
    main()
