"""Models of stand-in networks and generated text, imported as a user would import them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

from spinedsl.emit.torch.tasks import Part, model_parts
from spinedsl.graph.tasks import (
    Anchors,
    Classification,
    Detection,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
    Task,
)

LEVELS = ("P3", "P4", "P5")
STRIDES = (8, 16, 32)
BACKBONE = Part("backbone", "Backbone", drop_path=0.2)
NECK = Part("neck", "Neck", sources=tuple((f"c{name[1]}", name) for name in LEVELS))
STAND_INS = Path(__file__).with_name("stand_ins.py")

DETECTION = Detection("retinanet", LEVELS, STRIDES, 3, Anchors(size=3.0))
PROPOSALS = Proposals("rpn", LEVELS, STRIDES, Anchors(size=3.0, octaves=1))
BOXES = RegionBoxes("box_head", LEVELS, STRIDES, 4)
MASKS = RegionMasks("mask_head", LEVELS, STRIDES, 4)


@dataclass(frozen=True)
class Model:
    """What a test model is made of."""

    name: str
    parts: tuple[Part, ...]
    tasks: tuple[Task, ...]


RETINANET = Model(
    "RetinaNet",
    (BACKBONE, NECK, Part("retinanet", "DetectionHead")),
    (DETECTION,),
)
FASTER = Model(
    "FasterRCNN", (BACKBONE, Part("rpn", "ProposalHead"), Part("box_head", "BoxHead")), (PROPOSALS, BOXES)
)
MASK = Model(
    "MaskRCNN",
    (BACKBONE, Part("rpn", "ProposalHead"), Part("box_head", "BoxHead"), Part("mask_head", "MaskHead")),
    (PROPOSALS, BOXES, MASKS),
)
CLASSIFIER = Model("Classifier", (BACKBONE, Part("top", "ClassHead")), (Classification("top", 5),))
SEGMENTER = Model("Segmenter", (BACKBONE, Part("pixels", "PixelHead")), (Segmentation("pixels", 5, 8),))
MODELS = (RETINANET, FASTER, MASK, CLASSIFIER, SEGMENTER)


def file_text(model: Model) -> str:
    """A whole file, as the target would put it together."""
    texts = model_parts(model.name, model.parts, model.tasks, [f"{model.name} of stand-ins."])
    head, networks = STAND_INS.read_text(encoding="utf-8").split("from torch import nn\n")
    docstring, imports = head.split('"""\n\n')
    standard = [*texts.standard_imports, ""] if texts.standard_imports else []
    beginning = [f'{docstring}"""', "", *standard, f"{imports}from torch import nn", *texts.imports]
    return (
        "\n\n\n".join(t.strip("\n") for t in ("\n".join(beginning), networks, *texts.helpers, texts.model))
        + "\n"
    )


@cache
def module(model: Model) -> ModuleType:
    """The file, imported."""
    path = Path(mkdtemp()) / f"{model.name.lower()}.py"
    path.write_text(file_text(model), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def make(model: Model, **options: Any) -> Any:
    """A model with drawn weights."""
    return getattr(module(model), model.name)(**options)
