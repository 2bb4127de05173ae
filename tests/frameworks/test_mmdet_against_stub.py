"""The backbone for mmdetection, against a stub of its interface; against mmdet itself if it is installed."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import nn


@pytest.fixture(autouse=True)
def _registered(spinenet49: ModuleType) -> None:
    torch.set_num_threads(1)


def build(**options) -> nn.Module:
    """As mmdetection builds the `backbone` of a config."""
    return MODELS.build({"type": "spinenet49", **options})


def test_it_is_built_from_a_config(spinenet49: ModuleType) -> None:
    backbone = build()
    assert type(backbone) is spinenet49.SpineNet49ForMMDet
    assert isinstance(backbone, BaseModule)
    assert MODELS.get("spinenet49") is spinenet49.SpineNet49ForMMDet


@pytest.mark.parametrize("out_indices", [(0, 1, 2, 3, 4), (0,), [1, 3]])
def test_a_tuple_of_features(out_indices, spinenet49: ModuleType, weights, images) -> None:
    backbone = build(out_indices=out_indices).eval()
    backbone.load_state_dict(weights[1])
    network = spinenet49.SpineNet49().eval()
    network.load_state_dict(weights[1])
    expected = list(network(images).values())
    features = backbone(images)
    assert isinstance(features, tuple)
    assert all(torch.equal(f, expected[i]) for f, i in zip(features, out_indices, strict=True))


def test_keys_are_those_of_the_network(spinenet49: ModuleType) -> None:
    assert list(build().state_dict()) == list(spinenet49.SpineNet49().state_dict())


def test_pretrained_weights(weights) -> None:
    backbone = build(init_cfg={"type": "Pretrained", "checkpoint": str(weights[0])})
    backbone.init_weights()
    assert all(torch.equal(value, weights[1][name]) for name, value in backbone.state_dict().items())


def test_without_a_config_the_published_initialisation_stays() -> None:
    backbone = build()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert backbone.is_init
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


FROZEN = [(-1, set()), (0, {"stem"}), (1, {"stem", "s0", "s1"})]


@pytest.mark.parametrize(("frozen_stages", "frozen"), FROZEN)
def test_frozen_stages(frozen_stages: int, frozen: set[str], images: torch.Tensor) -> None:
    backbone = build(frozen_stages=frozen_stages)
    # An optimiser is made before the first `train`.
    assert {name.split(".")[0] for name, p in backbone.named_parameters() if not p.requires_grad} == frozen
    backbone.train()
    assert {name for name, child in backbone.named_children() if not child.training} == frozen
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    sum(feature.square().mean() for feature in backbone(images)).backward()
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], 0.1)
    optimiser.step()
    changed = {
        name.split(".")[0] for name, v in backbone.state_dict().items() if not torch.equal(v, before[name])
    }
    assert changed == {name for name, _ in backbone.named_children()} - frozen


def test_norm_eval(images: torch.Tensor) -> None:
    backbone = build(norm_eval=True).train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(images)
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())
    assert backbone.b2.training
    assert not build(norm_eval=True).eval().training
    backbone = build().train()
    backbone(images)
    assert not torch.equal(backbone.stem.norm1.running_mean, before["stem.norm1.running_mean"])


def test_drop_path() -> None:
    assert build(drop_path=0.25).b16.drop_path.rate == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_indices": (0, 5)}, r"out_indices must be from 0 to 4, not \(0, 5\)"),
        ({"out_indices": (-1,)}, "out_indices must be from 0 to 4"),
        ({"frozen_stages": 2}, "frozen_stages must be from -1 to 1, not 2"),
        ({"frozen_stages": -2}, "frozen_stages must be from -1 to 1, not -2"),
    ],
)
def test_what_it_refuses(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**options)
