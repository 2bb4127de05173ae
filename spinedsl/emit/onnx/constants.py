"""Constants as initializers: a graph has then no nodes but those that compute.

As they are written, constants are nodes, and initializers are parameters only, under the names of
checkpoints. `-O2`, whose parameters have taken norms in, has no use for that.
"""

from __future__ import annotations

from dataclasses import replace

from onnx import GraphProto

from spinedsl.emit.onnx.model import OnnxModel


def without_constant_nodes(model: OnnxModel) -> OnnxModel:
    """The model with the value of every Constant node as an initializer of the same name."""
    nodes, values = GraphProto(name=model.nodes.name), GraphProto()
    values.CopyFrom(model.values)
    for node in model.nodes.node:
        if node.op_type == "Constant":
            tensor = values.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            nodes.node.add().CopyFrom(node)
    return replace(model, nodes=nodes, values=values)
