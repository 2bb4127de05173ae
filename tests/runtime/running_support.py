"""Files of pipelines whose network puts out constants, so that every result is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.pipeline import METADATA, PipelineOptions, Value, pipeline
from spinedsl.graph.tasks import (
    Anchors,
    Classification,
    Detection,
    Preprocessing,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
)
from spinedsl.ops import Shape

SIZE = 128
"""Height and width of the network's input."""

ANCHOR = Anchors(0.5, 1, (1.0,))
"""At stride 128: the one box from (32, 32) to (96, 96)."""

LIKELY = 3.0
LIKELY_SCORE = 1 / (1 + np.exp(-LIKELY))

DETECTION = [Detection("head", ("P7",), (SIZE,), 3, ANCHOR)]
MASKS = [
    Proposals("rpn", ("P7",), (SIZE,), ANCHOR),
    RegionBoxes("boxes", ("P7",), (SIZE,), 3),
    RegionMasks("masks", ("P7",), (SIZE,), 3),
]
CLASSIFICATION = [Classification("head", 7)]
SEGMENTATION = [Segmentation("head", 4, 64)]

SCORES = {"scores_P7": np.array([-9, LIKELY, -9]).reshape(3, 1, 1), "boxes_P7": np.zeros((4, 1, 1))}
REGIONS = {"scores_P7": np.ones((1, 1, 1)), "boxes_P7": np.zeros((4, 1, 1)), "P7": np.zeros((2, 1, 1))}
LOGITS = {"logits": np.log(np.array([1, 2, 3, 84, 5, 4, 1])).reshape(7, 1, 1)}
QUARTERS = {"logits": np.eye(4).reshape(4, 2, 2) * 9}
"""One class in each quarter of the input."""

MASK = np.zeros((28, 28), np.float32)
MASK[:, 14:] = 9
MASK[:, :14] = -9
"""Logits of a mask: the right half of a box."""


def write(path: Path, tasks, values: dict[str, np.ndarray], metadata: str | None = None, **options) -> Path:
    """Write a pipeline around constants.

    Args:
        metadata: what the file says of itself; the truth if not given.
    """
    around = pipeline("model", tasks, (SIZE, SIZE), Preprocessing(), PipelineOptions(**options))
    graph = GraphBuilder()
    graph.nodes.name = "constants"
    placement = around.before(graph, 17, "image")
    graph.node("Shape", ("image",), "batch", "batch", {"start": 0, "end": 1})
    known = {name: repeated(graph, name, value, "batch") for name, value in values.items()}
    around.behind(graph, 17, known, placement, lambda head, regions: run_part(graph, head, regions))
    model = onnx.ModelProto(ir_version=8, graph=graph.nodes, producer_name="spinec")
    model.graph.MergeFrom(graph.values)
    model.opset_import.add(version=17)
    model.metadata_props.add(key=METADATA, value=around.metadata() if metadata is None else metadata)
    path.write_bytes(model.SerializeToString())
    return path


def repeated(graph: GraphBuilder, name: str, value: np.ndarray, count: str) -> Value:
    """A constant (C, H, W) for each element of a batch."""
    constant, shape = f"{name}.constant", f"{name}.shape"
    graph.node("Constant", (), constant, constant, {"value": value.astype(np.float32)[None]})
    graph.node("Constant", (), f"{shape}.rest", f"{shape}.rest", {"value": np.array(value.shape)})
    graph.node("Concat", (count, f"{shape}.rest"), shape, shape, {"axis": 0})
    graph.node("Expand", (constant, shape), name, name, {})
    return Value(name, Shape(*value.shape))


def run_part(graph: GraphBuilder, head: str, regions: str) -> dict[str, Value]:
    """Every region is of class 2, and fits; its mask is `MASK`."""
    count = f"{head}.count"
    graph.node("Shape", (regions,), count, count, {"start": 0, "end": 1})
    if head == "masks":
        masks = np.stack([-MASK, -MASK, MASK])
        return {"masks": repeated(graph, "masks.raw", masks, count)}
    return {
        "scores": repeated(graph, "boxes.scores", np.array([0, 0, LIKELY]).reshape(3, 1, 1), count),
        "boxes": repeated(graph, "boxes.boxes", np.zeros((12, 1, 1)), count),
    }
