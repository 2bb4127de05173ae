"""The generated file registers the network with timm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.models import FeatureInfo
from tolerances import SAME_MODULE

from spinedsl.api import torch_source
from spinedsl.specification import open_spec

WIDTH = 32


@pytest.fixture(autouse=True)
def _registered(spinenet49: ModuleType) -> None:
    torch.set_num_threads(1)


def bars() -> torch.Tensor:
    """Four images in noise, each with a bar of its own colour and place."""
    images = 0.1 * torch.rand(4, 3, 128, 128)
    for index in range(4):
        images[index, index % 3, 32 * index : 32 * index + 32] += 1.0
    return images


def train(model: torch.nn.Module, loss_of, steps: int = 8) -> list[float]:
    """Losses of some steps; every parameter gets a finite gradient in each."""
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(steps):
        loss = loss_of(model)
        optimiser.zero_grad()
        loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        optimiser.step()
        losses.append(loss.item())
    return losses


# ---- the registry


def test_the_registry_knows_it() -> None:
    assert timm.is_model("spinenet49")
    assert timm.list_models("*spinenet*") == ["spinenet49"]
    assert timm.list_pretrained("*spinenet*") == []


def test_importing_the_file_is_enough(tmp_path: Path) -> None:
    source = torch_source(open_spec("std:spinenet49s", {"scale.width": "0.125"}), ("timm",))
    (tmp_path / "backbone.py").write_text(source, encoding="utf-8")
    code = "import timm, backbone; print(type(timm.create_model('spinenet49s')).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "SpineNet49SForTimm\n", done.stderr


def test_data_config() -> None:
    model = timm.create_model("spinenet49")
    assert timm.data.resolve_model_data_config(model)["input_size"] == (3, 128, 128)


# ---- features


def test_features_only(images: torch.Tensor) -> None:
    model = timm.create_model("spinenet49", features_only=True)
    assert model.feature_info.channels() == [WIDTH] * 5
    assert model.feature_info.reduction() == [8, 16, 32, 64, 128]
    assert model.feature_info.module_name() == ["P3", "P4", "P5", "P6", "P7"]
    features = model(images)
    assert isinstance(features, list)
    assert [tuple(f.shape) for f in features] == [
        (2, WIDTH, 128 // r, 128 // r) for r in (8, 16, 32, 64, 128)
    ]


@pytest.mark.parametrize(
    ("out_indices", "names"),
    [((1, 3), ["P4", "P6"]), ((-1,), ["P7"]), (2, ["P6", "P7"]), ([0], ["P3"]), ((2, 0), ["P5", "P3"])],
)
def test_out_indices(out_indices, names: list[str], spinenet49: ModuleType, weights, images) -> None:
    model = timm.create_model("spinenet49", features_only=True, out_indices=out_indices).eval()
    model.load_state_dict(weights[1])
    network = spinenet49.SpineNet49().eval()
    network.load_state_dict(weights[1])
    expected = network(images)
    assert model.feature_info.module_name() == names
    assert all(torch.equal(f, expected[name]) for f, name in zip(model(images), names, strict=True))


def test_an_index_beyond_the_last() -> None:
    with pytest.raises(IndexError):
        timm.create_model("spinenet49", features_only=True, out_indices=(5,))


def test_info_belongs_to_each_model(spinenet49: ModuleType, images: torch.Tensor) -> None:
    first = timm.create_model("spinenet49", features_only=True, out_indices=(0,))
    second = timm.create_model("spinenet49", features_only=True, out_indices=(4,))
    assert first.feature_info.module_name() == ["P3"]
    assert second.feature_info.module_name() == ["P7"]
    assert first.feature_info.info is not second.feature_info.info
    timm.create_model("spinenet49").eval().forward_intermediates(images)
    # timm numbers the entries it gets.
    assert all("index" not in info for info in spinenet49.SpineNet49.feature_info)


def test_features_train() -> None:
    """Every channel of every endpoint learns the brightness of its part of the image."""
    model, images = timm.create_model("spinenet49", features_only=True).train(), bars()
    grey = images.mean(1, keepdim=True)
    goals = [F.adaptive_avg_pool2d(grey, f.shape[-2:]).expand_as(f) for f in model(images)]
    losses = train(model, lambda m: sum(F.mse_loss(f, g) for f, g in zip(m(images), goals, strict=True)))
    assert losses[-1] < 0.85 * losses[0], losses


def test_drop_path_rate_arrives(spinenet49: ModuleType) -> None:
    model = timm.create_model("spinenet49", features_only=True, drop_path_rate=0.3)
    assert model.b16.drop_path.rate == pytest.approx(0.3)


# ---- classification


def test_features_of_the_classifier_are_the_published_mean(spinenet49: ModuleType, images) -> None:
    """From the coarsest endpoint down: twice as many rows and columns, plus the next; a fifth of it."""
    model = timm.create_model("spinenet49").eval()
    endpoints = spinenet49.SpineNet49.forward(model, images)
    total = endpoints["P7"]
    for name in ("P6", "P5", "P4", "P3"):
        total = total.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) + endpoints[name]
    torch.testing.assert_close(model.forward_features(images), total / 5, **SAME_MODULE)
    torch.testing.assert_close(model(images), (total / 5).mean((2, 3)), **SAME_MODULE)


def test_interface_of_a_model(images: torch.Tensor) -> None:
    model = timm.create_model("spinenet49", num_classes=10, drop_rate=0.1).eval()
    assert (model.num_classes, model.num_features, model.head_hidden_size) == (10, WIDTH, WIDTH)
    assert model(images).shape == (2, 10)
    features = model.forward_features(images)
    assert features.shape == (2, WIDTH, 16, 16)
    assert model.forward_head(features, pre_logits=True).shape == (2, WIDTH)
    assert model.get_classifier().out_features == 10
    assert model.get_submodule(model.default_cfg["classifier"]) is model.get_classifier()
    model.reset_classifier(7)
    assert model(images).shape == (2, 7)
    assert model.num_classes == 7
    model.reset_classifier(0, "max")
    torch.testing.assert_close(model(images), features.amax((2, 3)), **SAME_MODULE)
    model.reset_classifier(0, "")
    assert model(images).shape == features.shape
    assert FeatureInfo(model.feature_info, 5).reduction() == [8, 16, 32, 64, 128]
    model.set_grad_checkpointing(False)
    with pytest.raises(NotImplementedError):
        model.set_grad_checkpointing()


def test_intermediates(spinenet49: ModuleType, images: torch.Tensor) -> None:
    model = timm.create_model("spinenet49").eval()
    endpoints = list(spinenet49.SpineNet49.forward(model, images).values())
    features, intermediates = model.forward_intermediates(images)
    assert torch.equal(features, model.forward_features(images))
    assert all(torch.equal(a, b) for a, b in zip(intermediates, endpoints, strict=True))
    last = model.forward_intermediates(images, indices=2, intermediates_only=True)
    assert all(torch.equal(a, b) for a, b in zip(last, endpoints[-2:], strict=True))
    some = model.forward_intermediates(images, indices=[0, -1], intermediates_only=True)
    assert torch.equal(some[0], endpoints[0])
    assert torch.equal(some[1], endpoints[-1])
    with pytest.raises(ValueError, match="NCHW"):
        model.forward_intermediates(images, output_fmt="NLC")


def test_a_classifier_trains() -> None:
    model, images = timm.create_model("spinenet49", num_classes=4).train(), bars()
    losses = train(model, lambda m: F.cross_entropy(m(images), torch.arange(4)))
    assert losses[-1] < 0.85 * losses[0], losses


# ---- weights


def test_keys_are_those_of_the_network(spinenet49: ModuleType) -> None:
    keys = list(spinenet49.SpineNet49().state_dict())
    assert list(timm.create_model("spinenet49").state_dict()) == keys
    assert list(timm.create_model("spinenet49", features_only=True).state_dict()) == keys
    classifier = list(timm.create_model("spinenet49", num_classes=2).state_dict())
    assert classifier == [*keys, "head.fc.weight", "head.fc.bias"]


def test_checkpoint_path(weights) -> None:
    model = timm.create_model("spinenet49", features_only=True, checkpoint_path=weights[0])
    assert all(torch.equal(value, weights[1][name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("options", [{}, {"features_only": True}, {"num_classes": 5}])
def test_pretrained_from_a_file(weights, options: dict[str, object]) -> None:
    overlay = {"file": str(weights[0])}
    model = timm.create_model("spinenet49", pretrained=True, pretrained_cfg_overlay=overlay, **options)
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in weights[1].items())


@pytest.mark.parametrize("features_only", [False, True])
def test_weights_of_another_network_are_an_error(weights, tmp_path: Path, features_only: bool) -> None:
    path = tmp_path / "other.pth"
    torch.save({name: value for name, value in weights[1].items() if not name.startswith("b2.")}, path)
    overlay = {"file": str(path)}
    with pytest.raises(RuntimeError, match=r"b2\.conv1\.weight"):
        timm.create_model(
            "spinenet49", features_only=features_only, pretrained=True, pretrained_cfg_overlay=overlay
        )


def test_there_are_no_pretrained_weights() -> None:
    with pytest.raises(RuntimeError, match=r"(?i)no pretrained weights"):
        timm.create_model("spinenet49", pretrained=True)


# ---- what it can't do


@pytest.mark.parametrize("features_only", [False, True])
def test_other_channels_are_refused(features_only: bool) -> None:
    with pytest.raises(ValueError, match="images must have 3 channels, not 4"):
        timm.create_model("spinenet49", features_only=features_only, in_chans=4)
    assert timm.create_model("spinenet49", features_only=features_only, in_chans=3).in_chans == 3
