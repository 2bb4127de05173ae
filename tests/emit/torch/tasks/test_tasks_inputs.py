"""What is given to a model: nothing in the picture, wrong targets, very many candidates."""

from __future__ import annotations

import re

import pytest
import torch
from scenes import scenes
from tasks_support import CLASSIFIER, FASTER, MASK, RETINANET, SEGMENTER, make, module

DETECTORS = (RETINANET, FASTER, MASK)
SIZE = (64, 96)


def target(count=2, **changes):
    """A target that is in order, but for the changes."""
    boxes = torch.tensor([[4.0, 4.0, 30.0, 30.0]]).repeat(count, 1)
    made = {"boxes": boxes, "labels": torch.ones(count, dtype=torch.int64)}
    return {**made, "masks": torch.ones(count, *SIZE, dtype=torch.uint8), **changes}


def nothing():
    """A target without objects, as a data set would write it."""
    return {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, *SIZE),
    }


def images(count=2):
    return torch.randn(count, 3, *SIZE)


# ---- empty


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
@pytest.mark.parametrize(
    "empty", [nothing(), {key: torch.tensor([]) for key in nothing()}], ids=["shaped", "bare"]
)
def test_images_without_objects_are_learned_from(model, empty):
    network = make(model).train()
    losses = network(images(), [empty, empty])
    assert all(loss.isfinite() for loss in losses.values())
    assert losses["box"] == 0
    assert losses["classification"] > 0
    sum(losses.values()).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None]
    assert missing == []
    assert all(p.grad.isfinite().all() for p in network.parameters())
    assert all(b.isfinite().all() for b in network.buffers())


def test_where_an_empty_image_stands_does_not_matter():
    network = make(RETINANET).eval()
    pictures, (one,) = images(), scenes(1, SIZE, largest=40)[1]
    first = network(pictures, [nothing(), one])
    second = network(pictures.flip(0), [one, nothing()])
    torch.testing.assert_close(first, second)
    assert first["box"] > 0


def test_half_of_the_anchors_that_learn_objectness_are_positive():
    generated, network = module(MASK), make(MASK)
    size = (128, 128)
    anchors = generated.anchors_of(*size, torch.device("cpu"))
    outputs = network.outputs(torch.randn(2, 3, *size))
    for name, scores in outputs.items():
        if name.startswith("scores"):
            outputs[name] = torch.full_like(
                scores, 50.0
            )  # each negative one costs 50, a positive one nothing
    objects = generated.Targets(anchors[:200], torch.ones(200, dtype=torch.int64), [200, 0], [])
    losses = network.proposal_losses(outputs, objects, size)
    torch.testing.assert_close(losses["objectness"], torch.tensor(50.0 * (128 + 256) / 512))


def test_proposals_are_no_way_for_gradients():
    """Or the second stage would train the first one's boxes, which isn't published so."""
    network = make(MASK).train()
    proposals = network.proposals(network.outputs(images()), SIZE)
    assert not any(boxes.requires_grad for boxes in proposals)


def test_regions_learn_objects_of_their_own_image():
    generated = module(MASK)
    _, (one, other) = scenes(2, SIZE, 1, largest=40)
    objects = generated.read_targets([one, nothing(), other], images(3))
    corner = torch.rand(3, 700, 2) * torch.tensor([60.0, 30.0])
    proposals = [torch.cat((c, c + 4 + torch.rand(700, 2) * 30), dim=1) for c in corner]
    proposals[2] = (other["boxes"][:, None] + torch.rand(2, 300, 4)).flatten(0, 1)
    regions, found, matches = generated.sample_regions(proposals, objects)
    assert found.bincount().tolist() == [512, 512, 128]
    rows = torch.tensor([0, 0, 2, 2])
    positive = matches >= 0
    assert torch.equal(rows[matches[positive]], found[positive])
    assert (matches[found == 2] >= 0).all()
    overlap = generated.overlaps(regions, objects.boxes)
    assert (overlap[positive, matches[positive]] >= 0.5).all()
    alone, _, learned = generated.sample_regions([boxes[:0] for boxes in proposals], objects)
    assert torch.equal(alone, objects.boxes)
    assert learned.tolist() == [0, 1, 2, 3]
    inside = overlap.masked_fill(found[:, None] != rows, 0)
    assert inside[~positive].max() < 0.5


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_no_detections(model):
    detections = make(model, score_threshold=1.0).eval()(images())
    assert len(detections) == 2
    for found in detections:
        assert found["boxes"].shape == (0, 4)
        assert found["scores"].shape == (0,)
        assert found["labels"].shape == (0,)
        assert found["labels"].dtype == torch.int64
        if model is MASK:
            assert found["masks"].shape == (0, *SIZE)
            assert found["masks"].dtype == torch.uint8


