"""One class an image and one a pixel, against torch."""

from __future__ import annotations

import numpy as np
import pytest
from pipeline_support import Bare, checked, made, random_images, run

from spinedsl.emit.onnx import OPSETS
from spinedsl.graph.tasks import Classification, Segmentation
from spinedsl.ops import Shape

torch = pytest.importorskip("torch")
interpolate = torch.nn.functional.interpolate

SIZE = (64, 96)


def classifier(classes: int = 10) -> Bare:
    return Bare(made([Classification("head", classes)], SIZE), {"logits": Shape(classes, 1, 1)})


def segmenter(classes: int = 5, stride: int = 4, **options) -> Bare:
    shapes = {"logits": Shape(classes, SIZE[0] // stride, SIZE[1] // stride)}
    return Bare(made([Segmentation("head", classes, stride)], SIZE, **options), shapes)


def logits_of(bare: Bare, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    stream = np.random.default_rng(seed)
    return {"logits": stream.standard_normal((batch, *bare.shapes["logits"]), np.float32) * 4}


@pytest.mark.parametrize("opset", OPSETS)
def test_classification(opset):
    bare = classifier()
    checked(bare.proto(opset))
    raw = logits_of(bare, 3)
    found = run(bare.session(opset), random_images(3, 50, 70), raw)
    logits = torch.from_numpy(raw["logits"][:, :, 0, 0])
    assert np.abs(found["probabilities"] - logits.softmax(1).numpy()).max() < 1e-6
    assert (found["classes"] == logits.argmax(1).numpy()).all()
    assert found["classes"].shape == (3,)


def test_classification_of_nan_is_class_0():
    bare = classifier()
    found = run(
        bare.session(), random_images(1, 5, 7), {"logits": np.full((1, 10, 1, 1), np.nan, np.float32)}
    )
    assert found["classes"] == [0]


def margins(bare: Bare, logits: np.ndarray, images: tuple[int, int], covered: tuple[int, int]):
    """The class of every pixel by torch, and how far the best two classes lie apart."""
    value = interpolate(torch.from_numpy(logits), size=SIZE, mode="bilinear", align_corners=False)
    value = value[:, :, : covered[0], : covered[1]]
    value = interpolate(value, size=images, mode="bilinear", align_corners=False)
    if value.shape[1] == 1:
        return np.zeros((len(logits), *images), int), np.full((len(logits), *images), np.inf)
    best = value.topk(2, dim=1).values
    return value.argmax(1).numpy(), (best[:, 0] - best[:, 1]).numpy()


@pytest.mark.parametrize(
    ("fit", "images", "covered"),
    [
        ("letterbox", (64, 96), (64, 96)),
        ("letterbox", (128, 96), (64, 48)),
        ("letterbox", (33, 77), (41, 96)),
        ("letterbox", (1, 1), (64, 64)),
        ("letterbox", (1, 300), (1, 96)),
        ("letterbox", (601, 407), (64, 43)),
        ("stretch", (33, 77), (64, 96)),
        ("stretch", (300, 1), (64, 96)),
    ],
)
@pytest.mark.parametrize("stride", [1, 4, 8])
def test_segmentation(fit, images, covered, stride):
    bare = segmenter(stride=stride, fit=fit)
    raw = logits_of(bare, 2)
    labels = run(bare.session(), random_images(2, *images), raw)["labels"]
    expected, margin = margins(bare, raw["logits"], images, covered)
    assert labels.shape == (2, *images)
    assert labels.dtype == np.uint8
    clear = margin > 1e-2
    assert clear.mean() > 0.9 or images == (1, 1)
    assert (labels == expected)[clear].all()


@pytest.mark.parametrize("opset", OPSETS)
def test_segmentation_in_every_opset(opset):
    bare = segmenter()
    checked(bare.proto(opset))
    raw = logits_of(bare, 1)
    found = run(bare.session(opset), random_images(1, 64, 96), raw)
    assert (found["labels"] == run(bare.session(), random_images(1, 64, 96), raw)["labels"]).all()


@pytest.mark.parametrize(("classes", "type_"), [(1, np.uint8), (256, np.uint8), (257, np.int64)])
def test_labels_have_room_for_every_class(classes, type_):
    bare = segmenter(classes, 8)
    checked(bare.proto())
    raw = logits_of(bare, 1)
    raw["logits"][:, -1, 3, 3] = 1000
    labels = run(bare.session(), random_images(1, *SIZE), raw)["labels"]
    assert labels.dtype == type_
    assert labels.max() == classes - 1


@pytest.mark.parametrize("batch", range(2, 9))
def test_batches_are_their_images(batch):
    for bare in (classifier(), segmenter()):
        ready = bare.session()
        images, raw = random_images(batch, 45, 80), logits_of(bare, batch, 3)
        together = run(ready, images, raw)
        for number in range(batch):
            alone = run(ready, images[number : number + 1], {"logits": raw["logits"][number : number + 1]})
            for name, value in alone.items():
                assert (together[name][number] == value[0]).all(), name
