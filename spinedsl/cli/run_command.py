"""`spinec run`: a compiled pipeline on images."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from spinedsl.cli import console
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.cli.tables import aligned
from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.emit.output import write_output
from spinedsl.onnx_target import read_labels
from spinedsl.runtime.drawing import draw, encoded
from spinedsl.runtime.images import load_image
from spinedsl.runtime.running import Detections, PixelLabels, Probabilities, Result, run_image
from spinedsl.runtime.running_files import Description, PipelineFile, open_pipeline

THRESHOLD = 0.3
"""Detections below are many, and seldom right; the file itself keeps those from 0.05 on."""

MOST_CLASSES = 5
"""Classes of an image that are shown."""


@click.command("run")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.argument("images", type=click.Path(path_type=Path), metavar="IMAGE...", nargs=-1, required=True)
@click.option("--draw", "drawing", is_flag=True, help="Write a picture of each result.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder of the pictures.  [default: this one]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace pictures that spinec did not write.")
@click.option("--threshold", type=click.FloatRange(0, 1), metavar="X",
              help=f"Detection: the lowest score that is shown.  [default: {THRESHOLD}]")  # fmt: skip
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE",
              help="Names of the classes, one a line, instead of the file's own.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    model: Path,
    images: tuple[Path, ...],
    drawing: bool,
    output: Path | None,
    force: bool,
    threshold: float | None,
    labels: Path | None,
    as_json: bool,
) -> int:
    """Run a model that `spinec compile --pipeline` wrote on images: detect, classify or segment.

    Images may be of any size and of any usual format. One that can't be read is named, the others
    still run, and the exit code is 1. Needs onnxruntime and pillow: pip install
    'spinec[runtime,images]'.

    \b
    Examples:
      spinec run detector.onnx street.jpg
      spinec run detector.onnx *.jpg --draw -o pictures --threshold 0.5
      spinec run classifier.onnx cat.png --labels imagenet.txt --json
    """
    if not drawing and (output is not None or force):
        raise click.UsageError("-o and --force: only with --draw")
    names = () if labels is None else read_labels(labels)
    file = open_pipeline(model, names)
    if threshold is not None and file.description.kind != "detection":
        raise click.UsageError(f"--threshold: “{model}” does {file.description.kind}, not detection")
    pictures = _pictures(images, output or Path(), file.description.kind) if drawing else {}
    if output is not None:
        _make_folder(output)
    run = _Run(file, THRESHOLD if threshold is None else threshold, pictures, force)
    entries = []
    with progress("running") as tell:
        for number, entry in enumerate(run.entries(images), 1):
            if as_json:
                entries.append(entry)
            elif "error" not in entry:
                console.put(_shown(entry))
            tell(number, len(images), entry["image"])
    if as_json:
        document = {"model": str(model), "kind": file.description.kind, "images": entries}
        click.echo(json.dumps(document, indent=2, allow_nan=False))
    return 1 if run.failed else 0


class _Run:
    """One run of the command.

    Attributes:
        failed: whether something went wrong with an image.
    """

    def __init__(self, file: PipelineFile, threshold: float, pictures: dict[Path, Path], force: bool) -> None:
        self.file = file
        self.threshold = threshold
        self.pictures = pictures
        self.force = force
        self.failed = False

    def entries(self, images: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
        """What came out for each image; problems are shown as they come."""
        for path in images:
            try:
                yield self._entry(path)
            except DiagnosticError as error:
                self.failed = True
                Renderer.for_stream(sys.stderr).show(error.diagnostics)
                yield {"image": str(path), "error": "; ".join(d.message for d in error.diagnostics)}

    def _entry(self, path: Path) -> dict[str, Any]:
        image = load_image(path)
        result = run_image(self.file, image)
        if isinstance(result, Detections):
            result = result.above(self.threshold)
        height, width = image.shape[:2]
        entry = {"image": str(path), "width": width, "height": height}
        entry |= _plain(result, self.file.description)
        if path in self.pictures:
            picture = encoded(draw(image, result, self.file.description.label))
            entry["picture"] = str(write_output(self.pictures[path], picture, "picture", self.force).path)
        return entry


def _make_folder(folder: Path) -> None:
    """Make the folder that pictures go to, if it is not there.

    Raises:
        DiagnosticError: it can't be made (SP050).
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise fail(
            "SP050", f"can't make the folder “{folder}”: {problem.strerror or problem}",
            help="name a folder that exists, or one to be made in a folder that does",
        ) from None  # fmt: skip


def _pictures(images: tuple[Path, ...], folder: Path, kind: str) -> dict[Path, Path]:
    """Where the picture of each image goes.

    Raises:
        DiagnosticError: two images would have one picture (SP050).
    """
    pictures: dict[Path, Path] = {}
    owners: dict[Path, Path] = {}
    for image in images:
        picture = folder / f"{image.stem}.{kind}.png"
        owner = owners.setdefault(picture, image)
        if owner != image:
            raise fail(
                "SP050", f"“{owner}” and “{image}” would both be drawn into “{picture}”",
                help="run them one by one, into different folders: `-o DIR`",
            )  # fmt: skip
        pictures[image] = picture
    return pictures


def _plain(result: Result, description: Description) -> dict[str, Any]:
    """A result as JSON has it."""
    label = description.label
    match result:
        case Detections():
            rows = zip(result.boxes.tolist(), result.scores.tolist(), result.classes.tolist(), strict=True)
            return {
                "detections": [
                    {"label": label(number), "class": number, "score": score, "box": box}
                    for box, score, number in rows
                ]
            }
        case Probabilities():
            best = result.best(MOST_CLASSES)
            return {
                "classes": [
                    {
                        "label": label(number),
                        "class": number,
                        "probability": share if math.isfinite(share) else None,
                    }
                    for number, share in best
                ]
            }
        case PixelLabels():
            return {
                "classes": [
                    {"label": label(number), "class": number, "share": share}
                    for number, share in result.shares()
                ]
            }


def _shown(entry: dict[str, Any]) -> str:
    """An image's entry as text."""
    head = f"{entry['image']}  {entry['width']} x {entry['height']}"
    if "detections" in entry:
        found = entry["detections"]
        head += f", {len(found)} detection{'' if len(found) == 1 else 's'}"
        rows = [(f"{d['score']:.2f}", d["label"], *(f"{corner:.1f}" for corner in d["box"])) for d in found]
        right = {2, 3, 4, 5}
    else:
        rows = [(_percent(c.get("probability", c.get("share"))), c["label"]) for c in entry["classes"]]
        right = {0}
    lines = [head, *(f"  {line}" for line in (aligned(rows, right) if rows else []))]
    if "picture" in entry:
        lines.append(f"  drawn into {entry['picture']}")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "no number" if share is None else f"{share:.1%}"
