"""Checkpoints of TensorFlow, imported, compute what the published code computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from checkpoints import narrow, recorded, relative_errors, unpacked
from numeric.garden_targets import run_onnx, run_program, run_torch
from safetensors.numpy import load_file
from tolerances import MISTAKE, PUBLISHED, PUBLISHED_EXACT

from spinedsl.diagnostics import DiagnosticError
from spinedsl.runtime.conversion import Conversion, import_checkpoint
from spinedsl.weights import Array
from spinedsl.weights.tensorflow.bundle import Bundle

NETWORKS = {
    "garden_backbone": "narrow",
    "garden_training": "narrow_retinanet",
    "garden_mobile": "narrow_mobile_retinanet",
    "tpu_training": "narrow_tpu_retinanet",
    "tpu_mobile": "narrow_mobile_tpu_retinanet",
}
MODELS = [name for name, network in NETWORKS.items() if network.endswith("retinanet")]


def imported(
    name: str, folder: Path, network: str | None = None, **options: bool
) -> tuple[Conversion, dict[str, Array]]:
    """What the import of a recorded checkpoint did, and what the file it wrote holds."""
    compilation = narrow(network or NETWORKS[name])
    output = folder / "out.safetensors"
    origin = name.partition("_")[0]
    done = import_checkpoint(compilation, origin, unpacked(name, folder), output, **options)
    return done, load_file(output)


def boxes_reordered(outputs: Mapping[str, Array]) -> dict[str, Array]:
    """Published outputs with boxes as dx, dy, dw, dh: four neighbouring channels at a time."""

    def reordered(value: Array) -> Array:
        batch, channels, height, width = value.shape
        dy, dx, dh, dw = value.reshape(batch, channels // 4, 4, height, width).transpose(2, 0, 1, 3, 4)
        return np.stack([dx, dy, dw, dh], axis=2).reshape(value.shape)

    return {name: reordered(value) if name.startswith("boxes") else value for name, value in outputs.items()}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("run", "tolerance"),
    [(run_onnx, PUBLISHED), (run_torch, PUBLISHED), (run_program, PUBLISHED_EXACT)],
)
def test_computes_what_the_published_network_computes(name, run, tolerance, tmp_path):
    _, weights = imported(name, tmp_path)
    image, outputs = recorded(name)
    errors = relative_errors(boxes_reordered(outputs), run(narrow(NETWORKS[name]), weights, image))
    assert max(errors.values()) <= tolerance, errors


@pytest.mark.parametrize("name", MODELS)
def test_would_see_boxes_in_the_published_order(name, tmp_path):
    _, weights = imported(name, tmp_path)
    image, outputs = recorded(name)
    errors = relative_errors(outputs, run_onnx(narrow(NETWORKS[name]), weights, image))
    assert all(error >= MISTAKE for output, error in errors.items() if output.startswith("boxes")), errors


def test_would_see_exchanged_levels(tmp_path):
    """Norms of different levels have equal shapes: the outputs alone tell them apart."""
    _, weights = imported("garden_training", tmp_path)
    image, outputs = recorded("garden_training")
    one, other = (f"retinanet.scores.norm1.{level}.running_mean" for level in ("P3", "P4"))
    weights[one], weights[other] = weights[other], weights[one]
    errors = relative_errors(boxes_reordered(outputs), run_onnx(narrow("narrow_retinanet"), weights, image))
    assert max(errors.values()) >= MISTAKE


@pytest.mark.parametrize(
    ("title", "change"),
    [
        ("pools of stride 2", ("default", "cross_scale(pooling = repeated)")),
        ("symmetric pads of pools", ("padding", "symmetric")),
        ("pads at the end", ("padding", "same")),
        ("norm epsilon 1e-3", ("norm", "batch(eps = 0.001)")),
        ("no activation on the endpoints", ("default", "endpoint(activate = false)")),
    ],
)
def test_would_see_conventions_other_than_the_first_releases(title, change, tmp_path):
    _, weights = imported("tpu_training", tmp_path, "narrow_tpu")
    image, _ = recorded("tpu_training")
    expected = run_onnx(narrow("narrow_tpu"), weights, image)
    errors = relative_errors(expected, run_onnx(narrow("narrow_tpu", change), weights, image))
    assert max(errors.values()) >= MISTAKE, title


def test_a_training_of_the_first_release(tmp_path):
    done, _ = imported("tpu_training", tmp_path)
    assert done.format == "TensorFlow 1 checkpoint"
    assert done.left_out == {"optimizer slots": 418, "counters and settings": 1}
    done, _ = imported("tpu_training", tmp_path, "narrow_tpu")
    assert done.left_out["tensors of heads and decoders"] == 48


def test_a_trainers_checkpoint_is_more_than_weights(tmp_path):
    """Slots, averages and counters are left out, and numbers that start beyond zero are understood."""
    done, _ = imported("garden_training", tmp_path)
    assert done.format == "TensorFlow 2 checkpoint"
    assert done.left_out.keys() == {"optimizer slots", "moving averages", "counters and settings"}
    assert done.left_out["optimizer slots"] == done.left_out["moving averages"] > 400
    assert done.shifted == {
        "batch_normalization": 86,
        "bottleneck_block": 14,
        "conv2d": 86,
        "residual_block": 4,
    }


def test_the_backbone_of_a_detector(tmp_path):
    done, backbone = imported("garden_training", tmp_path, "narrow")
    _, whole = imported("garden_training", tmp_path)
    assert done.left_out["tensors of heads and decoders"] == 92
    assert backbone.keys() == {n.removeprefix("backbone.") for n in whole if n.startswith("backbone.")}
    assert all((array == whole[f"backbone.{name}"]).all() for name, array in backbone.items())


def test_moving_averages(tmp_path):
    """They are those of the trained variables; statistics of norms have none."""
    done, averages = imported("garden_training", tmp_path, averages=True)
    assert done.left_out["weights behind moving averages"] > 400
    bundle = Bundle(tmp_path / "ckpt")
    key = "model/_backbone/layer_with_weights-0/kernel"
    average = bundle.read(f"{key}/.OPTIMIZER_SLOT/optimizer/average/.ATTRIBUTES/VARIABLE_VALUE")
    assert (averages["backbone.stem.conv1.weight"] == average.transpose(3, 2, 0, 1)).all()
    _, weights = imported("garden_training", tmp_path)
    name = "backbone.stem.norm1.running_mean"
    assert (averages[name] == weights[name]).all()
    assert (averages["backbone.stem.norm1.weight"] != weights["backbone.stem.norm1.weight"]).any()


def test_averages_where_there_are_none(tmp_path):
    with pytest.raises(DiagnosticError, match="keeps no moving averages"):
        imported("garden_backbone", tmp_path, averages=True)


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path):
    imported("garden_backbone", tmp_path)
    first = (tmp_path / "out.safetensors").read_bytes()
    (tmp_path / "out.safetensors").unlink()
    imported("garden_backbone", tmp_path)
    assert (tmp_path / "out.safetensors").read_bytes() == first
