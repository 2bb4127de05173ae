"""`make demo`: SpineNet-49 to both targets, both run on a photograph; then a detector that detects.

Writes to build/: the generated module, the ONNX model, the weights, and a picture of P3…P7. Those
weights are the published initialisation, untrained: the picture shows what the network does to an
image before it has learnt anything. The detector of examples/digits/ is trained; it is compiled to one
ONNX file, from image to boxes, and the last picture shows what it finds.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
import onnxruntime
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image

import spinedsl
from examples.digits import picture as digits

matplotlib.use("Agg")
from matplotlib import pyplot

BUILD = Path("build")
SPEC = Path(__file__).resolve().parents[1] / "specs" / "spinenet49.spine"
SIZE = 640


def main() -> None:
    BUILD.mkdir(exist_ok=True)
    step("compile specs/spinenet49.spine")
    module_path, model_path = BUILD / "spinenet49.py", BUILD / "spinenet49.onnx"
    weights_path = BUILD / "spinenet49.safetensors"
    seconds, _ = timed(lambda: spinedsl.compile(SPEC, output=module_path))
    say(f"{module_path}: a module that needs only torch, in {seconds:.2f} s")

    network = load(module_path).SpineNet49(generator=torch.Generator().manual_seed(0)).eval()
    save_file(network.state_dict(), weights_path)
    seconds, written = timed(lambda: spinedsl.compile(SPEC, output=model_path, weights=weights_path))
    say(f"{model_path}: {written[0].size / 2**20:.0f} MiB with the module's weights, in {seconds:.2f} s")

    step("run both on a photograph")
    image = photograph()
    tensor = torch.from_numpy(to_input(image))
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        # The first run of each prepares memory and kernels; the second is timed.
        network(tensor)
        torch_seconds, features = timed(lambda: network(tensor))
    name = session.get_inputs()[0].name
    session.run(None, {name: tensor.numpy()})
    onnx_seconds, results = timed(lambda: session.run(None, {name: tensor.numpy()}))

    print(f"   {'':4} {'shape':>20}   largest difference, relative")
    for (level, feature), result in zip(features.items(), results, strict=True):
        expected = feature.numpy()
        difference = np.abs(expected - result).max() / np.abs(expected).max()
        print(f"   {level:4} {' x '.join(map(str, expected.shape)):>20}   {difference:.1e}")
    cost = spinedsl.summary(SPEC)
    say(f"{cost.parameters:,} parameters, {cost.macs / 1e9:.2f} GMACs")
    for runtime, seconds in (("PyTorch", torch_seconds), ("ONNX Runtime", onnx_seconds)):
        say(f"{runtime:12} {seconds * 1e3:6.0f} ms, {cost.macs / seconds / 1e9:4.0f} GMAC/s")

    picture = BUILD / "pyramid.png"
    draw(image, {level: f[0].numpy() for level, f in features.items()}, picture)
    say(f"{picture}: the photograph and P3 to P7")

    step("compile examples/digits/digits.spine to one file, from image to boxes")
    seconds, pipeline = timed(digits.pipeline)
    say(f"{pipeline}: {pipeline.stat().st_size / 2**20:.1f} MiB with trained weights, in {seconds:.2f} s")
    step("detect handwritten digits in scenes that it was not trained on")
    picture = BUILD / "digits.png"
    say(str(digits.make(picture, pipeline)))
    step(f"look at {picture}")


def load(path: Path) -> ModuleType:
    """Import a Python file by its path."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def photograph() -> Image.Image:
    """scikit-learn's picture of a temple, scaled and padded to a square."""
    image = Image.fromarray(load_sample_image("china.jpg"))
    image.thumbnail((SIZE, SIZE))
    square = Image.new("RGB", (SIZE, SIZE), (124, 116, 104))
    square.paste(image, ((SIZE - image.width) // 2, (SIZE - image.height) // 2))
    return square


def to_input(image: Image.Image) -> np.ndarray[Any, Any]:
    """(1, 3, H, W) float32, normalised as for ImageNet."""
    pixels = np.asarray(image, np.float32) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return pixels.transpose(2, 0, 1)[None].astype(np.float32)


def draw(image: Image.Image, features: dict[str, np.ndarray[Any, Any]], path: Path) -> None:
    """The photograph, and the mean over channels of every endpoint."""
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 8.4), layout="constrained")
    figure.suptitle("SpineNet-49, published initialisation, untrained", fontsize=14)
    axes[0, 0].imshow(image)
    axes[0, 0].set_title(f"input, {SIZE} x {SIZE}")
    for axis, (level, feature) in zip(axes.flat[1:], features.items(), strict=True):
        axis.imshow(feature.mean(0), cmap="viridis", interpolation="nearest")
        channels, height, width = feature.shape
        axis.set_title(f"{level}: mean of {channels} channels, {height} x {width}")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(path, dpi=110)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def step(text: str) -> None:
    """A heading."""
    print(f"\n== {text}")


def say(text: str) -> None:
    """A line of result."""
    print(f"   {text}")


if __name__ == "__main__":
    main()
