"""A model with its pipeline as one ONNX graph: images in, results out; or one stage of it alone.

1. The network's values have the names they have without a pipeline; what is read behind it is called
   `raw.NAME`, so that nothing can be called like a result.
2. The batch is open: a head on regions has a batch of its own, which is as many regions as are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.dimensions import Dimensions, dimensions
from spinedsl.emit.onnx.emit import frame, write_nodes
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.onnx.options import OnnxOptions
from spinedsl.emit.onnx.pipeline import METADATA, Pipeline, Value
from spinedsl.graph.assembly import Assembly
from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Program
from spinedsl.ir.model import Model
from spinedsl.ops import Parameter, Shape

RAW = "raw."
Stage = Literal["before", "network", "behind"]
STAGES: tuple[Stage, ...] = get_args(Stage)

Rewrite = Callable[[Inlined], Inlined]


def emit_pipeline(
    model: Model,
    assembly: Assembly,
    pipeline: Pipeline,
    opset: int = 17,
    stage: Stage | None = None,
    rewrite: Rewrite | None = None,
) -> OnnxModel:
    """Write a lowered model and what stands around it, all but the bytes of its weights.

    Args:
        model: its identity and settings.
        assembly: all parts.
        pipeline: what stands around them.
        opset: version of the default operator set.
        stage: one of them alone, to be measured: what stands before the network; the network; what
            stands behind it, which takes the network's values, and the images for their size.
        rewrite: what happens to the operators of every part first.

    Raises:
        DiagnosticError: an operator without a rule (SP042).
    """
    writing = _Writing(model, assembly, pipeline, opset, rewrite or _as_it_is)
    graph = writing.graph
    (image,) = assembly.program.main.inputs
    if stage == "network":
        graph.add_input(image.name, writing.extents.of(image.name))
        writing.network(outputs=True)
    elif stage == "before":
        graph.add_output(image.name, writing.extents.of(image.name))
        pipeline.before(graph, opset, image.name)
    else:
        placement = pipeline.before(graph, opset, image.name)
        values = writing.network() if stage is None else writing.network_as_inputs()
        pipeline.behind(graph, opset, values, placement, writing.run_part)
    options = OnnxOptions(opset, frozenset({"batch"}))
    head, tail = frame(model, model.backbone, assembly.program, options)
    described = tail.metadata_props.add()
    described.key, described.value = METADATA, pipeline.metadata()
    return OnnxModel(head, graph.nodes, writing.parameters, graph.values, tail)


def _as_it_is(inlined: Inlined) -> Inlined:
    return inlined


class _Writing:
    """A graph in the making."""

    def __init__(
        self, model: Model, assembly: Assembly, pipeline: Pipeline, opset: int, rewrite: Rewrite
    ) -> None:
        options = OnnxOptions(opset, frozenset({"batch"}))
        self.assembly = assembly
        self.two_stage = isinstance(pipeline.purpose, tuple)
        self.rewrite = rewrite
        self.inlined = rewrite(inline(assembly.program))
        self.extents = dimensions(model.backbone, assembly.program, self.inlined, options)
        self.regional = {part.name: program for part, program in assembly.region_programs()}
        self.parameters: dict[str, Parameter] = {}
        self.graph = GraphBuilder()
        self.graph.nodes.name = model.name
        if model.doc:
            self.graph.values.doc_string = model.doc

    def _read_behind(self) -> dict[str, str]:
        """What is read behind the network: name → its value, by inlined name."""
        found = dict(self.inlined.outputs)
        if self.two_stage:
            found |= {e: self.inlined.values[value] for e, value in self.assembly.features.items()}
        return found

    def network(self, outputs: bool = False) -> Mapping[str, Value]:
        """Write the network; what is read behind it, perhaps as the graph's outputs."""
        self.parameters |= self.inlined.parameters()
        flat = {e.name for e in self.assembly.program.endpoints if e.flat}
        read = self._read_behind()
        for name, value in read.items() if outputs else ():
            extents = self.extents.of(value)
            self.graph.add_output(RAW + name, extents[:2] if name in flat else extents)
        names = write_nodes(self.graph, self.assembly.program, self.inlined, self.extents, RAW)
        values = {}
        for name, value in read.items():
            known = RAW + name if name in self.inlined.outputs else names[value]
            if outputs and name not in self.inlined.outputs:
                self.graph.node("Identity", (known,), RAW + name, RAW + name, {})
            values[name] = Value(known, self.extents.shapes[value])
        return values

    def network_as_inputs(self) -> Mapping[str, Value]:
        """What is read behind the network, as the graph's inputs."""
        flat = {e.name for e in self.assembly.program.endpoints if e.flat}
        values = {}
        for name, value in self._read_behind().items():
            extents = self.extents.of(value)
            self.graph.add_input(RAW + name, extents[:2] if name in flat else extents)
            values[name] = Value(RAW + name, self.extents.shapes[value])
        return values

    def run_part(self, head: str, regions: str) -> Mapping[str, Value]:
        """Write a head on regions, which are the value `regions`; its raw outputs."""
        program = self.regional[head]
        inlined = self.rewrite(inline(program))
        self.parameters |= inlined.parameters()
        extents = Dimensions(f"{head}_regions", _shapes(program, inlined), None)
        prefix = f"{RAW}{head}."
        (port,) = program.main.inputs
        write_nodes(self.graph, program, inlined, extents, prefix, {port.name: regions})
        return {e.name: Value(prefix + e.name, e.shape) for e in program.endpoints}


def _shapes(program: Program, inlined: Inlined) -> dict[str, Shape]:
    ports = {port.name: port.shape for port in program.main.inputs}
    return ports | {node.name: node.shape for node in inlined.nodes}
