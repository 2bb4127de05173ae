"""The generated code against torchvision's detectors, on the same raw outputs."""

from __future__ import annotations

import pytest
import torch
from tasks_support import MASK, RETINANET, make, module
from tolerances import PUBLISHED
from torch import nn

torchvision = pytest.importorskip("torchvision")
from torchvision.models import detection  # noqa: E402
from torchvision.models.detection import _utils, roi_heads, rpn  # noqa: E402
from torchvision.ops import boxes as box_ops  # noqa: E402
from torchvision.ops import poolers, sigmoid_focal_loss  # noqa: E402

SIZE = (96, 128)
COUNTS = (1728, 432, 108)
"""Anchors of the levels, nine a pixel."""


def random_boxes(count, size=SIZE, smallest=4.0):
    height, width = size
    limits = torch.tensor([width, height])
    extent = smallest + torch.rand(count, 2) * (limits - smallest)
    corner = torch.rand(count, 2) * (limits - extent)
    return torch.cat((corner, corner + extent), dim=1)


def anchor_outputs(channels, anchors, images=2):
    """Raw outputs of all levels; no box leaves the image whole, or torchvision would drop it."""
    outputs = {}
    for name, stride in {"P3": 8, "P4": 16, "P5": 32}.items():
        cells = (SIZE[0] // stride, SIZE[1] // stride)
        outputs[f"scores_{name}"] = torch.randn(images, anchors * channels, *cells) * 2 - 2
        outputs[f"boxes_{name}"] = torch.randn(images, anchors * 4, *cells) * 0.1
    return outputs


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=PUBLISHED, atol=PUBLISHED * max(SIZE))


# ---- boxes


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_codes(scale):
    generated, coder = module(RETINANET), _utils.BoxCoder(scale)
    anchors, boxes = random_boxes(200), random_boxes(200)
    weights = torch.tensor(scale)
    close(generated.encode_boxes(boxes, anchors) * weights, coder.encode_single(boxes, anchors))
    codes = torch.randn(200, 4) * 5 * weights
    for size in (SIZE, (100_000, 100_000)):  # the largest boxes show in a very large image only
        expected = box_ops.clip_boxes_to_image(coder.decode_single(codes, anchors), size)
        close(generated.decode_boxes(codes / weights, anchors, size), expected)


def test_overlaps():
    boxes, others = random_boxes(60), random_boxes(70)
    close(module(RETINANET).overlaps(boxes, others), box_ops.box_iou(boxes, others))


@pytest.mark.parametrize(("model", "low", "high"), [(RETINANET, 0.5, 0.5), (MASK, 0.3, 0.7)])
def test_matches(model, low, high):
    """Both give a box to the anchor that overlaps it most, but torchvision may give it another box."""
    overlap = box_ops.box_iou(random_boxes(2000), random_boxes(20))
    found = module(model).match(overlap)
    plain = _utils.Matcher(high, low)(overlap.T)
    forced = overlap.argmax(dim=0)
    others = torch.ones(2000, dtype=torch.bool).index_fill(0, forced, False)
    assert torch.equal(found[others], plain[others])
    assert {-1, -2} & set(found.tolist()) == {-1} | ({-2} if low < high else set())
    best = overlap.argmax(dim=1)[forced] == torch.arange(20)
    assert best.sum() > 5
    lenient = _utils.Matcher(high, low, allow_low_quality_matches=True)(overlap.T)
    assert torch.equal(found[forced[best]], lenient[forced[best]])


def test_boxes_that_no_anchor_touches_are_not_learned():
    overlap = torch.tensor([[0.0, 0.2], [0.0, 0.1], [0.0, 0.0]])
    assert module(RETINANET).match(overlap).tolist() == [1, -1, -1]


