"""Q/DQ pairs, written into a model by onnxruntime's quantiser: it is told which values and layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto

from spinedsl.emit.precisions import Placement
from spinedsl.runtime.calibration import Range
from spinedsl.runtime.quantisation_placement import LAYERS, Pairs

_INFERRED = ("onnx.infer", "onnxruntime.quant")
"""What tells the quantiser that the types of all values are stated."""


def with_pairs(
    model: ModelProto, pairs: Pairs, ranges: Mapping[str, Range], placement: Placement
) -> ModelProto:
    """The model with its pairs; it is changed in place, and its metadata is the quantiser's.

    Args:
        model: with float32 weights inside.
        ranges: of every value in `pairs` that doesn't share another's.
    """
    _separate_weights(model, pairs)
    _state_types(model, pairs)
    made = _quantised(model, pairs, ranges, placement)
    _restore_floats(made, pairs)
    _put_in_order(made)
    return made


def _separate_weights(model: ModelProto, pairs: Pairs) -> None:
    """Layers that stay in float32 get copies of the weights that they share with quantised ones."""
    layers = [node for node in model.graph.node if node.op_type in LAYERS]
    shared = {name for node in layers if node.name in pairs.layers for name in node.input[1:]}
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in layers:
        if node.name in pairs.layers:
            continue
        for index, name in enumerate(node.input[1:], 1):
            if name in shared:
                node.input[index] = f"{name}.float"
                if f"{name}.float" not in initializers:
                    copy = model.graph.initializer.add()
                    copy.CopyFrom(initializers[name])
                    copy.name = f"{name}.float"
                    initializers[copy.name] = copy


def _state_types(model: ModelProto, pairs: Pairs) -> None:
    """The quantiser takes values only of which it knows that they are floats; pipelines don't say so."""
    graph = model.graph
    known = {value.name for value in (*graph.input, *graph.output, *graph.value_info)}
    for name in pairs.values:
        if name not in known:
            graph.value_info.add(name=name).type.tensor_type.elem_type = TensorProto.FLOAT


def _quantised(
    model: ModelProto, pairs: Pairs, ranges: Mapping[str, Range], placement: Placement
) -> ModelProto:
    """onnxruntime's quantiser, told which values and which layers."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import TensorData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    for_tensorrt = placement == "tensorrt"
    model.metadata_props.add(key=_INFERRED[0], value=_INFERRED[1])
    quantizer: Any = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8 if for_tensorrt else QuantType.QUInt8,
        tensors_range={
            name: TensorData(lowest=np.float32(seen.lowest), highest=np.float32(seen.highest))
            for name, seen in ranges.items()
        },
        nodes_to_quantize=list(pairs.layers) or [""],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted(LAYERS),
        extra_options={
            "WeightSymmetric": True,
            "ActivationSymmetric": for_tensorrt,
            # TensorRT takes biases as floats; older ONNX Runtimes fuse only those of 32 bits.
            "QuantizeBias": not for_tensorrt,
            "OpTypesToExcludeOutputQuantization": sorted(LAYERS),
        },
    )
    for name, sharing in pairs.values.items():
        if sharing is None:
            quantizer.quantize_activation_tensor(name)
        else:
            quantizer.quantize_output_same_as_input(name, *sharing)
    made: ModelProto = quantizer.quantize_model()
    return made


def _restore_floats(model: ModelProto, pairs: Pairs) -> None:
    """onnxruntime gives a pair to all readers; some shall read the value before it."""
    nodes = {node.name: node for node in model.graph.node}
    before = {}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0].endswith("_QuantizeLinear_Output"):
            pair = node.name.removesuffix("DequantizeLinear") + "QuantizeLinear"
            before[node.output[0]] = nodes[pair].input[0]
    for name, index in pairs.floats:
        node = nodes[name]
        node.input[index] = before.get(node.input[index], node.input[index])


def _put_in_order(model: ModelProto) -> None:
    """Every node behind those it reads, otherwise as before; onnxruntime appends what it adds."""
    known = {tensor.name for tensor in model.graph.initializer} | {v.name for v in model.graph.input} | {""}
    waiting: dict[str, list[NodeProto]] = {}
    ordered: list[NodeProto] = []

    def run(node: NodeProto) -> None:
        stack = [node]
        while stack:
            current = stack.pop()
            missing = next((name for name in current.input if name not in known), None)
            if missing is not None:
                waiting.setdefault(missing, []).append(current)
                continue
            ordered.append(current)
            known.update(current.output)
            for name in current.output:
                stack.extend(reversed(waiting.pop(name, [])))

    for node in model.graph.node:
        run(node)
    assert not waiting, f"a circle through {next(iter(waiting))}"
    copies = [NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del model.graph.node[:]
    model.graph.node.extend(copies)
