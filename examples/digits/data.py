"""Scenes: scikit-learn's handwritten digits, pasted on photographs that packages ship.

A scene is a function of its split and index, and of nothing else: it is made when it is needed and
needs no folder. Splits share neither writers nor parts of photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import matplotlib.cbook
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

Split = Literal["train", "val"]
Generator = np.random.Generator

SIZE = 128
"""Rows and columns of a scene, in pixels."""
SCALES = (8.0, 96.0)
"""The smallest and the largest side of a pasted 8 x 8 digit, in pixels."""
DIGITS = (3, 12)
"""The fewest and the most digits that are tried; those that find no place are left out."""
CLASSES = tuple("0123456789")

SEED = 20_200_614
FIRST_VAL_DIGIT = 1415
"""load_digits stands in the order of its writers, and a new one begins here, three from the end.

Source: scikit-learn MOOC, "Sample grouping", which gives the boundaries of all writers.
"""
TRAIN_PART = 0.6
"""Of a photograph, from the left; the rest is for validation."""

INK = 0.25
"""Opacity from which a pixel belongs to a digit's box."""
OVERLAP = 0.1
"""Of the smaller of two boxes, at most."""
CONTRAST = (80.0, 160.0)
"""Difference in luminance between a digit and the mean of what lies under it, of 255."""
PLACES = 10
"""Tries to find a place for a digit."""


@dataclass(frozen=True)
class Scene:
    """An image and the digits in it.

    Attributes:
        image: (SIZE, SIZE, 3) uint8, RGB.
        boxes: (n, 4) float32; left, top, right, bottom in pixels, the edges of the ink.
        labels: (n,) int64; a digit is its own label.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


def scene(split: Split, index: int) -> Scene:
    """The scene with this index; there is no last one."""
    random = np.random.default_rng((SEED, ("train", "val").index(split), index))
    pixels = background(split, random)
    images, targets = glyphs(split)
    boxes = np.zeros((0, 4), np.float32)
    labels: list[int] = []
    count = random.integers(DIGITS[0], DIGITS[1], endpoint=True)
    smallest, largest = np.log(SCALES)
    scales = np.exp(random.uniform(smallest, largest, count))
    # Large digits first: a small one still finds a place between them.
    for scale in np.sort(scales)[::-1]:
        chosen = int(random.integers(len(targets)))
        opacity = drawn(images[chosen], float(scale), random)
        ink = ink_box(opacity)
        corner = place(ink, len(opacity), boxes, random)
        if corner is not None:
            paint(pixels, opacity, corner, random)
            boxes = np.concatenate([boxes, ink[None] + np.array(corner * 2, np.float32)])
            labels.append(int(targets[chosen]))
    return Scene(pixels.round().astype(np.uint8), boxes, np.array(labels, np.int64))


@lru_cache
def glyphs(split: Split) -> tuple[tuple[Image.Image, ...], NDArray[np.int64]]:
    """The digits of a split, 8 x 8 opacities with a margin of one pixel, and what they are."""
    data = load_digits()
    chosen = slice(FIRST_VAL_DIGIT) if split == "train" else slice(FIRST_VAL_DIGIT, None)
    opacities = np.pad(data.images[chosen] / 16, ((0, 0), (1, 1), (1, 1))).astype(np.float32)
    return tuple(Image.fromarray(opacity) for opacity in opacities), data.target[chosen]


@lru_cache
def photographs(split: Split) -> tuple[Image.Image, ...]:
    """A split's part of a temple, a flower (scikit-learn) and Grace Hopper (matplotlib)."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = Image.open(file).convert("RGB")
    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    parts = []
    for photograph in (*whole, hopper):
        cut = round(TRAIN_PART * photograph.width)
        left, right = (0, cut) if split == "train" else (cut, photograph.width)
        parts.append(photograph.crop((left, 0, right, photograph.height)))
    return tuple(parts)


def background(split: Split, random: Generator) -> NDArray[np.float32]:
    """A random square of a photograph, perhaps mirrored, in other colours: (SIZE, SIZE, 3) of 0 to 255."""
    photograph = photographs(split)[random.integers(3)]
    side = random.uniform(0.4, 1) * min(photograph.size)
    left, top = (random.uniform(0, extent - side) for extent in photograph.size)
    square = photograph.resize((SIZE, SIZE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    pixels = np.asarray(square, np.float32)
    if random.random() < 0.5:
        pixels = pixels[:, ::-1]
    gains = (random.uniform(0.5, 1.1) * random.uniform(0.8, 1.2, 3)).astype(np.float32)
    coloured: NDArray[np.float32] = np.clip(pixels * gains, 0, 255)
    return coloured


def drawn(glyph: Image.Image, scale: float, random: Generator) -> NDArray[np.float32]:
    """The opacity of a digit whose 8 x 8 pixels have the side `scale`, turned and slanted a little."""
    angle, slant = np.radians(random.uniform(-10, 10)), random.uniform(-0.15, 0.15)
    stretch = random.uniform(0.85, 1.1)
    # Rows of the map from drawn pixels to pixels of the glyph, about the centres of both.
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[1 / stretch, slant], [0, 1]]) @ np.array([[cos, sin], [-sin, cos]]) * (8 / scale)
    side = int(np.ceil(1.25 * scale))
    shift = 5 - turn @ (np.full(2, side / 2))
    matrix = (*turn[0], shift[0], *turn[1], shift[1])
    opacity = glyph.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    # Steeper flanks: a digit twelve times enlarged still has an edge.
    return np.clip((np.asarray(opacity) - 0.15) / 0.6, 0, 1)


def ink_box(opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4,) left, top, right, bottom of what is visible of a digit, in pixels of its drawing."""
    visible = opacity > INK
    columns, rows = np.flatnonzero(visible.any(0)), np.flatnonzero(visible.any(1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def place(
    ink: NDArray[np.float32], side: int, boxes: NDArray[np.float32], random: Generator
) -> tuple[int, int] | None:
    """Where a digit hides nothing: the upper left corner of its drawing, (column, row).

    Args:
        ink: (4,) its box in the drawing, which has so many rows and columns.
        boxes: (n, 4) of the digits that are there.

    Returns:
        None if no place was found.
    """
    for left, top in random.integers(SIZE - side, size=(PLACES, 2)).tolist():
        if (overlaps(ink + np.array([left, top, left, top], np.float32), boxes) <= OVERLAP).all():
            return left, top
    return None


def overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) the area that a box has in common with each of others, as a part of the smaller."""
    common = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    smaller = np.minimum(np.prod(box[2:] - box[:2]), areas)
    shares: NDArray[np.float32] = np.prod(np.maximum(common, 0), axis=1) / smaller
    return shares


def paint(
    pixels: NDArray[np.float32], opacity: NDArray[np.float32], corner: tuple[int, int], random: Generator
) -> None:
    """Lay a digit over the pixels, in a colour that stands out from what is under it."""
    left, top = corner
    under = pixels[top : top + len(opacity), left : left + len(opacity)]
    red, green, blue = under.mean((0, 1), np.float64).tolist()
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    difference = random.uniform(*CONTRAST)
    lighter = luminance + difference <= 255 and (luminance < difference or random.random() < 0.5)
    ink = luminance + difference if lighter else luminance - difference
    colour = np.clip(ink + random.uniform(-30, 30, 3), 0, 255).astype(np.float32)
    under += opacity[..., None] * (colour - under)
