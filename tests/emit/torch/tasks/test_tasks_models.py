"""Whole models, compiled from the language: what surrounds the networks fits the networks."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from scenes import scenes
from support import network_text
from tolerances import SAME_MODULE

from spinedsl.api import torch_source
from spinedsl.specification import open_spec

SIZE = (64, 64)
BLOCKS = """
  b0: residual @3 <- s0, s0 => P3
  b1: residual @4 <- s0, b0 => P4
  b2: residual @5 <- b0, b1 => P5
"""
IMPORTS = """
import "std/retinanet.spine"
import "std/mask_rcnn.spine"
import "std/classifier.spine"
import "std/segmentation.spine"
import "std/fpn.spine"
"""
HEADS = {
    "one_stage": "head retinanet(classes = 4, width = 8, depth = 1, size = 3)",
    "separable": "head retinanet(classes = 4, width = 8, depth = 1, separable = true, octaves = 1, aspects = 1)",
    "boxes": "head rpn(width = 8)  head fast_rcnn(classes = 4, width = 8, depth = 1, features = 16)",
    "masks": """
        head rpn(width = 8, size = 3)
        head fast_rcnn(classes = 4, width = 8, depth = 1, features = 16)
        head mask_fcn(classes = 4, width = 8, depth = 1)""",
    "classifier": "head classifier(classes = 4)",
    "semantic": "head semantic(classes = 4, width = 8, depth = 1)",
}
DETECTORS = ("one_stage", "separable", "boxes", "masks")


@cache
def model_class(name):
    """The public class of a small model."""
    folder = Path(mkdtemp())
    spec = folder / f"{name}.spine"
    network = network_text(BLOCKS, declarations="endpoints 3..5 -> 8  drop_path 0.1", before=IMPORTS)
    spec.write_text(f"{network}\nmodel {name} {{ backbone tiny  {HEADS[name]} }}\n", encoding="utf-8")
    path = folder / f"{name}.py"
    path.write_text(torch_source(open_spec(f"{spec}:{name}")), encoding="utf-8")
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return getattr(module, module.__all__[-1])


def example(name):
    """Images, and targets as the model wants them."""
    images, targets = scenes(2, SIZE, 1, largest=30)
    if name == "classifier":
        return images, torch.tensor([1, 3])
    if name == "semantic":
        return images, torch.randint(4, (2, *SIZE))
    return images, targets


@pytest.mark.parametrize("name", HEADS)
def test_every_parameter_learns(name):
    model = model_class(name)().train()
    images, targets = example(name)
    losses = model(images, targets)
    assert all(loss.isfinite() and loss.ndim == 0 for loss in losses.values())
    sum(losses.values()).backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert still == []


@pytest.mark.parametrize("name", DETECTORS)
def test_detections(name):
    model = model_class(name)(score_threshold=0.0, nms_threshold=1.0, max_detections=20).eval()
    with torch.no_grad():
        detections = model(example(name)[0])
    for found in detections:
        assert found["boxes"].shape == (20, 4)
        assert found["boxes"].min() >= 0
        assert found["boxes"].max() <= max(SIZE)
        low = 0 if name in ("one_stage", "separable") else 1
        assert low <= found["labels"].min() <= found["labels"].max() <= 3
        if name == "masks":
            assert found["masks"].shape == (20, *SIZE)


@pytest.mark.parametrize("name", HEADS)
def test_outputs_compile_whole(name):
    model, images = model_class(name)().eval(), example(name)[0]
    compiled = torch.compile(model.outputs, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        for output, value in model.outputs(images).items():
            torch.testing.assert_close(compiled(images)[output], value, **SAME_MODULE)


def test_fresh_scores_are_one_in_a_hundred():
    """So that the many anchors on background don't drown the loss at first (Lin et al. 2017)."""
    model = model_class("one_stage")().eval()
    with torch.no_grad():
        scores = model.outputs(example("one_stage")[0])["scores_P3"].sigmoid()
    torch.testing.assert_close(scores, torch.full_like(scores, 0.01), rtol=0.01, atol=0)
