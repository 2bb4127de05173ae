"""A model with its pipeline as one ONNX graph: images in, results out.

1. The network's values have the names they have without a pipeline; raw outputs stand behind `raw.`,
   so that they can't be called like results.
2. The batch is open: a head on regions has a batch of its own, which is as many regions as are cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.dimensions import Dimensions, dimensions
from spinedsl.emit.onnx.emit import frame, write_nodes
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.onnx.options import OnnxOptions
from spinedsl.emit.onnx.pipeline import METADATA, Pipeline, Value
from spinedsl.graph.assembly import Assembly
from spinedsl.graph.inline import inline
from spinedsl.graph.program import Program
from spinedsl.ir.model import Model

RAW = "raw."


def emit_pipeline(model: Model, assembly: Assembly, pipeline: Pipeline, opset: int = 17) -> OnnxModel:
    """Write a lowered model and what stands around it, all but the bytes of its weights.

    Args:
        model: its identity and settings.
        assembly: all parts.
        pipeline: what stands around them.
        opset: version of the default operator set.

    Raises:
        DiagnosticError: an operator without a rule (SP042).
    """
    options = OnnxOptions(opset, frozenset({"batch"}))
    program, inlined = assembly.program, inline(assembly.program)
    extents = dimensions(model.backbone, program, inlined, options)
    graph = GraphBuilder()
    graph.nodes.name = model.name
    if model.doc:
        graph.values.doc_string = model.doc
    (image,) = program.main.inputs
    placement = pipeline.before(graph, opset, image.name)
    names = write_nodes(graph, program, inlined, extents, RAW)
    values = {e.name: Value(RAW + e.name, e.shape) for e in program.endpoints}
    for endpoint, value in assembly.features.items():
        values[endpoint] = Value(names[inlined.values[value]], extents.shapes[inlined.values[value]])
    parameters = inlined.parameters()
    regional = {part.name: regional for part, regional in assembly.region_programs()}

    def run_part(head: str, regions: str) -> Mapping[str, Value]:
        program = regional[head]
        parameters.update(inline(program).parameters())
        return _write_regional(graph, program, regions)

    pipeline.behind(graph, opset, values, placement, run_part)
    head, tail = frame(model, model.backbone, program, options)
    described = tail.metadata_props.add()
    described.key, described.value = METADATA, pipeline.metadata()
    return OnnxModel(head, graph.nodes, parameters, graph.values, tail)


def _write_regional(graph: GraphBuilder, program: Program, regions: str) -> dict[str, Value]:
    """Write a head on regions, which are the value `regions`; its raw outputs."""
    inlined = inline(program)
    shapes = {port.name: port.shape for port in program.main.inputs}
    shapes.update((node.name, node.shape) for node in inlined.nodes)
    extents = Dimensions(f"{program.name}_regions", shapes, None)
    prefix = f"{RAW}{program.name}."
    (port,) = program.main.inputs
    write_nodes(graph, program, inlined, extents, prefix, {port.name: regions})
    return {e.name: Value(prefix + e.name, e.shape) for e in program.endpoints}
