"""Whether convolutions 1x1 that read one source would be faster as one convolution and a split.

    python -m benchmarks.siblings

SpineNet-49 at 640 x 640 at -O2: in ONNX Runtime and OpenVINO the whole network, its graph changed here; in
torch the groups alone, each with the layers that read its parts. One process a runtime, in turn.
"""

from __future__ import annotations

import copy
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

import spinedsl
from spinedsl.runtime.bench import graphs, modules
from spinedsl.runtime.bench.timing import alternate

SPEC = "std:spinenet49"
SIZE = 640
RUNS = 11


def report() -> str:
    """A Markdown table."""
    lines = ["| runtime | apart | merged | faster |", "|---|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder:
        apart = Path(folder) / "apart.onnx"
        spinedsl.compile(SPEC, output=apart, level=2, runtime="openvino")
        model = onnx.load(apart)
        together, groups = merged(model)
        onnx.checker.check_model(together, full_check=True)
        onnx.save(together, Path(folder) / "merged.onnx")
        paths = {"apart": apart, "merged": Path(folder) / "merged.onnx"}
        image = modules.images(1, SIZE, SIZE).numpy()
        see_that_they_are_the_same(paths, image)
        for runtime, run in (
            ("ONNX Runtime", graphs.in_onnxruntime),
            ("OpenVINO", graphs.in_openvino),
        ):
            lines.append(_row(runtime, {name: run(path, image).run for name, path in paths.items()}))
        lines.append(_row(f"torch, {len(groups)} groups", in_torch(model, groups)))
    return "\n".join(lines)


def _row(title: str, runs: dict[str, Callable[[], object]]) -> str:
    found = alternate(runs, RUNS)
    apart, together = (found[name].median * 1e3 for name in ("apart", "merged"))
    return f"| {title} | {apart:.1f} ms | {together:.1f} ms | {apart / together:.3f} |"


def merged(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[list[str]]]:
    """The model with its siblings merged, and the names of those in each group."""
    made = copy.deepcopy(model)
    graph = made.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers = defaultdict(list)
    for node in graph.node:
        for value in node.input:
            readers[value].append(node)
    siblings = defaultdict(list)
    for node in graph.node:
        behind = readers[node.output[0]]
        alone = len(behind) == 1 and behind[0].op_type == "Relu"
        if node.op_type == "Conv" and alone and is_pointwise(node):
            siblings[node.input[0]].append((node, behind[0]))
    groups = {source: pairs for source, pairs in siblings.items() if len(pairs) > 1}
    first = {pairs[0][0].name: source for source, pairs in groups.items()}
    gone = {node.name for pairs in groups.values() for pair in pairs for node in pair}
    nodes = []
    for node in graph.node:
        if node.name in first:
            nodes += together(graph, first[node.name], groups[first[node.name]], arrays)
        if node.name not in gone:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return made, [[conv.name for conv, _ in pairs] for pairs in groups.values()]


def together(
    graph: onnx.GraphProto, source: str, pairs: list[Any], arrays: dict[str, Any]
) -> list[onnx.NodeProto]:
    """One convolution, its activation and a split instead of the pairs of both."""
    weights, biases = zip(*((arrays[c.input[1]], arrays[c.input[2]]) for c, _ in pairs), strict=True)
    name = f"{source}.siblings"
    parts = {
        f"{name}.weight": np.concatenate(weights),
        f"{name}.bias": np.concatenate(biases),
        f"{name}.channels": np.array([len(each) for each in weights]),
    }
    graph.initializer.extend(numpy_helper.from_array(array, key) for key, array in parts.items())
    parameters = [f"{name}.weight", f"{name}.bias"]
    return [
        helper.make_node("Conv", [source, *parameters], [f"{name}.sums"], kernel_shape=[1, 1]),
        helper.make_node("Relu", [f"{name}.sums"], [f"{name}.active"]),
        helper.make_node(
            "Split", [f"{name}.active", f"{name}.channels"], [r.output[0] for _, r in pairs], axis=1
        ),
    ]


def is_pointwise(node: onnx.NodeProto) -> bool:
    """Whether a convolution has a kernel of one pixel and no stride."""
    attributes = {each.name: list(each.ints) for each in node.attribute}
    return attributes["kernel_shape"] == [1, 1] and attributes.get("strides", [1, 1]) == [1, 1]


def see_that_they_are_the_same(paths: dict[str, Path], image: Any) -> None:
    """Compare the outputs of both files.

    Raises:
        ValueError: they differ.
    """
    first, second = (graphs.in_onnxruntime(path, image).run() for path in paths.values())
    for wanted, found in zip(first, second, strict=True):  # type: ignore[call-overload]
        if np.abs(found - wanted).max() > 1e-4 * np.abs(wanted).max():
            raise ValueError("merging changed what the network computes")


def in_torch(model: onnx.ModelProto, groups: list[list[str]]) -> dict[str, Callable[[], object]]:
    """All groups, each with the layers behind it, as they stand in a module at -O2."""
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.output, *model.graph.input)
    }
    convs = {node.name: node for node in model.graph.node}
    arrays = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    prepared = []
    for names in groups:
        source = torch.randn(shapes[convs[names[0]].input[0]]).to(memory_format=torch.channels_last)
        layers = [tuple(arrays[key] for key in convs[name].input[1:3]) for name in names]
        behind = [torch.randn(256, len(weight), 1, 1) for weight, _ in layers]
        prepared.append((source, layers, behind))
    return {"apart": partial(_apart, prepared), "merged": partial(_merged, prepared)}


@torch.inference_mode()
def _apart(prepared: list[Any]) -> None:
    for source, layers, behind in prepared:
        for (weight, bias), after in zip(layers, behind, strict=True):
            F.conv2d(F.relu(F.conv2d(source, weight, bias), inplace=True), after)


@torch.inference_mode()
def _merged(prepared: list[Any]) -> None:
    for source, layers, behind in prepared:
        weight, bias = (torch.cat([layer[part] for layer in layers]) for part in (0, 1))
        active = F.relu(F.conv2d(source, weight, bias), inplace=True)
        for part, after in zip(active.split([len(layer[0]) for layer in layers], 1), behind, strict=True):
            F.conv2d(part, after)


if __name__ == "__main__":
    print(report())
