#!/usr/bin/env python3
"""Record what the published TensorFlow SpineNet computes, as test fixtures.

For each fixture this builds a small SpineNet or SpineNetMobile from the PyPI
package tf-models-official, draws every weight at random, runs one batch in
inference mode and writes weights, input and outputs to one safetensors file.
Tests then load the weights into a network of their own and compare outputs.

Keys of a fixture (all float32, all in TensorFlow's own layouts):

    weight/<variable>    e.g. weight/conv2d_17/kernel (height, width, in, out),
                         weight/bottleneck_block_3/batch_normalization_1/gamma;
                         NAMES.md says which part of the network each one is
    input                batch, height, width, channel
    output/P3 ...        the endpoints, batch, height, width, channel

Metadata (strings): `network` (class name), `arguments` (JSON, as passed to the
class), `creation_order` (JSON list of the weight keys in the order in which the
network creates its layers), `seed`, and the versions of the packages used.

This needs the environment described in README.md, and nothing imports it.
"""

import argparse
import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Read by TensorFlow when it is imported: the published code needs Keras 2, and
# one fixed set of CPU kernels keeps the files the same from run to run.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tf_keras
from official.vision.modeling.backbones.spinenet import SpineNet
from official.vision.modeling.backbones.spinenet_mobile import SpineNetMobile
from safetensors.numpy import save

PACKAGES = ("tensorflow-cpu", "tf-keras", "tf-models-official", "numpy")
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fixture:
    """One network to record; `arguments` go to the published class as they are."""

    network: type
    arguments: dict
    gain: float  # of the convolution kernels; with it and the seed, outputs stay near 1
    seed: int
    size: tuple[int, int] = (128, 128)  # height, width
    batch: int = 2


COMMON = {
    "min_level": 3,
    "max_level": 7,
    "endpoints_num_filters": 24,
    "init_stochastic_depth_rate": 0.0,
    "norm_momentum": 0.99,
    "norm_epsilon": 0.001,
}
RESNET = COMMON | {
    "block_repeats": 1,
    "resample_alpha": 0.5,
    "filter_size_scale": 0.125,
    "activation": "relu",
}
MOBILE = COMMON | {"block_repeats": 1, "filter_size_scale": 0.3, "expand_ratio": 6, "se_ratio": 0.2}

# The scales 0.1 and 0.3 give fractional widths, so the fixtures also show how
# the published code rounds them: 64 x 0.1 = 6.4 and 256 x 0.1 = 25.6 become 6 and 25.
# With 128 rows, level 7 is one row high, and one pool of 5x5 / 4 would see what two of 3x3 / 2 see;
# `resnet_p2` has 256 rows for that, and more rows than columns.
# Gains and seeds are picked so that a mistake shows: at every level the two images
# of the batch differ clearly, and every weight, squeeze-excitation included, is felt.
FIXTURES = {
    "resnet": Fixture(SpineNet, RESNET, gain=1.1, seed=3),
    "resnet_repeat": Fixture(
        SpineNet,
        RESNET | {"block_repeats": 2, "resample_alpha": 1.0, "filter_size_scale": 0.1, "activation": "swish"},
        gain=1.06,
        seed=4,
    ),
    "resnet_p2": Fixture(
        SpineNet,
        RESNET
        | {
            "min_level": 2,
            "resample_alpha": 1.0,
            "filter_size_scale": 0.07,
            "endpoints_num_filters": 8,
            "activation": "swish",
        },
        gain=1.06,
        seed=5,
        size=(256, 128),
    ),
    "mobile_swish": Fixture(SpineNetMobile, MOBILE | {"activation": "swish"}, gain=1.2, seed=10),
    "mobile_hard_swish": Fixture(SpineNetMobile, MOBILE | {"activation": "hard_swish"}, gain=1.2, seed=10),
}


def build(fixture, dtype="float32"):
    """Return the Keras model and its variables by key, in creation order."""
    tf_keras.backend.clear_session()  # so that layer numbers start at zero
    tf_keras.backend.set_floatx(dtype)
    created = []

    def record(create, **kwargs):
        created.append(create(**kwargs))
        return created[-1]

    shape = [None, *fixture.size, 3]
    with tf.variable_creator_scope(record):
        model = fixture.network(tf_keras.layers.InputSpec(shape=shape), **fixture.arguments)

    # Layers that reach no endpoint are created too, but are no part of the model.
    kept = {id(variable) for variable in model.weights}
    variables = {}
    for variable in created:
        if id(variable) not in kept:
            continue
        key = variable.name.removesuffix(":0")
        if key in variables:
            raise ValueError(f"two variables are named {key}")
        variables[key] = variable
    if len(variables) != len(kept):
        raise ValueError("some variables of the model were not seen being created")
    return model, variables


