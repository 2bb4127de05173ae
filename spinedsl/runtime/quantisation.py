"""An ONNX model in INT8: calibrated on images, quantised by onnxruntime, written as Q/DQ pairs.

1. Norms are folded, and the float32 model is run on the images to see how large its values get.
2. Weights are quantised by output channel, symmetrically (zero point 0).
3. Values are quantised as a whole. For TensorRT they are int8 and symmetric. For ONNX Runtime they are
   uint8, the type its kernels are fast in; a value without negative numbers has the zero point 0.
4. Pairs stand where spinedsl/runtime/quantisation_placement.py puts them.
5. The same images, weights and onnxruntime give the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from onnx import GraphProto, ModelProto, TensorShapeProto, ValueInfoProto, numpy_helper

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx import PROTOBUF_LIMIT, OnnxModel
from spinedsl.emit.onnx.builder import element_type
from spinedsl.emit.onnx.model import FLOAT32, Tensor, Tensors
from spinedsl.emit.precisions import CalibrationMethod, Placement
from spinedsl.ops import Parameter
from spinedsl.ops.base import ZEROS
from spinedsl.records import record
from spinedsl.runtime.activations import Activations, extents_of
from spinedsl.runtime.calibration import Calibration, Progress, calibrate
from spinedsl.runtime.calibration_images import CalibrationFolder
from spinedsl.runtime.quantisation_pairs import with_pairs
from spinedsl.runtime.quantisation_placement import place, view
from spinedsl.runtime.quantisation_report import ErrorReport, compare
from spinedsl.runtime.tools import need


@record
class Quantised:
    """A model in INT8.

    Attributes:
        model, weights: as `write_model` takes them.
        errors: how far each layer and each output is from float32.
        calibration: what it rests on.
    """

    model: OnnxModel
    weights: dict[str, Tensor]
    errors: ErrorReport
    calibration: Calibration


def quantise(
    model: OnnxModel,
    weights: Tensors,
    folder: CalibrationFolder,
    *,
    extents: Mapping[str, tuple[int, ...]] | None = None,
    running: OnnxModel | None = None,
    placement: Placement = "onnxruntime",
    method: CalibrationMethod = "minmax",
    kept: Collection[str] = (),
    progress: Progress | None = None,
) -> Quantised:
    """Quantise a float32 model.

    Args:
        model: with its norms folded.
        extents: shapes of its values, if it leaves some open.
        running: what runs on the images where `model` itself can't, such as with another runtime's
            plugin; the network in it is the same.
        placement: whose kernels the pairs are placed for.
        method: how ranges are chosen.
        kept: names of nodes that stay in float32.
        progress: told about images that were looked at.

    Raises:
        DiagnosticError: no image can be used, or a number isn't finite (SP057), onnxruntime isn't
            installed (SP052), or the model is too large to be run from memory (SP002).
    """
    need("onnxruntime", "`--precision int8`")
    if model.size > PROTOBUF_LIMIT:
        raise fail(
            "SP002", "this model is larger than 2 GB, which onnxruntime can't quantise",
            help="write it with `--precision fp16`, or make it narrower",
        )  # fmt: skip
    runs = running or model
    extents = extents if extents is not None else extents_of(runs.values.value_info)
    tensors = dict(weights)
    reference = runs.to_proto(tensors.items())
    graph = view(model.nodes.node, model.parameters, [output.name for output in model.values.output])
    pairs = place(graph, placement, kept)
    given = {value.name for value in runs.values.input}
    calibration = calibrate(
        Activations(reference, [name for name in pairs.values if name not in given], extents),
        folder,
        method,
        symmetric=placement == "tensorrt",
        progress=progress,
    )
    ranges = calibration.ranges
    quantised = with_pairs(model.to_proto(tensors.items()), pairs, ranges, placement)
    other = (
        quantised if running is None else with_pairs(runs.to_proto(tensors.items()), pairs, ranges, placement)
    )
    errors = compare(reference, other, pairs.layers, graph, extents, folder, calibration.images)
    return Quantised(*_as_model(model, quantised), errors, calibration)


def _as_model(model: OnnxModel, quantised: ModelProto) -> tuple[OnnxModel, dict[str, Tensor]]:
    """The quantised model in parts, with every value described."""
    graph = quantised.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    parameters = {
        name: Parameter(name, array.shape, ZEROS, trainable=False) for name, array in weights.items()
    }
    types = {name: array.dtype for name, array in weights.items() if array.dtype != np.float32}
    nodes = GraphProto(name=graph.name, node=graph.node)
    values = GraphProto(doc_string=graph.doc_string, input=graph.input, output=graph.output)
    values.value_info.extend(_described(quantised, weights))
    return OnnxModel(model.head, nodes, parameters, values, model.tail, types), weights


def _described(model: ModelProto, weights: Mapping[str, Tensor]) -> Iterator[ValueInfoProto]:
    """Descriptions of all inner values; what a pair makes has the extents of what it reads."""
    graph = model.graph
    outputs = {value.name for value in graph.output}
    known = {value.name: value for value in (*graph.input, *graph.output, *graph.value_info)}
    # An output that is quantised is made under another name.
    known.update({f"{name}_QuantizeLinear_Input": known[name] for name in outputs})
    for node in graph.node:
        name = node.output[0]
        made = ValueInfoProto()
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            source = node.input[0]
            if source in weights:
                made.type.tensor_type.shape.dim.extend(_dimensions(weights[source].shape))
            else:
                made.CopyFrom(known[source])
            dtype = weights[node.input[2]].dtype if node.op_type == "QuantizeLinear" else FLOAT32
            made.type.tensor_type.elem_type = element_type(dtype)
        elif name in known:
            made.CopyFrom(known[name])
        else:
            continue
        made.name = name
        known.setdefault(name, made)
        if name not in outputs:
            yield made


def _dimensions(shape: tuple[int, ...]) -> Iterator[TensorShapeProto.Dimension]:
    return (TensorShapeProto.Dimension(dim_value=extent) for extent in shape)
