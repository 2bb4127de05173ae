"""The generated code against the published implementation, on the same numbers."""

from __future__ import annotations

import pytest
import torch
from published import SIZE, raw_outputs, recorded, swapped, targets
from tasks_support import MASK, RETINANET, make, module
from tolerances import PUBLISHED
from torch import nn

IMAGES = torch.zeros(2, 3, *SIZE)


def assert_close(actual, expected, tolerance=PUBLISHED):
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


# ---- one stage


def test_anchors():
    anchors = module(RETINANET).anchors_of(*SIZE, torch.device("cpu"))
    assert_close(anchors, swapped(recorded("retinanet")["anchors"]))


def test_targets():
    found, generated = recorded("retinanet"), module(RETINANET)
    objects = generated.read_targets(targets(found), IMAGES)
    anchors = generated.anchors_of(*SIZE, torch.device("cpu"))
    matches = generated.match_anchors(anchors, objects)
    positive = matches >= 0
    assert torch.equal(positive, found["positive"] > 0)
    assert torch.equal(objects.labels[matches[positive]], found["class_targets"][positive])
    image, anchor = torch.nonzero(positive, as_tuple=True)
    codes = generated.encode_boxes(objects.boxes[matches[image, anchor]], anchors[anchor])
    assert_close(codes, swapped(found["box_targets"])[positive])


def test_every_box_is_learned_even_where_two_want_one_anchor():
    """Or the fixture shows less than it should."""
    found = recorded("retinanet")
    generated = module(RETINANET)
    anchors = generated.anchors_of(*SIZE, torch.device("cpu"))
    overlap = generated.overlaps(anchors, swapped(found["boxes0"]))
    assert (overlap.amax(dim=0) < 0.5).sum() == 2
    assert overlap.argmax(dim=0)[3] == overlap.argmax(dim=0)[4]


def test_retinanet_losses():
    found = recorded("retinanet")
    model = make(RETINANET)
    objects = module(RETINANET).read_targets(targets(found), IMAGES)
    losses = model.losses(raw_outputs(found), objects, SIZE)
    assert list(losses) == ["classification", "box"]
    total = torch.stack([losses["classification"], losses["box"] / 50, sum(losses.values())])
    for actual, expected in zip(total, found["losses"], strict=True):
        assert_close(actual, expected)


def test_retinanet_detections():
    found = recorded("retinanet")
    outputs = raw_outputs(found)
    for name, value in outputs.items():
        if name.startswith("scores"):
            value[:, ::3] = -20.0  # the published detector leaves class 0 out
    assert_detections(make(RETINANET).detections(outputs, SIZE), found)


def assert_detections(detections, found):
    for index, detected in enumerate(detections):
        count = found["num_detections"][index]
        assert len(detected["scores"]) == count
        assert_close(detected["scores"], found["detection_scores"][index, :count])
        assert torch.equal(detected["labels"], found["detection_classes"][index, :count].long())
        assert_close(detected["boxes"], swapped(found["detection_boxes"])[index, :count])


# ---- two stages


def test_proposal_losses():
    found = recorded("proposals")
    objects = module(MASK).read_targets(
        [{**t, "masks": torch.zeros(len(t["boxes"]), 64, 64)} for t in targets(found, label=1)],
        torch.zeros(2, 3, 64, 64),
    )
    losses = make(MASK).proposal_losses(raw_outputs(found), objects, (64, 64))
    assert list(losses) == ["objectness", "proposal_box"]
    for actual, expected in zip(losses.values(), found["losses"], strict=True):
        assert_close(actual, expected)


def test_proposals():
    found = recorded("proposals")
    model = make(MASK, max_proposals=40).eval()
    for actual, expected in zip(model.proposals(raw_outputs(found), (64, 64)), found["regions"], strict=True):
        assert_close(actual, swapped(expected))


@pytest.mark.parametrize("shuffled", [False, True])
def test_regions_are_cut_as_published(shuffled):
    found = recorded("features")
    features = {name: found[name].permute(0, 3, 1, 2) for name in ("P3", "P4", "P5")}
    regions = swapped(found["regions"]).flatten(0, 1)
    images = torch.arange(2).repeat_interleave(found["regions"].shape[1])
    expected = found["cut"].flatten(0, 1).permute(0, 3, 1, 2)
    if shuffled:
        order = torch.randperm(len(regions))
        regions, images, expected = regions[order], images[order], expected[order]
    cut = module(MASK).cut_regions(features, regions, images, 7)
    assert_close(cut, expected)


class Given(nn.Module):
    """A head that puts out what it was given."""

    def __init__(self, **outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, regions):
        return self.outputs


def second_stage(found):
    """A model whose region heads put out what was recorded; and everything its regions read."""
    model = make(MASK)
    scores, codes = found["scores"].flatten(0, 1), swapped(found["codes"]).flatten(0, 1)
    model.box_head = Given(scores=scores, boxes=codes)
    features = {f"P{level}": torch.zeros(2, 1, SIZE[0] >> level, SIZE[1] >> level) for level in (3, 4, 5)}
    return model, features


def learned(found):
    """Targets, and regions with what they learn: each another object, in its own place."""
    classes = found["classes"].flatten()
    objects = module(MASK).Targets(
        swapped(found["boxes"]).flatten(0, 1), classes, [len(classes) // 2] * 2, []
    )
    images = torch.arange(2).repeat_interleave(len(classes) // 2)
    matches = torch.where(classes > 0, torch.arange(len(classes)), -1)
    return objects, swapped(found["rois"]).flatten(0, 1), images, matches


def test_second_stage_losses():
    found = recorded("regions")
    model, features = second_stage(found)
    losses = model.region_losses(features, *learned(found))
    assert list(losses) == ["classification", "box"]
    for actual, expected in zip(losses.values(), found["losses"][:2], strict=True):
        assert_close(actual, expected)


def test_mask_loss():
    found = recorded("regions")
    model, features = second_stage(found)
    objects, regions, images, matches = learned(found)
    goals = found["mask_goals"]
    masks = torch.zeros(*goals.shape[:2], *SIZE, dtype=torch.uint8)
    masks[..., 16:44, 40:68] = goals
    regions[:] = torch.tensor([40.0, 16.0, 68.0, 44.0])  # where a cell is a pixel
    run = matches >= 0
    run[0] = True  # as one region always is
    logits = found["masks"].flatten(0, 1).float()[run]
    model.mask_head = Given(masks=logits[:, None].expand(-1, model.classes, -1, -1))
    losses = model.mask_losses(features, objects._replace(masks=list(masks)), regions, images, matches)
    assert_close(losses["mask"], found["losses"][2])


def test_second_stage_detections():
    found = recorded("regions")
    model, features = second_stage(found)
    proposals = list(swapped(found["rois"]))
    assert_detections(model.region_detections(features, proposals, SIZE), found)


def test_masks_are_pasted_as_published():
    found = recorded("pasting")
    pasted = module(MASK).paste_masks(found["masks"], swapped(found["boxes"]), SIZE)
    assert torch.equal(pasted > 0.5, found["pasted"] > 0)
