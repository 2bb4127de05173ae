"""Average precision on the validation scenes, of a torch model or of an ONNX pipeline.

    python -m examples.digits.evaluate                          # the shipped weights, in torch
    python -m examples.digits.evaluate build/detector.onnx      # a file made with --pipeline detection

Both read the same uint8 images and are judged by pycocotools.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from examples.digits.coco import dataset
from examples.digits.data import scene
from examples.digits.network import ENLARGED, WEIGHTS, detector, load_weights, to_input

METRICS = ("AP", "AP50", "AP75", "AP small", "AP medium", "AP large")
"""The first six of pycocotools, in its order; small is below 32 x 32 pixels, large from 96 x 96 on."""
SCENES = 500
BATCH = 10


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best first.

    Attributes:
        boxes: (n, 4) left, top, right, bottom in pixels of the image.
        scores: (n,) of 0 to 1.
        labels: (n,) integers.
    """

    boxes: NDArray[np.floating[Any]]
    scores: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]


Detector = Callable[[NDArray[np.uint8]], Iterable[Detections]]
"""From images (N, H, W, 3) to the detections of each."""


def torch_detector(module: torch.nn.Module) -> Detector:
    """A module that takes normalised images and returns boxes, scores and labels for each."""

    def detect(images: NDArray[np.uint8]) -> Iterator[Detections]:
        with torch.inference_mode():
            for found in module(to_input(images)):
                boxes, scores, labels = (found[name].numpy() for name in ("boxes", "scores", "labels"))
                yield Detections(boxes / ENLARGED, scores, labels)

    module.eval()
    return detect


def onnx_detector(path: Path) -> Detector:
    """An ONNX pipeline: images in, padded detections and how many of them count out."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0].name

    def detect(images: NDArray[np.uint8]) -> Iterator[Detections]:
        names = ["num_detections", "boxes", "scores", "classes"]
        counts, *padded = session.run(names, {image: images})
        for count, *of_image in zip(counts.reshape(-1), *padded, strict=True):
            yield Detections(*(values[:count] for values in of_image))

    return detect


def average_precision(detect: Detector, scenes: int = SCENES) -> dict[str, float]:
    """The metrics of a detector on the first validation scenes; -1 where no digit has that size."""
    found: list[dict[str, Any]] = []
    for start in range(0, scenes, BATCH):
        indices = range(start, min(start + BATCH, scenes))
        images = np.stack([scene("val", index).image for index in indices])
        for index, detections in zip(indices, detect(images), strict=True):
            found += results(index, detections)
    if not found:
        return dict.fromkeys(METRICS, 0.0)
    # pycocotools reports its progress on stdout.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dataset("val", scenes)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(METRICS, evaluation.stats.tolist(), strict=False))


def results(index: int, detections: Detections) -> list[dict[str, Any]]:
    """The detections in one image in COCO's result format."""
    corners = detections.boxes.astype(float)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    rows = zip(boxes.tolist(), detections.scores.tolist(), detections.labels.tolist(), strict=True)
    return [
        {"image_id": index, "category_id": label, "bbox": box, "score": score} for box, score, label in rows
    ]


@click.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=WEIGHTS)
@click.option("--scenes", default=SCENES, show_default=True, help="Validation scenes, from the first on.")
def main(model: Path, scenes: int) -> None:
    """Print the average precision of MODEL: an ONNX pipeline, or weights in safetensors for torch."""
    if model.suffix == ".onnx":
        detect = onnx_detector(model)
    else:
        module = detector()
        load_weights(module, model)
        detect = torch_detector(module)
    for metric, value in average_precision(detect, scenes).items():
        click.echo(f"{metric:10} {100 * value:5.1f}" if value >= 0 else f"{metric:10}     -")


if __name__ == "__main__":
    main()
