"""From the inlined program to an ONNX model without its weights.

1. Every operator is written by its rule, in running order; what does nothing at inference is left
   out.
2. Nodes and values have the program's names, endpoints are the outputs' names.
3. Two endpoints of one value, or an input that is an endpoint, get an Identity.
4. Every intermediate value has its extents stated.
"""

from __future__ import annotations

import json

from onnx import ModelProto

from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.dimensions import Dimensions, dimensions
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.onnx.options import OnnxOptions
from spinedsl.emit.onnx.rules import ELIDED, RULES, Site
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.ir.model import Network
from spinedsl.ops import BatchNorm, Convolution
from spinedsl.version import __version__

IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}
"""The oldest file format that may hold each opset: https://onnx.ai/onnx/repo-docs/Versioning.html"""


def emit(
    network: Network, program: Program, inlined: Inlined, options: OnnxOptions | None = None
) -> OnnxModel:
    """Write a lowered network as an ONNX model, all but the bytes of its weights.

    Args:
        network: what the program was lowered from; its identity goes into the metadata.
        program: for the inputs and endpoints.
        inlined: the operators of `program`.
        options: opset, and what stays dynamic.

    Raises:
        DiagnosticError: an operator without a rule (SP042), or a size that can't stay open.
    """
    options = options or OnnxOptions()
    _refuse_unknown(inlined)
    extents = dimensions(network, program, inlined, options)
    graph = GraphBuilder()
    graph.nodes.name = network.name
    if network.doc:
        graph.values.doc_string = network.doc
    for port in program.main.inputs:
        graph.add_input(port.name, extents.of(port.name))
    for endpoint, value in inlined.outputs.items():
        graph.add_output(endpoint, extents.of(value))
    _write_nodes(graph, program, inlined, extents)
    head, tail = _frame(network, program, options)
    return OnnxModel(head, graph.nodes, inlined.parameters(), graph.values, tail)


def _refuse_unknown(inlined: Inlined) -> None:
    diagnostics = Diagnostics()
    for node in inlined.nodes:
        kind = type(node.operator)
        if kind not in RULES and kind not in ELIDED:
            diagnostics.add(
                "SP042",
                f"the ONNX target can't write “{node.operator.label}”, needed by “{node.name}”",
                node.span,
                help="choose another operator, or compile with `--target torch`",
            )
    diagnostics.stop_on_errors()


def _write_nodes(graph: GraphBuilder, program: Program, inlined: Inlined, extents: Dimensions) -> None:
    names, copies = _value_names(program, inlined)
    convolved: set[str] = set()
    for node in inlined.nodes:
        if type(node.operator) in ELIDED:
            continue
        inputs = tuple(names[value] for value in node.inputs)
        site = Site(graph, node, inputs, names[node.name], extents.of(node.name), convolved)
        is_norm = isinstance(node.operator, BatchNorm) and inputs[0] in convolved
        if is_norm or isinstance(node.operator, Convolution):
            convolved.add(names[node.name])
        try:
            RULES[type(node.operator)](site, node.operator)
        except NotImplementedError as problem:
            raise fail(
                "SP042", f"the ONNX target can't write “{problem}”, needed by “{node.name}”", node.span
            ) from None
    for endpoint, value in copies.items():
        graph.node("Identity", (names[value],), endpoint, endpoint, {})


def _value_names(program: Program, inlined: Inlined) -> tuple[dict[str, str], dict[str, str]]:
    """The ONNX name of every value, and the endpoints that need a copy of one.

    A value that is an endpoint has the endpoint's name; others have their node's.
    """
    inputs = [port.name for port in program.main.inputs]
    origins = {name: name for name in inputs}
    for node in inlined.nodes:
        elided = type(node.operator) in ELIDED
        origins[node.name] = origins[node.inputs[0]] if elided else node.name
    carried: dict[str, str] = {}
    copies: dict[str, str] = {}
    for endpoint, value in inlined.outputs.items():
        origin = origins[value]
        if origin in carried or origin in inputs:
            copies[endpoint] = origin
        else:
            carried[origin] = endpoint
    _refuse_endpoints_named_like_inputs(inlined, inputs)
    # Only a node of main could have an endpoint's name; what lies in its blocks has dots.
    moved = {origin: f"{origin}.value" for origin in inlined.outputs if origin in origins}
    names = {**moved, **carried}
    own = {value: names.get(origin, origin) for value, origin in origins.items()}
    return own, copies


def _refuse_endpoints_named_like_inputs(inlined: Inlined, inputs: list[str]) -> None:
    for endpoint in inlined.outputs:
        if endpoint in inputs:
            raise fail("SP024", f"“{endpoint}” is both an input and an endpoint", help="rename one of them")


def _frame(network: Network, program: Program, options: OnnxOptions) -> tuple[ModelProto, ModelProto]:
    """What stands before the graph in the file, and what behind it."""
    head = ModelProto()
    head.ir_version = IR_VERSIONS[options.opset]
    head.producer_name = "spinec"
    head.producer_version = __version__
    head.doc_string = network.title or network.name
    tail = ModelProto()
    opset = tail.opset_import.add()
    opset.domain = ""
    opset.version = options.opset
    endpoints = {
        e.name: {"level": e.level, "stride": e.stride, "channels": e.shape.channels}
        for e in program.endpoints
    }
    metadata = {
        "spinec.version": __version__,
        "spinec.network": network.name,
        "spinec.spec_hash": spec_hash(network),
        "spinec.conventions": network.conventions,
        "spinec.endpoints": json.dumps(endpoints),
    }
    for key, value in metadata.items():
        entry = tail.metadata_props.add()
        entry.key = key
        entry.value = value
    return head, tail
