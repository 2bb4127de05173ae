"""Pipelines without a network: what a network would put out is an input of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.emit import IR_VERSIONS
from spinedsl.emit.onnx.pipeline import IMAGES, Pipeline, PipelineOptions, Value, pipeline
from spinedsl.graph.tasks import Anchors, Detection, Preprocessing
from spinedsl.ops import Shape

NETWORK_INPUT = "network_input"
LEVELS = ("P3", "P4", "P5", "P6", "P7")
STRIDES = (8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Bare:
    """A pipeline around nothing.

    Attributes:
        shapes: of the network's values that the pipeline reads, by name.
        run_part: writes heads on regions.
    """

    pipeline: Pipeline
    shapes: dict[str, Shape]
    run_part: object = None

    def proto(self, opset: int = 17) -> onnx.ModelProto:
        graph = GraphBuilder()
        placement = self.pipeline.before(graph, opset, NETWORK_INPUT)
        for name, shape in self.shapes.items():
            graph.add_input(name, ("batch", *shape))
        values = {name: Value(name, shape) for name, shape in self.shapes.items()}
        run_part = (lambda *where: self.run_part(graph, *where)) if self.run_part else None
        self.pipeline.behind(graph, opset, values, placement, run_part)
        graph.add_output(NETWORK_INPUT, ("batch", 3, *self.pipeline.size))
        model = onnx.ModelProto(ir_version=IR_VERSIONS[opset], graph=graph.nodes)
        model.graph.MergeFrom(graph.values)
        model.graph.name = "bare"
        model.opset_import.add(version=opset)
        return model

    def session(self, opset: int = 17) -> onnxruntime.InferenceSession:
        return session(self.proto(opset).SerializeToString())


def session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(ready, images: np.ndarray, raw: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """Output name → value; what isn't given is zero."""
    given = {IMAGES: images, **(raw or {})}
    for port in ready.get_inputs():
        if port.name not in given:
            given[port.name] = np.zeros((len(images), *port.shape[1:]), np.float32)
    names = [output.name for output in ready.get_outputs()]
    return dict(zip(names, ready.run(names, given), strict=True))


def made(tasks, size, pixels=None, **options) -> Pipeline:
    return pipeline("model", tasks, size, pixels or Preprocessing(), PipelineOptions(**options))


def levels_of(size: tuple[int, int], levels: int = 5) -> list[tuple[int, int]]:
    """Height and width of the levels of an input."""
    return [(-(-size[0] // s), -(-size[1] // s)) for s in STRIDES[:levels]]


def detector(
    size: tuple[int, int] = (128, 192),
    classes: int = 7,
    levels: int = 5,
    anchors: Anchors | None = None,
    **options,
) -> Bare:
    """A one-stage detector."""
    anchors = anchors or Anchors()
    task = Detection("head", LEVELS[:levels], STRIDES[:levels], classes, anchors)
    shapes = {}
    for name, (height, width) in zip(LEVELS, levels_of(size, levels), strict=False):
        shapes[f"scores_{name}"] = Shape(anchors.count * classes, height, width)
        shapes[f"boxes_{name}"] = Shape(4 * anchors.count, height, width)
    return Bare(made([task], size, **options), shapes)


def random_images(batch: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3)).astype(np.uint8)


def random_raw(bare: Bare, batch: int, seed: int = 0, shift: float = -4.0, spread: float = 1.5):
    """Raw outputs: scores around sigmoid(shift), codes around zero."""
    stream = np.random.default_rng(seed)
    found = {}
    for name, shape in bare.shapes.items():
        values = stream.standard_normal((batch, *shape), np.float32)
        found[name] = values * spread + shift if name.startswith("scores") else values * 0.5
    return {name: value.astype(np.float32) for name, value in found.items()}


def checked(proto: onnx.ModelProto) -> None:
    """Everything that onnx has to say against a model is raised."""
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
