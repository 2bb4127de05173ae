"""Results in their images: what has which colour where."""

from __future__ import annotations

import io
import itertools
import sys

import numpy as np
import pytest

from spinedsl.diagnostics import DiagnosticError
from spinedsl.runtime.drawing import BANNER, colour_of, draw, encoded, paste
from spinedsl.runtime.running import Detections, PixelLabels, Probabilities

pillow = pytest.importorskip("PIL.Image")

GREY = np.full((240, 320, 3), 100, np.uint8)


def name(number: int) -> str:
    return f"n{number}"


def detections(*boxes: tuple[float, ...], masks: np.ndarray | None = None) -> Detections:
    """Classes 1, 2, …; each less certain than the one before."""
    count = len(boxes)
    scores = np.linspace(0.9, 0.5, count, dtype=np.float32)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, scores, np.arange(1, count + 1), masks)


def changed(picture: np.ndarray) -> np.ndarray:
    return (picture != GREY).any(-1)


def test_frames_lie_on_the_edges_of_boxes():
    picture = draw(GREY, detections((100, 120, 200, 180)), name)
    frame = np.zeros((240, 320), bool)
    frame[120:180, 100:200] = True
    frame[121:179, 101:199] = False
    assert (picture[frame] == colour_of(1)).all()
    inside = np.zeros_like(frame)
    inside[121:179, 101:199] = True
    assert not changed(picture)[inside].any()
    below = np.zeros_like(frame)
    below[181:] = True
    assert not changed(picture)[below].any()
    assert (GREY == 100).all()


def test_labels_stand_above_and_never_outside():
    above = changed(draw(GREY, detections((100, 120, 200, 180)), name))
    assert above[105:120, 100:140].mean() > 0.5
    for box in (
        (0, 0, 30, 30),
        (300, 0, 320, 20),
        (310, 230, 320, 240),
        (-5, -5, 400, 400),
        (319, 239, 320, 240),
    ):
        text = changed(draw(GREY, detections(box), name))
        assert text.sum() > 300, box


def test_the_best_is_on_top():
    picture = draw(GREY, detections((100, 120, 200, 180), (100, 120, 200, 180)), name)
    assert (picture[150, 100] == colour_of(1)).all()


def test_no_detection_changes_nothing():
    assert not changed(draw(GREY, detections(), name)).any()
    assert not changed(draw(GREY, detections(masks=np.zeros((0, 28, 28), np.float32)), name)).any()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (3000, 20, 3)])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0, 0, 0), (0.2, 0.2, 0.7, 0.9), (0, 0, 500, 3000)])
def test_images_and_boxes_of_every_extent(shape, box):
    found = detections(box, masks=np.ones((1, 28, 28), np.float32))
    assert draw(np.zeros(shape, np.uint8), found, name).shape == shape


@pytest.mark.parametrize("text", ["", "葉 é ß", "a\nb", "x" * 5000, "‮right to left", "🙂"])
def test_names_of_every_kind(text):
    assert draw(GREY, detections((10, 50, 90, 90)), lambda number: text).shape == GREY.shape


def test_masks_are_colours_inside_their_boxes():
    mask = np.zeros((1, 28, 28), np.float32)
    mask[0, :, 14:] = 1
    picture = draw(GREY, detections((100, 100, 200, 200), masks=mask), name)
    half = (np.array(colour_of(1)) + 100) // 2
    assert np.abs(picture[105:195, 155:195].astype(int) - half).max() <= 1
    assert (picture[120:195, 105:145] == 100).all()


@pytest.mark.parametrize(
    "box", [(10, 20, 60, 90), (-20, -10, 30, 40), (10.3, 20.7, 60.2, 90.9), (100, 50, 300, 300)]
)
def test_masks_are_pasted_from_centre_to_centre(box):
    """As torch's grid_sample does it, where nothing lies so near one half that rounding decides."""
    torch = pytest.importorskip("torch")
    mask = np.random.default_rng(0).random((28, 28), np.float32)
    x0, y0, x1, y1 = box
    x = (torch.arange(120) + 0.5 - x0) / (x1 - x0) * 2 - 1
    y = (torch.arange(100) + 0.5 - y0) / (y1 - y0) * 2 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None].float()
    expected = torch.nn.functional.grid_sample(torch.from_numpy(mask)[None, None], grid, align_corners=False)
    expected = expected[0, 0].numpy()
    found = np.zeros((100, 120), bool)
    rows, columns, inside = paste(mask, np.array(box, np.float32), 100, 120)
    found[rows, columns] = inside
    clear = np.abs(expected - 0.5) > 1e-3
    assert (found == (expected > 0.5))[clear].all()
    assert 0.2 < found.sum() / max((expected > 0).sum(), 1) < 0.8


def test_a_class_is_a_label_in_the_corner():
    values = np.array([0.1, 0.7, 0.2], np.float32)
    picture = draw(GREY, Probabilities(values), name)
    assert (picture[0, 0] == colour_of(1)).all()
    assert changed(picture)[:10, :30].all()
    assert not changed(picture)[60:].any()


def test_classes_of_pixels_are_colours():
    labels = np.zeros((240, 320), np.uint8)
    labels[:, 160:] = 3
    picture = draw(GREY, PixelLabels(labels), name)
    for part, number in ((picture[:, :160], 0), (picture[:, 160:], 3)):
        assert np.abs(part.astype(int) - (np.array(colour_of(number)) + 100) // 2).max() <= 1


def test_colours_differ():
    colours = np.array([colour_of(number) for number in range(24)]).astype(int)
    assert min(np.abs(a - b).sum() for a, b in itertools.combinations(colours, 2)) > 20


def test_file_says_who_made_it():
    data = encoded(GREY)
    assert BANNER.encode() in data[:4096]
    with pillow.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert (np.asarray(image) == GREY).all()


def test_pillow_without_freetype(monkeypatch):
    from PIL import ImageFont

    def missing(size):
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(ImageFont, "load_default", missing)
    with pytest.raises(DiagnosticError) as caught:
        draw(GREY, detections((1, 2, 3, 4)), name)
    assert caught.value.diagnostics[0].code == "SP052"


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DiagnosticError) as caught:
        draw(GREY, detections((1, 2, 3, 4)), name)
    assert caught.value.diagnostics[0].code == "SP052"
