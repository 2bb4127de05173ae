"""Models in float32 with folded norms, and what is made of them."""

from __future__ import annotations

import onnx
from onnx_support import small

from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.emit.onnx.precision import halved, halved_weights
from spinedsl.emit.onnx.precision_keep import kept_operators, nodes_of
from spinedsl.passes.fold_norms import fold_norms
from spinedsl.weights import random_weights
from spinedsl.weights.folded import folded_weights


def float_model(name, opset=17, dynamic=()):
    """The model of a small network, and its weights by name."""
    compilation = small(name)
    folding = fold_norms(compilation.inlined)
    options = OnnxOptions(opset, frozenset(dynamic))
    model = emit(compilation.network, compilation.program, folding.inlined, options)
    weights = random_weights(compilation.inlined.parameters(), seed=7)
    return model, dict(folded_weights(weights, folding.origins))


def half_model(name, opset=17, dynamic=(), keep=()):
    """The same in float16, as onnx has it."""
    model, weights = float_model(name, opset, dynamic)
    kept = nodes_of(kept_operators(keep, [small(name).inlined]), model.nodes.node)
    half = halved(model, kept)
    return onnx.load_from_string(half.to_bytes(halved_weights(weights.items(), half)))


def element_types(proto):
    """The element type of every value, weight and constant, by name."""
    graph = proto.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types.update((tensor.name, tensor.data_type) for tensor in graph.initializer)
    constants = (node for node in graph.node if node.op_type == "Constant")
    types.update((node.output[0], node.attribute[0].t.data_type) for node in constants)
    return types
