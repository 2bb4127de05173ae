"""Putting nodes, constants and value descriptions into a GraphProto.

Protobuf messages are filled in place: `onnx.helper` builds each one twice and guesses types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, TensorProto, ValueInfoProto

from spinedsl.emit.onnx.dimensions import Extent

Attribute = int | float | str | Sequence[int] | NDArray[Any]

ElementType = type[np.generic]

_ELEMENT_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.bool_): TensorProto.BOOL,
}


def element_type(dtype: ElementType | np.dtype[Any]) -> int:
    """The number that ONNX has for a type of numpy's."""
    return _ELEMENT_TYPES[np.dtype(dtype)]


class GraphBuilder:
    """Collects the parts of a graph that stand before and behind its initializers.

    Attributes:
        nodes: a graph holding the nodes.
        values: a graph holding inputs, outputs and the descriptions of intermediates.
    """

    def __init__(self) -> None:
        self.nodes = GraphProto()
        self.values = GraphProto()
        self.outputs: set[str] = set()

    def node(
        self,
        kind: str,
        inputs: Iterable[str],
        output: str | Sequence[str],
        name: str,
        attributes: dict[str, Attribute],
    ) -> None:
        """Append a node of the default operator set, with one output or with several."""
        proto = self.nodes.node.add()
        proto.input.extend(inputs)
        proto.output.extend([output] if isinstance(output, str) else output)
        proto.name = name
        proto.op_type = kind
        for key, value in attributes.items():
            _fill_attribute(proto.attribute.add(), key, value)

    def add_input(self, name: str, extents: Sequence[Extent], dtype: ElementType = np.float32) -> None:
        """Declare an input of the model."""
        _fill_value(self.values.input.add(), name, extents, dtype)

    def add_output(self, name: str, extents: Sequence[Extent], dtype: ElementType = np.float32) -> None:
        """Declare an output of the model."""
        self.outputs.add(name)
        _fill_value(self.values.output.add(), name, extents, dtype)

    def describe(self, name: str, extents: Sequence[Extent], dtype: ElementType = np.float32) -> None:
        """State the extents of an intermediate value; outputs are stated already.

        ONNX's shape inference loses a symbolic batch behind Resize; runtimes then fuse less.
        """
        if name not in self.outputs:
            _fill_value(self.values.value_info.add(), name, extents, dtype)


def _fill_attribute(proto: AttributeProto, name: str, value: Attribute) -> None:
    proto.name = name
    if isinstance(value, int):
        proto.type = AttributeProto.INT
        proto.i = value
    elif isinstance(value, float):
        proto.type = AttributeProto.FLOAT
        proto.f = value
    elif isinstance(value, str):
        proto.type = AttributeProto.STRING
        proto.s = value.encode()
    elif isinstance(value, np.ndarray):
        proto.type = AttributeProto.TENSOR
        fill_tensor(proto.t, value.shape, value.dtype)
        proto.t.raw_data = value.astype(value.dtype.newbyteorder("<")).tobytes()
    else:
        proto.type = AttributeProto.INTS
        proto.ints.extend(value)


def _fill_value(proto: ValueInfoProto, name: str, extents: Sequence[Extent], dtype: ElementType) -> None:
    proto.name = name
    tensor = proto.type.tensor_type
    tensor.elem_type = element_type(dtype)
    for extent in extents:
        dimension = tensor.shape.dim.add()
        if isinstance(extent, str):
            dimension.dim_param = extent
        else:
            dimension.dim_value = extent


def fill_tensor(proto: TensorProto, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Describe a tensor; its bytes are put in by the caller."""
    proto.dims.extend(shape)
    proto.data_type = element_type(dtype)
