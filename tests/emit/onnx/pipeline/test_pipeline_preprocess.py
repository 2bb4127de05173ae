"""Images on their way into the network, against torch and torchvision."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as state
from pipeline_support import NETWORK_INPUT, Bare, checked, detector, made, random_images, run

from spinedsl.emit.onnx import OPSETS
from spinedsl.graph.tasks import PIXELS, Classification, Preprocessing
from spinedsl.ops import Shape

torch = pytest.importorskip("torch")
functional = pytest.importorskip("torchvision.transforms.v2.functional")

SIZE = (128, 192)
SIZES = [
    (1, 1), (1, 50), (50, 1), (2, 3), (128, 192), (127, 193), (256, 384), (333, 77), (1080, 1920),
    (5, 5000), (5000, 5),
]  # fmt: skip
FITS = ("letterbox", "stretch", "crop")


def bare(fit: str, size=SIZE, pixels=None) -> Bare:
    if fit == "crop":
        shapes = {"logits": Shape(4, 1, 1)}
        return Bare(made([Classification("head", 4)], size, pixels, fit="crop"), shapes)
    whole = detector(size, fit=fit)
    return Bare(made([whole.pipeline.purpose], size, pixels, fit=fit), whole.shapes)


def rounded(number: Fraction) -> int:
    """The nearest whole number, halves up."""
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def content(fit: str, images: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the network's input that an image covers."""
    if fit != "letterbox":
        return size
    scale = min(Fraction(size[0], images[0]), Fraction(size[1], images[1]))
    return max(1, rounded(images[0] * scale)), max(1, rounded(images[1] * scale))


def window(images: tuple[int, int], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns that a central crop keeps: as 224 is of 256, of whatever is as long as 32 more."""
    scale = min(Fraction(have, want + 32) for have, want in zip(images, size, strict=True))
    slices = []
    for have, want in zip(images, size, strict=True):
        kept = max(1, int(want * scale))
        start = (have - kept + 1) // 2
        slices.append(slice(start, start + kept))
    return slices[0], slices[1]


def expected(fit: str, images: np.ndarray, size=SIZE, pixels: Preprocessing | None = None) -> np.ndarray:
    """The network's input, by torch."""
    pixels = pixels or Preprocessing()
    value = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    if fit == "crop":
        value = value[(..., *window(images.shape[1:3], size))]
    covered = content(fit, images.shape[1:3], size)
    value = torch.nn.functional.interpolate(value, size=covered, mode="bilinear", align_corners=False)
    value = functional.normalize(value / 255, pixels.mean, pixels.std)
    return functional.pad(value, [0, 0, size[1] - covered[1], size[0] - covered[0]], fill=0).numpy()


def allowed(*extents: int) -> float:
    """What positions in float32 can make of a value: 255 steps, divided by the smallest deviation."""
    return (max(extents) * 2**-23 + 1e-6) / min(Preprocessing().std)


@pytest.mark.parametrize("fit", FITS)
def test_every_size(fit):
    ready = bare(fit).session()
    for height, width in SIZES:
        images = random_images(2, height, width)
        found = run(ready, images)[NETWORK_INPUT]
        difference = np.abs(found - expected(fit, images)).max()
        assert difference <= allowed(height, width, *SIZE), (height, width)


def test_48_million_pixels():
    images = np.frombuffer(np.random.default_rng(0).bytes(6000 * 8000 * 3), np.uint8).reshape(
        1, 6000, 8000, 3
    )
    found = run(bare("letterbox").session(), images)[NETWORK_INPUT]
    assert np.abs(found - expected("letterbox", images.copy())).max() <= allowed(8000)


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("fit", FITS)
def test_every_opset(fit, opset):
    checked(bare(fit).proto(opset))
    images = random_images(1, 45, 100)
    found = run(bare(fit).session(opset), images)[NETWORK_INPUT]
    assert np.abs(found - expected(fit, images)).max() <= allowed(*SIZE)


def test_as_torchvision_resizes():
    """The whole way in torchvision's words, without its smoothing."""
    images = random_images(1, 400, 300)
    value = functional.to_dtype(torch.from_numpy(images).permute(0, 3, 1, 2), torch.float32, scale=True)
    value = functional.normalize(
        functional.resize(value, list(SIZE), antialias=False), Preprocessing().mean, Preprocessing().std
    )
    found = run(bare("stretch").session(), images)[NETWORK_INPUT]
    assert np.abs(found - value.numpy()).max() <= allowed(400)


def test_classification_as_torchvision_evaluates():
    """Resize to 256, cut 224 out of the middle: what is cut first here are the same pixels."""
    images = random_images(1, 512, 768)
    value = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    resized = functional.resize(value, [256], antialias=False)
    cropped = functional.center_crop(resized, [224]) / 255
    wanted = functional.normalize(cropped, Preprocessing().mean, Preprocessing().std).numpy()
    found = run(bare("crop", (224, 224)).session(), images)[NETWORK_INPUT]
    assert np.abs(found - wanted).max() <= allowed(768)


def test_other_pixels():
    images = random_images(1, 64, 64)
    for pixels in (PIXELS["unit"], Preprocessing((0.1, 0.2, 0.3), (0.5, 0.25, 1.0))):
        found = run(bare("letterbox", (64, 64), pixels).session(), images)[NETWORK_INPUT]
        assert np.abs(found - expected("letterbox", images, (64, 64), pixels)).max() < 1e-5
    unit = run(bare("letterbox", (64, 64), PIXELS["unit"]).session(), images)[NETWORK_INPUT]
    assert np.abs(unit * 255 - images.transpose(0, 3, 1, 2)).max() < 1e-4


def test_the_rest_of_a_letterbox_is_zero():
    found = run(bare("letterbox").session(), np.full((1, 100, 50, 3), 255, np.uint8))[NETWORK_INPUT]
    assert (found[:, :, :, 64:] == 0).all()
    assert (found[:, :, :, :64] > 1).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("batch", range(2, 9))
def test_batches_are_their_images(batch, fit):
    ready = bare(fit).session()
    images = random_images(batch, 70, 90)
    together = run(ready, images)[NETWORK_INPUT]
    for number in range(batch):
        assert (together[number] == run(ready, images[number : number + 1])[NETWORK_INPUT][0]).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(1, 0, 5, 3), (1, 5, 0, 3)])
def test_images_without_pixels_are_refused_by_the_runtime(shape, fit):
    """And the process lives on: sizes are divided by."""
    with pytest.raises((state.Fail, state.RuntimeException)):
        run(bare(fit).session(), np.zeros(shape, np.uint8))
