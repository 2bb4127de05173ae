"""What the shipped detector finds in validation scenes, as a picture.

    python -m examples.digits.picture

Compiles digits.spine to one ONNX file, from bytes of an image to boxes, and draws what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.ops import box_iou

import spinedsl
from examples.digits.data import CLASSES, SIZE, Scene, scene
from examples.digits.network import BUILD, MODEL, SPEC, WEIGHTS
from spinedsl.runtime.drawing import draw
from spinedsl.runtime.running import Detections, run_image
from spinedsl.runtime.running_files import open_pipeline

ROWS, COLUMNS = 2, 4
ENLARGED = 4
"""Pixels of the picture to a pixel of a scene; digits of eight pixels are to be seen."""
GAP = 8
"""Pixels between scenes."""
THRESHOLD = 0.4
"""The lowest score that is drawn: about where precision and recall balance on training scenes."""
OVERLAP = 0.5
"""Intersection over union from which a box is right, as in AP50."""


def pipeline(path: Path = BUILD / "digits.onnx", weights: Path = WEIGHTS) -> Path:
    """Compile the detector: images of any size in, boxes in their coordinates out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spinedsl.compile(
        f"{SPEC}:{MODEL}", output=path, pipeline="detection", dynamic={"batch"}, weights=weights,
        labels=CLASSES, force=True,
    )  # fmt: skip
    return path


def right(found: Detections, truth: Scene) -> NDArray[np.bool_]:
    """(n,) whether each detection, the best first, is the first one on a digit that it names."""
    taken = np.zeros(len(truth.labels), bool)
    answers = np.zeros(len(found.scores), bool)
    overlaps = box_iou(torch.from_numpy(found.boxes), torch.from_numpy(truth.boxes)).numpy()
    for number, (overlap, label) in enumerate(zip(overlaps, found.classes, strict=True)):
        fits = overlap * (truth.labels == label) * ~taken
        if fits.size and fits.max() >= OVERLAP:
            taken[fits.argmax()] = answers[number] = True
    return answers


def drawn(image: NDArray[np.uint8], found: Detections) -> Image.Image:
    """A scene, enlarged, with the detections on it."""
    side = SIZE * ENLARGED
    large = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    enlarged = Detections(found.boxes * ENLARGED, found.scores, found.classes)
    return Image.fromarray(draw(large, enlarged, str))


def tiled(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one size in rows."""
    side = SIZE * ENLARGED + GAP
    whole = Image.new("RGB", (COLUMNS * side - GAP, ROWS * side - GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        whole.paste(picture, (column * side, row * side))
    return whole


@dataclass(frozen=True)
class Count:
    """Digits that are there, boxes that are drawn, and how many of these are right."""

    there: int
    drawn: int
    right: int

    def __str__(self) -> str:
        wrong = self.drawn - self.right
        return f"{self.right} of {self.there} digits found, {wrong} {'box' if wrong == 1 else 'boxes'} wrong"


def make(path: Path, model: Path) -> Count:
    """Write the picture of the first validation scenes.

    Args:
        model: what `pipeline` wrote.
    """
    file = open_pipeline(model)
    pictures, there, shown, correct = [], 0, 0, 0
    for index in range(ROWS * COLUMNS):
        truth = scene("val", index)
        found = run_image(file, truth.image)
        assert isinstance(found, Detections)
        found = found.above(THRESHOLD)
        pictures.append(drawn(truth.image, found))
        there += len(truth.labels)
        shown += len(found.scores)
        correct += int(right(found, truth).sum())
    path.parent.mkdir(parents=True, exist_ok=True)
    tiled(pictures).save(path)
    return Count(there, shown, correct)


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=BUILD / "digits.png", show_default=True
)
def main(output: Path) -> None:
    """Draw what the shipped detector finds in the first validation scenes."""
    click.echo(f"{make(output, pipeline())}; look at {output}")


if __name__ == "__main__":
    main()
