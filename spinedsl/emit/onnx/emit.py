"""From the inlined program to an ONNX model without its weights.

1. Every operator is written by its rule, in running order; what does nothing at inference is left
   out.
2. Nodes and values have the program's names, endpoints are the outputs' names.
3. Two endpoints of one value, or an input that is an endpoint, get an Identity.
4. Every intermediate value has its extents stated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from onnx import ModelProto

from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.dimensions import Dimensions, dimensions
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.onnx.options import OnnxOptions
from spinedsl.emit.onnx.rules import ELIDED, RULES, Site
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Endpoint, Program
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.ir.model import Model, Network
from spinedsl.ops import BatchNorm, Convolution
from spinedsl.version import __version__

IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}
"""The oldest file format that may hold each opset: https://onnx.ai/onnx/repo-docs/Versioning.html"""


def emit(
    network: Network,
    program: Program,
    inlined: Inlined,
    options: OnnxOptions | None = None,
    subject: Network | Model | None = None,
) -> OnnxModel:
    """Write a lowered network as an ONNX model, all but the bytes of its weights.

    Args:
        network: what the program was lowered from; for its input and conventions.
        program: for the inputs and endpoints.
        inlined: the operators of `program`.
        options: opset, and what stays dynamic.
        subject: whose identity goes into the metadata; the network's unless it is part of a model.

    Raises:
        DiagnosticError: an operator without a rule (SP042), or a size that can't stay open.
    """
    options = options or OnnxOptions()
    extents = dimensions(network, program, inlined, options)
    graph = GraphBuilder()
    subject = subject or network
    graph.nodes.name = subject.name
    if subject.doc:
        graph.values.doc_string = subject.doc
    for port in program.main.inputs:
        graph.add_input(port.name, extents.of(port.name))
    for endpoint in program.endpoints:
        of = extents.of(inlined.outputs[endpoint.name])
        graph.add_output(endpoint.name, of[:2] if endpoint.flat else of)
    write_nodes(graph, program, inlined, extents)
    head, tail = frame(subject, network, program, options)
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


def write_nodes(
    graph: GraphBuilder,
    program: Program,
    inlined: Inlined,
    extents: Dimensions,
    prefix: str = "",
    inputs: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write a program's nodes; the graph has values of its inputs' names already.

    Args:
        graph: what they are added to.
        prefix: stands before the endpoints' names, where they are not the graph's outputs.
        inputs: names of the program's inputs in the graph, where they differ.

    Returns:
        The ONNX names of all values, by their inlined names.

    Raises:
        DiagnosticError: an operator that can't be written (SP042); an endpoint named like an input.
    """
    _refuse_unknown(inlined)
    names, ends = _value_names(program, inlined, prefix)
    names |= inputs or {}
    convolved: set[str] = set()
    for node in inlined.nodes:
        if type(node.operator) in ELIDED:
            continue
        read = tuple(names[value] for value in node.inputs)
        site = Site(graph, node, read, names[node.name], extents.of(node.name), convolved)
        is_norm = isinstance(node.operator, BatchNorm) and read[0] in convolved
        if is_norm or isinstance(node.operator, Convolution):
            convolved.add(names[node.name])
        try:
            RULES[type(node.operator)](site, node.operator)
        except NotImplementedError as problem:
            raise fail(
                "SP042", f"the ONNX target can't write “{problem}”, needed by “{node.name}”", node.span
            ) from None
    for end in ends:
        value, shown = inlined.outputs[end.name], prefix + end.name
        if end.flat:
            graph.node("Flatten", (names[value],), shown, shown, {"axis": 1})
            graph.describe(shown, extents.of(value)[:2])
        else:
            graph.node("Identity", (names[value],), shown, shown, {})
    return names


def _value_names(program: Program, inlined: Inlined, prefix: str) -> tuple[dict[str, str], list[Endpoint]]:
    """The ONNX name of every value, and the endpoints that need a node of their own.

    A value that is an endpoint has the endpoint's name; others have their node's. An endpoint is a
    copy if another one, or an input, has the value already, and a row if it is flat.
    """
    inputs = [port.name for port in program.main.inputs]
    origins = {name: name for name in inputs}
    for node in inlined.nodes:
        elided = type(node.operator) in ELIDED
        origins[node.name] = origins[node.inputs[0]] if elided else node.name
    carried: dict[str, str] = {}
    ends: list[Endpoint] = []
    for endpoint in program.endpoints:
        origin = origins[inlined.outputs[endpoint.name]]
        if endpoint.flat or origin in carried or origin in inputs:
            ends.append(endpoint)
        else:
            carried[origin] = prefix + endpoint.name
    _refuse_endpoints_named_like_inputs(inlined, inputs)
    # Only a node of main could have an endpoint's name; what lies in its blocks has dots.
    moved = {origin: f"{origin}.value" for origin in inlined.outputs if origin in origins}
    names = {**moved, **carried}
    own = {value: names.get(origin, origin) for value, origin in origins.items()}
    return own, ends


def _refuse_endpoints_named_like_inputs(inlined: Inlined, inputs: list[str]) -> None:
    for endpoint in inlined.outputs:
        if endpoint in inputs:
            raise fail("SP024", f"“{endpoint}” is both an input and an endpoint", help="rename one of them")


def frame(
    subject: Network | Model, network: Network, program: Program, options: OnnxOptions
) -> tuple[ModelProto, ModelProto]:
    """What stands before the graph in the file, and what behind it."""
    head = ModelProto()
    head.ir_version = IR_VERSIONS[options.opset]
    head.producer_name = "spinec"
    head.producer_version = __version__
    head.doc_string = subject.title or subject.name
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
        "spinec.network": subject.name,
        "spinec.spec_hash": spec_hash(subject),
        "spinec.conventions": network.conventions,
        "spinec.endpoints": json.dumps(endpoints),
    }
    if program.optimisation is not None and program.optimisation.level:
        metadata["spinec.rewritten"] = str(program.optimisation)
    for key, value in metadata.items():
        entry = tail.metadata_props.add()
        entry.key = key
        entry.value = value
    return head, tail