def test_not_a_number_detects_nothing():
    network = make(RETINANET).eval()
    outputs = {name: torch.full_like(x, torch.nan) for name, x in network.outputs(images()).items()}
    assert [len(found["scores"]) for found in network.detections(outputs, SIZE)] == [0, 0]


# ---- many


def test_very_many_candidates():
    network = make(RETINANET, score_threshold=0.0).eval()
    size = (512, 512)
    outputs = {}
    for name, stride in {"P3": 8, "P4": 16, "P5": 32}.items():
        cells = (size[0] // stride, size[1] // stride)
        outputs[f"scores_{name}"] = torch.randn(1, 27, *cells)
        outputs[f"boxes_{name}"] = torch.randn(1, 36, *cells) * 0.2
    (found,) = network.detections(outputs, size)
    assert found["boxes"].shape == (100, 4)
    assert found["scores"].diff().max() <= 0


@pytest.mark.parametrize(("limit", "count"), [("max_detections", 7), ("max_candidates", 1)])
def test_limits(limit, count):
    network = make(RETINANET, score_threshold=0.0, **{limit: count}).eval()
    assert [len(found["scores"]) for found in network(images())] == [count, count]


# ---- wrong


NAN, INF = float("nan"), float("inf")
WRONG = [
    ({"boxes": torch.tensor([[4.0, 4, 30, 30], [8, 9, 8, 20]])}, "a box of image 1 has no area or isn't finite: [8.0, 9.0, 8.0, 20.0]"),
    ({"boxes": torch.tensor([[4.0, 4, 30, 30], [8, 30, 20, 9]])}, "a box of image 1 has no area"),
    ({"boxes": torch.tensor([[4.0, 4, 30, NAN], [8, 9, 20, 20]])}, "a box of image 1 has no area or isn't finite: [4.0, 4.0, 30.0, nan]"),
    ({"boxes": torch.tensor([[4.0, 4, 30, INF], [8, 9, 20, 20]])}, "isn't finite: [4.0, 4.0, 30.0, inf]"),
    ({"boxes": torch.zeros(2, 5)}, "the boxes of image 1 must be (2, 4), not (2, 5)"),
    ({"boxes": torch.zeros(8)}, "the boxes of image 1 must be (2, 4), not (8,)"),
    ({"boxes": torch.zeros(0, 4)}, "the boxes of image 1 must be (2, 4), not (0, 4)"),
    ({"labels": torch.tensor([])}, "the boxes of image 1 must be (0, 4), not (2, 4)"),
    ({"labels": torch.tensor([[1], [1]])}, "the labels of image 1 must be (2,), not (2, 1)"),
    ({"labels": torch.tensor([1])}, "the boxes of image 1 must be (1, 4), not (2, 4)"),
    ({"labels": torch.tensor([1, 4])}, "a label of image 1 isn't from {first} to {last}: 4"),
    ({"labels": torch.tensor([-1, 1])}, "a label of image 1 isn't from {first} to {last}: -1"),
]  # fmt: skip


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_wrong_targets(model, changes, message):
    message = message.format(first=0 if model is RETINANET else 1, last=2 if model is RETINANET else 3)
    with pytest.raises(ValueError, match=re.escape(message)):
        make(model)(images(), [target(), target(**changes)])


def test_the_background_is_no_label():
    with pytest.raises(ValueError, match="a label of image 0 isn't from 1 to 3: 0"):
        make(FASTER)(images(1), [target(labels=torch.tensor([1, 0]))])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"masks": torch.ones(2, 32, 32)}, "the masks of image 1 must be (2, 64, 96), not (2, 32, 32)"),
        ({"masks": torch.ones(1, *SIZE)}, "the masks of image 1 must be (2, 64, 96), not (1, 64, 96)"),
    ],
)
def test_wrong_masks(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(MASK)(images(), [target(), target(**changes)])


def test_missing_targets():
    with pytest.raises(ValueError, match="2 images need as many targets, not 1"):
        make(RETINANET)(images(), [target()])
    with pytest.raises(ValueError, match="the target of image 1 has no boxes and no labels"):
        make(RETINANET)(images(), [target(), {}])
    with pytest.raises(ValueError, match="the target of image 0 has no masks"):
        make(MASK)(images(1), [{key: value for key, value in target().items() if key != "masks"}])


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_training_needs_targets(model):
    with pytest.raises(ValueError, match=r"call eval\(\) to detect"):
        make(model).train()(images())


def test_other_types_of_targets_are_taken():
    given = [
        target(
            boxes=target()["boxes"].double(), labels=target()["labels"].int(), masks=torch.ones(2, *SIZE) > 0
        )
    ]
    torch.manual_seed(1)
    other = make(MASK, generator=torch.Generator().manual_seed(0)).eval()(images(1), given)
    torch.manual_seed(1)
    plain = make(MASK, generator=torch.Generator().manual_seed(0)).eval()(images(1), [target()])
    assert other == plain


# ---- labels


def test_classes_of_images():
    network = make(CLASSIFIER, label_smoothing=0.1)
    logits, labels = network(images(3)), torch.tensor([0, 4, 2])
    assert logits.shape == (3, 5)
    pictures = images(3)
    expected = torch.nn.functional.cross_entropy(network(pictures), labels, label_smoothing=0.1)
    torch.testing.assert_close(network(pictures, labels), {"classification": expected})
    for wrong, message in (
        (torch.tensor([0, 5, 2]), "a class of image 1 isn't from 0 to 4: 5"),
        (torch.tensor([0, 1, -1]), "a class of image 2 isn't from 0 to 4: -1"),
        (torch.tensor([0, 1]), "targets must be (3,), not (2,)"),
        (torch.zeros(3, 5, dtype=torch.int64), "targets must be (3,), not (3, 5)"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            network(images(3), wrong)


def test_classes_of_pixels():
    network = make(SEGMENTER).eval()
    pictures, labels = images(), torch.randint(5, (2, *SIZE))
    labels[0, :20] = 255
    logits = network(pictures)
    assert logits.shape == (2, 5, *SIZE)
    known = labels != 255
    expected = torch.nn.functional.cross_entropy(logits.permute(0, 2, 3, 1)[known], labels[known])
    torch.testing.assert_close(network(pictures, labels)["segmentation"], expected)
    assert (
        network(pictures, labels.to(torch.uint8))["segmentation"] == network(pictures, labels)["segmentation"]
    )
    assert network(pictures, torch.full((2, *SIZE), 255)) == {"segmentation": 0.0}
    labels[1, 3, 4] = 5
    with pytest.raises(ValueError, match="a class of image 1 isn't from 0 to 4, nor 255: 5"):
        network(pictures, labels)
    with pytest.raises(ValueError, match=re.escape("targets must be (2, 64, 96), not (2, 8, 12)")):
        network(pictures, labels[:, ::8, ::8])
