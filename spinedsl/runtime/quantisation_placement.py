"""Where Q/DQ pairs stand in a graph: decided here, once for each runtime, as data.

For ONNX Runtime's CPU kernels (`onnxruntime`):

1. Every value that an integer kernel reads or makes is quantised, both inputs of an addition too:
   without a pair on each, the convolution before it would run in float32.
2. Between a layer and the activation that alone reads it there is no pair: an unsigned number that
   starts at zero cuts as a ReLU does, and the kernel does both in one.
3. What only moves numbers (pools of the largest, enlargement, reshaping) shares its input's pair.

For TensorRT (`tensorrt`), which fuses what stands between pairs:

4. Layers read quantised values. Of each addition exactly one input is quantised, the one that a layer
   did not just make, or else the first: the other comes out of a layer that takes the addition in.
5. Everything else stays float32.

For both:

6. What is computed from weights alone stays float32, and so do kept nodes.

Source of 4: https://docs.nvidia.com/deeplearning/tensorrt/ (Q/DQ placement; residual inputs),
https://github.com/NVIDIA/TensorRT/issues/3270
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from onnx import NodeProto

from spinedsl.emit.onnx.precision import is_of_network
from spinedsl.emit.precisions import Placement
from spinedsl.records import record

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm"})
"""What multiplies by weights."""

MOVERS = frozenset({"Flatten", "MaxPool", "Resize", "Unsqueeze"})
CUTTERS = frozenset({"Clip", "Relu"})
INTEGER = (
    frozenset({"Add", "AveragePool", "Concat", "Conv", "Gemm", "GlobalAveragePool", "Mul", "Sigmoid"})
    | MOVERS
)
"""What ONNX Runtime computes on integers between Q/DQ pairs, apart from `CUTTERS`."""


@record
class Pairs:
    """Where Q/DQ pairs stand.

    Attributes:
        layers: names of the layers whose weights are quantised.
        values: quantised values; each either has numbers of its own (None), or shares those of the
            value that a node reads: (the value, the node's name).
        floats: (node, place of the input): what reads the value before its pair all the same.
    """

    layers: tuple[str, ...]
    values: dict[str, tuple[str, str] | None]
    floats: frozenset[tuple[str, int]]


@record
class GraphView:
    """A graph as placement sees it.

    Attributes:
        nodes: those of the network that compute on values, in running order (rule 6).
        sources: value → the node of them that makes it.
        readers: value → the nodes of them that read it; None stands for what lies outside.
        behind: values of nodes that run on what a pipeline makes of the network's, such as regions.
    """

    nodes: tuple[NodeProto, ...]
    sources: dict[str, NodeProto]
    readers: dict[str, list[NodeProto | None]]
    behind: frozenset[str]

    @property
    def ends(self) -> list[str]:
        """What the network hands over: the model's outputs, or what a pipeline reads."""
        return [value for value, readers in self.readers.items() if None in readers and value in self.sources]


def view(nodes: Sequence[NodeProto], weights: Collection[str], outputs: Collection[str]) -> GraphView:
    """Look at a graph."""
    fixed = set(weights)
    computing: list[NodeProto] = []
    readers: dict[str, list[NodeProto | None]] = defaultdict(list)
    for node in nodes:
        if fixed.issuperset(name for name in node.input if name):
            fixed.update(node.output)
            continue
        own = node if is_of_network(node.name) else None
        if own is not None:
            computing.append(own)
        for name in node.input:
            if name and name not in fixed:
                readers[name].append(own)
    for name in outputs:
        readers[name].append(None)
    sources = {node.output[0]: node for node in computing}
    return GraphView(tuple(computing), sources, dict(readers), _behind(nodes, sources))


def _behind(nodes: Sequence[NodeProto], sources: Mapping[str, NodeProto]) -> frozenset[str]:
    """Values of the network's nodes that depend on a pipeline's, which depends on the network's."""
    handed: set[str] = set()
    behind: set[str] = set()
    for node in nodes:
        if node.output[0] in sources:
            if not behind.isdisjoint(node.input) or not handed.isdisjoint(node.input):
                behind.update(node.output)
        elif not handed.isdisjoint(node.input) or any(name in sources for name in node.input):
            handed.update(node.output)
    return frozenset(behind)


def place(graph: GraphView, placement: Placement, kept: Collection[str]) -> Pairs:
    """Where pairs stand for a runtime's kernels; `kept` names nodes that stay in float32."""
    if placement == "tensorrt":
        return _for_tensorrt(graph, kept)
    return _for_onnxruntime(graph, kept)


def _for_onnxruntime(graph: GraphView, kept: Collection[str]) -> Pairs:
    values: dict[str, tuple[str, str] | None] = {}
    quantised = [node for node in graph.nodes if node.name not in kept and _is_integer(graph, node)]
    for node in quantised:
        for value in _data(graph, node):
            values.setdefault(value, None)
        (result,) = node.output
        cutter = _only_cutter(graph, result, kept)
        if cutter is not None:
            values.setdefault(cutter.output[0], None)
        elif _moves(node):
            values.setdefault(result, (node.input[0], node.name))
        else:
            values.setdefault(result, None)
    return Pairs(tuple(n.name for n in quantised if n.op_type in LAYERS), values, frozenset())


def _is_integer(graph: GraphView, node: NodeProto) -> bool:
    """Whether ONNX Runtime can compute it on integers: a product with a weight's share it can't."""
    if node.op_type in LAYERS:
        return node.op_type in INTEGER
    return node.op_type in INTEGER and (node.op_type in MOVERS or len(_data(graph, node)) == len(node.input))


def _for_tensorrt(graph: GraphView, kept: Collection[str]) -> Pairs:
    values: dict[str, tuple[str, str] | None] = {}
    layers: list[str] = []
    floats: set[tuple[str, int]] = set()
    for node in graph.nodes:
        if node.name in kept:
            floats.update((node.name, index) for index in range(len(node.input)))
        elif node.op_type in LAYERS:
            layers.append(node.name)
            values.setdefault(node.input[0], None)
        elif node.op_type == "Add" and len(_data(graph, node)) == 2:
            chosen = _residual(graph, node)
            values.setdefault(node.input[chosen], None)
            floats.add((node.name, 1 - chosen))
    return Pairs(tuple(layers), values, frozenset(floats))


def _residual(graph: GraphView, node: NodeProto) -> int:
    """Which input of an addition is quantised (rule 4)."""
    made = [value in graph.sources and graph.sources[value].op_type in LAYERS for value in node.input]
    return 1 if made == [True, False] else 0


def _data(graph: GraphView, node: NodeProto) -> list[str]:
    """The values among a node's inputs."""
    return [name for name in node.input if name in graph.readers]


def _moves(node: NodeProto) -> bool:
    """Whether every number that a node puts out is one it has read."""
    linear = any(a.name == "mode" and a.s == b"linear" for a in node.attribute)
    return node.op_type in MOVERS and not linear


def _only_cutter(graph: GraphView, value: str, kept: Collection[str]) -> NodeProto | None:
    """The ReLU or clipping that alone reads a value."""
    readers = graph.readers.get(value, [])
    reader = readers[0] if len(readers) == 1 else None
    if reader is None or reader.op_type not in CUTTERS or reader.name in kept:
        return None
    return reader