def draw(key, shape, gain, rng):
    """Draw one weight at random: nothing keeps the value that a new layer would have."""
    kind = key.rsplit("/", 1)[1]
    if kind in ("kernel", "depthwise_kernel"):
        # A depthwise kernel's third axis counts channels, each of which sees only its own.
        fan_in = np.prod(shape[:3] if kind == "kernel" else shape[:2])
        # Strong enough in squeeze-excitation that some of the gates saturate.
        value = rng.normal(0, (3.0 if "squeeze_excitation" in key else gain) * fan_in**-0.5, shape)
    elif kind in ("gamma", "moving_variance"):
        value = rng.uniform(0.5, 1.5, shape)
    elif kind in ("beta", "moving_mean"):
        value = rng.normal(0, 0.2, shape)
    elif kind == "bias":
        # Only squeeze-excitation has biases; mostly positive, or its inner relu is all zero.
        value = rng.normal(0.5, 0.5, shape)
    else:
        raise ValueError(f"no rule to draw {key}")
    return value.astype(np.float32)


def draw_image(batch, size, rng):
    """Draw images with detail at four scales, so that they differ at every level."""
    height, width = size
    image = np.zeros((batch, height, width, 3))
    for cell in (1, 4, 16, 64):
        noise = rng.normal(0, 0.5, (batch, height // cell, width // cell, 3))
        image += noise.repeat(cell, axis=1).repeat(cell, axis=2)
    return image.astype(np.float32)


def run(fixture, weights, image, dtype="float32"):
    """Run the published network in inference mode: outputs by level name."""
    model, variables = build(fixture, dtype)
    for key, variable in variables.items():
        variable.assign(weights[key].astype(dtype))
    outputs = model(tf.constant(image, dtype), training=False)
    return {f"P{level}": value.numpy() for level, value in sorted(outputs.items())}


def make(fixture):
    """Return the tensors and the metadata of one fixture."""
    rng = np.random.default_rng(fixture.seed)
    _, variables = build(fixture)
    weights = {
        key: draw(key, variable.shape.as_list(), fixture.gain, rng) for key, variable in variables.items()
    }
    image = draw_image(fixture.batch, fixture.size, rng)
    outputs = run(fixture, weights, image)
    exact = run(fixture, weights, image, "float64")
    describe(outputs, exact)

    tensors = {f"weight/{key}": value for key, value in weights.items()}
    tensors["input"] = image
    tensors |= {f"output/{level}": value for level, value in outputs.items()}
    metadata = {
        "network": fixture.network.__name__,
        "arguments": json.dumps(fixture.arguments, sort_keys=True),
        "creation_order": json.dumps([f"weight/{key}" for key in weights]),
        "seed": str(fixture.seed),
    } | {package: version(package) for package in PACKAGES}
    return tensors, metadata


def describe(outputs, exact):
    """Print the size of each output, and how far float32 is from a float64 run."""
    for level, value in outputs.items():
        error = np.abs(value - exact[level]).max() / np.abs(exact[level]).max()
        print(
            f"  {level} {value.shape!s:18} mean {value.mean():7.4f}  std {value.std():7.4f}"
            f"  largest {np.abs(value).max():8.4f}  float32 error / largest {error:.1e}"
        )


def with_sorted_header(data):
    """Sort the header of a safetensors file, whose metadata come in no fixed order."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"fixtures to make, of: {', '.join(FIXTURES)} (default: all)"
    )
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY / "tests" / "numeric" / "fixtures")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in FIXTURES]
    if unknown:
        parser.error(f"no fixture named {', '.join(unknown)}")

    options.output_dir.mkdir(parents=True, exist_ok=True)
    for name in options.names or FIXTURES:
        tensors, metadata = make(FIXTURES[name])
        path = options.output_dir / f"{name}.safetensors"
        path.write_bytes(with_sorted_header(save(tensors, metadata)))
        parameters = sum(value.size for key, value in tensors.items() if key.startswith("weight/"))
        print(f"{name}: {parameters:,} weights, {path.stat().st_size:,} bytes -> {path}")


if __name__ == "__main__":
    main()