def test_levels_of_regions():
    """Every level is painted with its own number, which then is what regions see."""
    size = (1024, 1024)
    features = {
        name: torch.full((1, 1, size[0] // stride, size[1] // stride), float(index))
        for index, (name, stride) in enumerate({"P3": 8, "P4": 16, "P5": 32}.items())
    }
    exact = torch.tensor([[0.0, 0, 224, 224], [8, 16, 456, 464], [0, 0, 112, 448], [0, 0, 1, 1]])
    regions = torch.cat((random_boxes(500, size), exact))
    cut = module(MASK).cut_regions(features, regions, torch.zeros(len(regions), dtype=torch.int64), 2)
    expected = poolers.LevelMapper(3, 5)([regions])
    assert torch.equal(cut[:, 0, 0, 0].round().long(), expected)
    assert expected.bincount().tolist()[1:] > [10, 10]


# ---- losses


def test_focal_loss():
    logits = torch.randn(500, 3) * 8
    positive = torch.rand(500, 3) < 0.2
    expected = sigmoid_focal_loss(logits, positive.float(), alpha=0.25, gamma=1.5, reduction="sum")
    torch.testing.assert_close(module(RETINANET).focal_loss(logits, positive), expected)


def test_focal_loss_of_certain_answers_has_a_finite_slope():
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], requires_grad=True)
    for answer in (True, False):
        loss = module(RETINANET).focal_loss(logits, torch.full((5,), answer))
        (slope,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite()
        assert slope.isfinite().all()


@pytest.mark.parametrize(("positives", "negatives"), [(500, 2000), (20, 2000), (0, 100), (300, 0), (40, 60)])
def test_samples_are_as_many_as_torchvisions(positives, negatives):
    labels = torch.tensor([1] * positives + [0] * negatives + [-1] * 50)
    order = torch.randperm(len(labels))
    labels = labels[order][None]
    chosen = module(MASK).sample(labels == 1, labels == 0, 256, 128)
    positive, negative = _utils.BalancedPositiveNegativeSampler(256, 0.5)([labels[0]])
    assert (chosen & (labels == 1)).sum() == positive[0].sum()
    assert (chosen & (labels == 0)).sum() == negative[0].sum()
    assert not (chosen & (labels == -1)).any()


def test_samples_are_random_in_every_row():
    mask = torch.ones(2, 1000, dtype=torch.bool)
    first = module(MASK).sample(mask, ~mask, 100, 100)
    second = module(MASK).sample(mask, ~mask, 100, 100)
    assert first.sum(dim=1).tolist() == [100, 100]
    assert (first[0] & first[1]).sum() < 40
    assert (first & second).sum() < 80


# ---- detections


def test_retinanet_detections():
    outputs, model = anchor_outputs(3, 9), make(RETINANET)
    backbone = nn.Identity()
    backbone.out_channels = 1
    reference = detection.RetinaNet(backbone, 3, topk_candidates=5000, detections_per_img=100)
    join = module(RETINANET).join_levels
    anchors = module(RETINANET).anchors_of(*SIZE, torch.device("cpu"))
    heads = {
        "cls_logits": join(outputs, "scores", 3).split(COUNTS, 1),
        "bbox_regression": join(outputs, "boxes", 4).split(COUNTS, 1),
    }
    levels = list(anchors.split(COUNTS))
    expected = reference.postprocess_detections(heads, [levels, levels], [SIZE, SIZE])
    found = model.detections(outputs, SIZE)
    for actual, wanted in zip(found, expected, strict=True):
        assert len(wanted["scores"]) == 100
        assert torch.equal(actual["labels"], wanted["labels"])
        close(actual["scores"], wanted["scores"])
        close(actual["boxes"], wanted["boxes"])


def test_proposals():
    outputs, model = anchor_outputs(1, 3), make(MASK, max_proposals=60).eval()
    most = {"training": 60, "testing": 60}
    reference = rpn.RegionProposalNetwork(
        None, nn.Identity(), 0.7, 0.3, 256, 0.5, {"training": 2000, "testing": 1000}, most, 0.7
    ).eval()
    join = module(MASK).join_levels
    anchors = module(MASK).anchors_of(*SIZE, torch.device("cpu"))
    coded = join(outputs, "boxes", 4)
    decoded = torch.stack([_utils.BoxCoder((1.0,) * 4).decode_single(c, anchors) for c in coded])
    counts = [count // 3 for count in COUNTS]
    expected, _ = reference.filter_proposals(decoded, join(outputs, "scores", 1), [SIZE] * 2, counts)
    for actual, wanted in zip(model.proposals(outputs, SIZE), expected, strict=True):
        assert len(wanted) == 60
        close(actual, wanted)


def test_region_detections():
    proposals = [random_boxes(80), random_boxes(50)]
    scores, codes = torch.randn(130, 4) * 2, torch.randn(130, 16)
    model = make(MASK)

    class Given(nn.Module):
        def forward(self, regions):
            return {"scores": scores, "boxes": codes}

    model.box_head = Given()
    features = {f"P{level}": torch.zeros(2, 1, SIZE[0] >> level, SIZE[1] >> level) for level in (3, 4, 5)}
    reference = roi_heads.RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, None, 0.05, 0.5, 100)
    expected = reference.postprocess_detections(scores, codes, proposals, [SIZE, SIZE])
    found = model.region_detections(features, proposals, SIZE)
    for actual, boxes, score, labels in zip(found, *expected, strict=True):
        assert len(score) > 40
        assert torch.equal(actual["labels"], labels)
        close(actual["scores"], score)
        close(actual["boxes"], boxes)


def test_masks_in_the_image():
    """torchvision rounds boxes to whole pixels, so borders may lie a pixel apart."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 28), torch.linspace(-1, 1, 28), indexing="ij")
    ellipse = ((x**2 + y**2) < 0.9).float()
    boxes = random_boxes(30, smallest=30.0)
    boxes[:3] += 20
    masks = ellipse.expand(30, 28, 28)
    pasted = module(MASK).paste_masks(masks, boxes, SIZE) > 0.5
    expected = roi_heads.paste_masks_in_image(masks[:, None], boxes, SIZE)[:, 0] > 0.5
    shared = (pasted & expected).sum((1, 2)) / (pasted | expected).sum((1, 2))
    assert shared.min() > 0.9
    assert shared.mean() > 0.95


def test_masks_to_learn():
    """torchvision takes pixels for points; a region of as many pixels as cells shows the masks themselves."""
    masks = (torch.rand(2, *SIZE) > 0.5).to(torch.uint8)
    generated = module(MASK)
    objects = generated.Targets(torch.zeros(3, 4), torch.zeros(3), [2, 0, 1], [masks, masks[:0], masks[:1]])
    regions = torch.tensor([[8.0, 4, 36, 32], [50, 60, 78, 88], [0, 0, 28, 28], [0, 0, 28, 28]])
    cut = generated.crop_masks(objects, regions, torch.tensor([0, 0, 1, 2]), torch.tensor([1, 0, -1, 2]), 28)
    assert torch.equal(cut[0], masks[1, 4:32, 8:36].float())
    assert torch.equal(cut[1], masks[0, 60:88, 50:78].float())
    assert torch.equal(cut[2], torch.zeros(28, 28))
    assert torch.equal(cut[3], masks[0, :28, :28].float())
