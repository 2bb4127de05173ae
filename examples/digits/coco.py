"""The scenes as a COCO data set: annotations, and a folder with images on demand.

python -m examples.digits.coco build/digits --train 2000 --val 500
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from PIL import Image

from examples.digits.data import CLASSES, SIZE, Split, scene


def dataset(split: Split, count: int) -> dict[str, Any]:
    """The first scenes of a split in COCO's format, as instances_val2017.json has it.

    Categories are digits by their value; annotation ids start at 1, since pycocotools reads 0 as
    “not matched”. A mask is not known: `segmentation` is the box.
    """
    found: list[dict[str, Any]] = []
    for index in range(count):
        of_scene = scene(split, index)
        for box, label in zip(of_scene.boxes.tolist(), of_scene.labels.tolist(), strict=True):
            left, top, right, bottom = box
            found.append(
                {
                    "id": len(found) + 1,
                    "image_id": index,
                    "category_id": label,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                    "iscrowd": 0,
                }
            )
    return {
        "info": {"description": "scikit-learn's digits on photographs", "version": "1"},
        "licenses": [],
        "images": [
            {"id": index, "file_name": file_name(index), "width": SIZE, "height": SIZE}
            for index in range(count)
        ],
        "annotations": found,
        "categories": [
            {"id": label, "name": name, "supercategory": "digit"} for label, name in enumerate(CLASSES)
        ],
    }


def file_name(index: int) -> str:
    """Of a scene's image in its split's folder."""
    return f"{index:06}.png"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--train", default=2000, show_default=True, help="Scenes for training.")
@click.option("--val", default=500, show_default=True, help="Scenes for validation.")
def export(folder: Path, train: int, val: int) -> None:
    """Write scenes as FOLDER/{train,val}/*.png and FOLDER/annotations/instances_{train,val}.json."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    counts: dict[Split, int] = {"train": train, "val": val}
    for split, count in counts.items():
        (folder / split).mkdir(exist_ok=True)
        with click.progressbar(range(count), label=split) as indices:
            for index in indices:
                Image.fromarray(scene(split, index).image).save(folder / split / file_name(index))
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(dataset(split, count)))
        click.echo(f"{count} scenes in {folder / split}, annotations in {path}")


if __name__ == "__main__":
    export()
