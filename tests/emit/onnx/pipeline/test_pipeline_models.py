"""Whole models of the language: the ONNX file and the PyTorch module find the same in an image."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pipeline_support import checked, random_images, run, session
from support import compile_model, network_text

from spinedsl.api import torch_source
from spinedsl.emit.onnx import OPSETS
from spinedsl.graph.tasks import Preprocessing
from spinedsl.ir.titles import class_name
from spinedsl.onnx_target import OnnxRequest, graph
from spinedsl.pipeline import ModelCompilation
from spinedsl.runtime.drawing import paste
from spinedsl.runtime.modules import load_module, load_state
from spinedsl.weights import random_weights

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

SIZE = 128
BLOCKS = """
  b0: residual @3 <- s0, s0 => P3
  b1: residual @4 <- s0, b0 => P4
  b2: residual @5 <- b0, b1 => P5
"""
IMPORTS = "\n".join(
    f'import "std/{name}.spine"' for name in ("retinanet", "mask_rcnn", "classifier", "segmentation", "fpn")
)
MODELS = {
    "one_stage": ("detection", "head retinanet(classes = 4, width = 8, depth = 1, size = 3)"),
    "one_anchor": (
        "detection",
        "head retinanet(classes = 4, width = 8, depth = 1, octaves = 1, aspects = 1)",
    ),
    "boxes": (
        "detection",
        "head rpn(width = 8)  head fast_rcnn(classes = 4, width = 8, depth = 1, features = 16)",
    ),
    "masks": (
        "detection",
        """head rpn(width = 8, size = 3)
        head fast_rcnn(classes = 4, width = 8, depth = 1, features = 16)
        head mask_fcn(classes = 4, width = 8, depth = 1)""",
    ),
    "classifier": ("classification", "head classifier(classes = 4)"),
    "semantic": ("segmentation", "head semantic(classes = 4, width = 8, depth = 1)"),
}


@cache
def compiled(name: str) -> ModelCompilation:
    heads = MODELS[name][1]
    network = network_text(BLOCKS, declarations="endpoints 3..5 -> 8", before=IMPORTS)
    network = network.replace("input 3 x 64 x 64", f"input 3 x {SIZE} x {SIZE}")
    return compile_model(f"{network}\nmodel {name} {{ backbone tiny  {heads} }}")


def onnx_model(name: str, opset: int = 17, **options):
    return graph(compiled(name), OnnxRequest(opset=opset, pipeline=MODELS[name][0], **options))


def weights_of(name: str) -> dict[str, np.ndarray]:
    return dict(random_weights(onnx_model(name).parameters, seed=5))


def in_onnx(name: str, images: np.ndarray, **options) -> dict[str, np.ndarray]:
    return run(session(onnx_model(name, **options).to_bytes(weights_of(name).items())), images)


def in_torch(name: str, images: np.ndarray):
    compilation = compiled(name)
    model = load_module(torch_source(compilation), class_name(compilation.subject))().eval()
    load_state(model, weights_of(name).items())
    pixels = Preprocessing()
    value = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (pixels.mean, pixels.std))
    with torch.no_grad():
        return model((value - mean) / std)


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", MODELS)
def test_every_opset(name, opset):
    model = onnx_model(name, opset)
    checked(model.to_proto(weights_of(name).items()))
    session(model.to_bytes(weights_of(name).items()))


def partners(found: dict[str, np.ndarray], number: int, image: dict[str, np.ndarray]) -> list[int]:
    """For each detection in torch the same one in ONNX; of equal scores, torch has any first."""
    count = len(image["scores"])
    assert found["num_detections"][number] == count
    scores, classes, boxes = (found[name][number, :count] for name in ("scores", "classes", "boxes"))
    assert np.abs(scores - image["scores"]).max() < 1e-5
    chosen: list[int] = []
    for score, label, box in zip(image["scores"], image["labels"], image["boxes"], strict=True):
        same = (np.abs(scores - score) < 1e-5) & (classes == label) & (np.abs(boxes - box).max(1) < 1e-3)
        same[chosen] = False
        assert same.any(), (score, label, box)
        chosen.append(int(same.argmax()))
    return chosen


@pytest.mark.parametrize("name", ["one_stage", "one_anchor", "boxes", "masks"])
def test_both_targets_detect_the_same(name):
    images = random_images(2, SIZE, SIZE)
    found, expected = in_onnx(name, images), in_torch(name, images)
    for number, tensors in enumerate(expected):
        image = {key: value.numpy() for key, value in tensors.items()}
        assert len(image["scores"]) > 10
        chosen = partners(found, number, image)
        assert ("masks" in found) == ("masks" in image) == (name == "masks")
        for place, whole in zip(chosen, image.get("masks", ()), strict=False):
            rows, columns, inside = paste(
                found["masks"][number, place], found["boxes"][number, place], SIZE, SIZE
            )
            pasted = np.zeros((SIZE, SIZE), bool)
            pasted[rows, columns] = inside
            assert (pasted != whole.astype(bool)).sum() <= 2  # pixels at one half


def test_both_targets_classify_the_same():
    images = random_images(3, SIZE, SIZE)
    found, expected = in_onnx("classifier", images, resize="stretch"), in_torch("classifier", images)
    assert np.abs(found["probabilities"] - expected.softmax(1).numpy()).max() < 1e-5
    assert (found["classes"] == expected.argmax(1).numpy()).all()


def test_both_targets_segment_the_same():
    images = random_images(2, SIZE, SIZE)
    found, expected = in_onnx("semantic", images)["labels"], in_torch("semantic", images)
    best = expected.topk(2, dim=1).values
    clear = (best[:, 0] - best[:, 1] > 1e-3 * expected.abs().max()).numpy()
    assert clear.mean() > 0.95
    assert (found == expected.argmax(1).numpy())[clear].all()


@pytest.mark.parametrize("name", MODELS)
def test_batches_are_their_images(name):
    """Exactly: no image's results depend on its neighbours, and no sum on the batch."""
    ready = session(onnx_model(name).to_bytes(weights_of(name).items()))
    images = random_images(8, 90, 150)
    alone = [run(ready, image[None]) for image in images]
    for batch in range(1, 9):
        together = run(ready, images[:batch])
        for number in range(batch):
            for output, value in alone[number].items():
                assert (together[output][number] == value[0]).all(), (batch, output)
