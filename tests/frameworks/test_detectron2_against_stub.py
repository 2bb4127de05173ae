"""The backbone for detectron2, against a stub of its interface; against detectron2 if it is installed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from detectron2.config import get_cfg
from detectron2.layers import FrozenBatchNorm2d, ShapeSpec
from detectron2.modeling import Backbone, build_backbone


@pytest.fixture(autouse=True)
def _registered(spinenet49: ModuleType) -> None:
    torch.set_num_threads(1)


def config(freeze_at: int = 0) -> Any:
    """The defaults, for the generated backbone."""
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.NAME = "build_spinenet49_backbone"
    cfg.MODEL.BACKBONE.FREEZE_AT = freeze_at
    return cfg


def test_it_is_built_from_a_config(spinenet49: ModuleType) -> None:
    backbone = build_backbone(config())
    assert type(backbone) is spinenet49.SpineNet49ForDetectron2
    assert isinstance(backbone, Backbone)
    assert backbone.size_divisibility == 128
    assert backbone.padding_constraints == {"size_divisibility": 128}


def test_features_are_what_output_shape_says(spinenet49: ModuleType, weights, images: torch.Tensor) -> None:
    backbone = build_backbone(config()).eval()
    backbone.load_state_dict(weights[1])
    network = spinenet49.SpineNet49().eval()
    network.load_state_dict(weights[1])
    expected = network(images)
    features = backbone(images)
    shapes = backbone.output_shape()
    assert list(features) == list(shapes) == ["P3", "P4", "P5", "P6", "P7"]
    for name, feature in features.items():
        assert torch.equal(feature, expected[name])
        assert shapes[name] == ShapeSpec(channels=feature.shape[1], stride=128 // feature.shape[2])


def test_keys_are_those_of_the_network(spinenet49: ModuleType) -> None:
    keys = list(spinenet49.SpineNet49().state_dict())
    assert list(build_backbone(config()).state_dict()) == keys
    assert sorted(build_backbone(config(2)).state_dict()) == sorted(keys)


FROZEN = [(0, set()), (1, {"stem"}), (2, {"stem", "s0", "s1"})]


@pytest.mark.parametrize(("freeze_at", "frozen"), FROZEN)
def test_freeze_at(freeze_at: int, frozen: set[str], spinenet49: ModuleType, images: torch.Tensor) -> None:
    backbone = build_backbone(config(freeze_at)).train()
    norms = {n.split(".")[0] for n, m in backbone.named_modules() if isinstance(m, FrozenBatchNorm2d)}
    assert norms == frozen
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    sum(feature.square().mean() for feature in backbone(images).values()).backward()
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], 0.1)
    optimiser.step()
    changed = {
        name.split(".")[0] for name, v in backbone.state_dict().items() if not torch.equal(v, before[name])
    }
    assert changed == {name for name, _ in backbone.named_children()} - frozen


def test_frozen_norms_compute_the_same(spinenet49: ModuleType, weights, images: torch.Tensor) -> None:
    free = build_backbone(config()).eval()
    frozen = build_backbone(config(2)).eval()
    free.load_state_dict(weights[1])
    frozen.load_state_dict(weights[1])
    assert all(torch.equal(a, b) for a, b in zip(free(images).values(), frozen(images).values(), strict=True))


@pytest.mark.parametrize("freeze_at", [-1, 3])
def test_a_stage_that_is_none(freeze_at: int) -> None:
    with pytest.raises(ValueError, match=f"FREEZE_AT must be from 0 to 2, not {freeze_at}"):
        build_backbone(config(freeze_at))


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="images must have 3 channels, not 1"):
        build_backbone(config(), ShapeSpec(channels=1))
