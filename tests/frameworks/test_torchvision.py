"""The generated backbone in torchvision's detectors: they train on it, and detect."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

SIZE = (100, 120)
"""Of the images; no multiple of 128, so that the detectors have to pad them."""

CLASSES = 3


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def detector(kind: str, backbone: nn.Module) -> nn.Module:
    """A detector over all endpoints; scores don't matter, so that an untrained one detects too."""
    common = {"min_size": 100, "max_size": 128, "size_divisible": 128}
    levels = list(backbone.strides)
    if kind == "RetinaNet":
        return RetinaNet(backbone, CLASSES, score_thresh=0.0, **common)
    # Narrow heads and few proposals: the backbone is what is tested.
    common |= {
        "box_roi_pool": MultiScaleRoIAlign(levels, 7, 2),
        "box_head": TwoMLPHead(32 * 7 * 7, 64),
        "box_predictor": FastRCNNPredictor(64, CLASSES),
        "box_score_thresh": 0.0,
        "box_batch_size_per_image": 32,
        "rpn_pre_nms_top_n_train": 100,
        "rpn_post_nms_top_n_train": 50,
    }
    if kind == "FasterRCNN":
        return FasterRCNN(backbone, **common)
    return MaskRCNN(
        backbone,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        mask_head=MaskRCNNHeads(32, [32], 1),
        mask_predictor=MaskRCNNPredictor(32, 32, CLASSES),
        **common,
    )


def pictures() -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Rectangles in noise, of one colour for each class, and where they are."""
    generator = torch.Generator().manual_seed(0)
    images, targets = [], []
    for corners in 2 * ([[10, 12, 58, 60], [64, 20, 112, 84]], [[20, 30, 84, 94]]):
        boxes, labels = torch.tensor(corners), torch.arange(1, len(corners) + 1)
        image = 0.2 * torch.rand(3, *SIZE, generator=generator)
        masks = torch.zeros(len(corners), *SIZE, dtype=torch.uint8)
        for mask, (left, top, right, bottom), label in zip(masks, corners, labels, strict=True):
            image[label, top:bottom, left:right] += 0.8
            mask[top:bottom, left:right] = 1
        images.append(image)
        targets.append({"boxes": boxes.float(), "labels": labels, "masks": masks})
    return images, targets


@pytest.mark.parametrize("kind", ["RetinaNet", "FasterRCNN", "MaskRCNN"])
def test_a_detector_trains_and_detects(kind: str, spinenet49: ModuleType) -> None:
    backbone = spinenet49.SpineNet49ForTorchvision()
    model = detector(kind, backbone).train()
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    images, targets = pictures()
    losses = []
    for _ in range(8):
        loss = sum(model(images, targets).values())
        optimiser.zero_grad()
        loss.backward()
        for name, parameter in backbone.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        nn.utils.clip_grad_norm_(backbone.parameters(), 5.0)
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3]), losses

    model.eval()
    # At level 7 there is one pixel: the statistics of four images say little of the next ones.
    backbone.train()
    with torch.no_grad():
        found = model(images)
    assert len(found) == len(images)
    for detections in found:
        count = len(detections["boxes"])
        assert count > 0
        assert detections["boxes"].shape == (count, 4)
        assert (detections["boxes"] >= 0).all()
        assert (detections["boxes"] <= torch.tensor([SIZE[1], SIZE[0], SIZE[1], SIZE[0]])).all()
        assert detections["scores"].shape == (count,)
        assert ((detections["scores"] >= 0) & (detections["scores"] <= 1)).all()
        assert set(detections["labels"].tolist()) <= set(range(CLASSES))
        if kind == "MaskRCNN":
            assert detections["masks"].shape == (count, 1, *SIZE)
            assert ((detections["masks"] >= 0) & (detections["masks"] <= 1)).all()


def test_weights_of_the_network_load(spinenet49: ModuleType, weights, images: torch.Tensor) -> None:
    model = RetinaNet(spinenet49.SpineNet49ForTorchvision(), CLASSES, size_divisible=128)
    model.backbone.load_state_dict(weights[1])
    network = spinenet49.SpineNet49().eval()
    network.load_state_dict(weights[1])
    expected = network(images)
    features = model.backbone.eval()(images)
    assert list(features) == list(expected)
    assert all(torch.equal(features[name], expected[name]) for name in expected)


def test_what_torchvision_reads(spinenet49: ModuleType) -> None:
    """`out_channels` is one number; that of the network is still one for each endpoint."""
    assert spinenet49.SpineNet49ForTorchvision.out_channels == 32
    assert spinenet49.SpineNet49.out_channels["P5"] == 32


def test_padding_is_needed(spinenet49: ModuleType) -> None:
    """torchvision pads to multiples of 32 unless told: the network refuses such sizes, with a reason."""
    model = RetinaNet(spinenet49.SpineNet49ForTorchvision(), CLASSES, min_size=100, max_size=160).eval()
    with pytest.raises(ValueError, match="multiples of 128, not 128 x 160"):
        model([torch.rand(3, 100, 160)])
