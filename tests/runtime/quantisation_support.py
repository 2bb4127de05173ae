"""Small networks in int8, and a folder of images to calibrate them with."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from support import compile_model, compile_tiny, model_text

from spinedsl.onnx_precision import PrecisionRequest, build
from spinedsl.onnx_target import OnnxRequest
from spinedsl.specification import open_spec

NARROW = {"scale.width": "0.125", "input": "3 x 128 x 128"}
SMALL = {
    "std:spinenet49": NARROW,
    "std:spinenet_mobile49xs": {"scale.width": "0.3", "input": "3 x 128 x 128"},
    "std:eff_spinenet_m0": {"scale.width": "0.3", "input": "3 x 128 x 128"},
    "std:r50_fpn": NARROW,
}
"""Networks that read images, of every kind of operator."""

HEADS = {
    "detector": "head retinanet(classes = 3, width = 8, depth = 2)",
    "classifier": "head classifier(classes = 5)",
    "semantic": "head semantic(classes = 3)",
    "masks": """
      head rpn(size = 3, width = 8)
      head fast_rcnn(classes = 3, width = 8, depth = 1, features = 8)
      head mask_fcn(classes = 3, width = 8, depth = 1)
    """,
}
"""Models of two levels with every kind of head."""

BLOCKS = "b1: residual @3 <- s0  b2: bottleneck @2 <- s0, b1 => P2  b3: residual @3 <- b1, b2 => P3"


@functools.cache
def compiled(name: str):
    """A network or model by its name here."""
    if name in SMALL:
        return open_spec(name, SMALL[name])
    if name == "std:bifpn":
        return open_spec(name, {"stack": "1"})
    if name == "std:nas_fpn":
        features = " ".join(f"p{level} @{level} -> 16" for level in range(3, 8))
        return open_spec(
            name, {"input": f"of 128 x 128 {{ {features} }}", "width": "{ 3..7: 16 }", "stack": "1"}
        )
    if name == "tiny":
        return compile_tiny(BLOCKS, declarations="endpoints -> 8")
    return compile_model(model_text(HEADS[name]))


def images(folder: Path, count: int = 3) -> Path:
    """Smooth pictures with some noise, as .npy: no pillow is needed."""
    folder.mkdir(exist_ok=True)
    stream = np.random.default_rng(1)
    rows, columns = np.mgrid[0:96, 0:120] / 40
    for number in range(count):
        waves = [np.sin(rows * stream.uniform(1, 3) + columns * stream.uniform(1, 3)) for _ in range(3)]
        picture = 120 + 80 * np.stack(waves, axis=-1) + stream.normal(0, 15, (96, 120, 3))
        np.save(folder / f"{number}.npy", picture.clip(0, 255).astype(np.uint8))
    return folder


def weights_of(name: str, folder: Path) -> Path:
    """Random weights of a small network as a file: norm statistics too."""
    from safetensors.numpy import save_file

    from spinedsl.weights import random_weights

    path = folder / "weights.safetensors"
    compilation = compiled(name)
    parameters = dict(compilation.inlined.parameters())
    for _, inlined in getattr(compilation, "regions", ()):
        parameters |= inlined.parameters()
    save_file(dict(random_weights(parameters, seed=2)), path)
    return path


def built(name: str, folder: Path, *, opset=17, dynamic=(), pipeline=None, nms="onnx", **how):
    """A small network in int8; `how` as `PrecisionRequest`."""
    request = OnnxRequest(
        opset=opset, dynamic=frozenset(dynamic), weights=weights_of(name, folder.parent), pipeline=pipeline, nms=nms
    )  # fmt: skip
    precision = PrecisionRequest("int8", calibrate=folder, **how)
    return build(compiled(name), request, precision)


def proto_of(made) -> onnx.ModelProto:
    return onnx.load_from_string(made.model.to_bytes(made.weights))


def float_proto(name: str, folder: Path, **how) -> onnx.ModelProto:
    """The same network in float32, its norms folded: `--keep` of everything in float16."""
    request = OnnxRequest(weights=weights_of(name, folder.parent), **how)
    made = build(compiled(name), request, PrecisionRequest("fp16", ("*",)))
    return proto_of(made)


@functools.cache
def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def run(proto: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), _options(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def decibels(expected: np.ndarray, actual: np.ndarray) -> float:
    """Signal to noise."""
    noise = np.square(expected.astype(np.float64) - actual).sum()
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise))
