"""A float32 model as a float16 one that still takes and gives float32.

1. Nodes compute in float16, and their weights and constants are float16. Casts stand behind the
   inputs and before the outputs.
2. What is computed from weights alone (the shares of a weighted sum) stays float32, where it costs
   nothing; it is cast where it meets a value.
3. What an operator's schema gives a type of its own (a norm's statistics, the scales of a Resize)
   stays as it is, and so does an operator that has no float16 form.
4. Kept nodes stay float32, between casts. So does a pipeline, which computes in pixels: what float16
   can tell apart there is too coarse.
5. Every value's type is stated.

Requires: nodes in running order; every float value that a network's node makes is described.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, defs, numpy_helper

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx.model import OnnxModel, Tensor, Tensors

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
SUFFIXES: dict[int, str] = {FLOAT: "float", HALF: "half"}
"""What the copy of a value in the other type is called: `b2.conv1.half`."""

LARGEST = float(np.finfo(np.float16).max)


def is_of_network(node: str) -> bool:
    """Whether a node computes the network, and not the pipeline around it, by its name."""
    return "/" not in node


def halved(model: OnnxModel, kept: Collection[str] = ()) -> OnnxModel:
    """The model in float16.

    Args:
        kept: names of nodes that stay in float32.
    """
    return _Halving(model, frozenset(kept)).run()


def halved_weights(weights: Tensors, model: OnnxModel) -> Iterator[tuple[str, Tensor]]:
    """The weights in the types of a halved model, one tensor at a time.

    Raises:
        DiagnosticError: a number is beyond the range of float16 (SP056).
    """
    for name, array in weights:
        wanted = model.types.get(name, array.dtype)
        with np.errstate(over="ignore"):
            made = array.astype(wanted, copy=False)
        if wanted == np.float16 and not np.isfinite(made).all():
            largest = float(array.flat[np.abs(array).argmax()])
            raise fail(
                "SP056",
                f"“{name}” holds {largest:,.0f}, and float16 ends at ±{LARGEST:,.0f}",
                help=f"leave its layer in float32: `--keep {name.rpartition('.')[0]}`",
            )
        yield name, made


class _Halving:
    """One rewrite: what type each value has, and what has been written so far."""

    def __init__(self, model: OnnxModel, kept: frozenset[str]) -> None:
        self.model = model
        self.kept = kept | {node.name for node in model.nodes.node if not is_of_network(node.name)}
        self.opset = next(o.version for o in model.tail.opset_import if not o.domain)
        self.described = {
            v.name: v for v in (*model.values.input, *model.values.output, *model.values.value_info)
        }
        self.outputs = {output.name for output in model.values.output}
        self.constants = {n.output[0]: n for n in model.nodes.node if _is_float_constant(n)}
        self.types = {v.name: v.type.tensor_type.elem_type for v in model.values.input}
        self.types.update(dict.fromkeys((*model.parameters, *self.constants), FLOAT))
        self.fixed = {*model.parameters, *self.constants}
        self.taken = {*self.described, *self.types, *(n.name for n in model.nodes.node)}
        self.copies: dict[str, str] = {}
        self.nodes = GraphProto(name=model.nodes.name)
        self.values = GraphProto(doc_string=model.values.doc_string)

    def run(self) -> OnnxModel:
        """The rewritten model."""
        readings = {node.name: self._reading(node) for node in self.model.nodes.node}
        self._settle_fixed(readings)
        self.values.input.extend(self.model.values.input)
        self.values.output.extend(self.model.values.output)
        for node in self.model.nodes.node:
            self._write(node, readings[node.name])
        halves = {name: np.dtype(np.float16) for name in self.model.parameters if self.types[name] == HALF}
        return replace(self.model, nodes=self.nodes, values=self.values, types={**self.model.types, **halves})

    def _reading(self, node: NodeProto) -> list[int]:
        """The type in which a node reads each input, 0 for any; its results' types are recorded."""
        if node.name in self.kept or not node.input:
            # Nothing is asked of a schema: a pipeline's node may be a plugin's.
            self.types.update(
                {name: self._stated(name) for name in node.output if name not in self.constants}
            )
            return [FLOAT if self.types.get(name) in SUFFIXES else 0 for name in node.input]
        schema = defs.get_schema(node.op_type, self.opset, node.domain)
        inputs = [schema.inputs[min(i, len(schema.inputs) - 1)].type_str for i in range(len(node.input))]
        results = [schema.outputs[min(i, len(schema.outputs) - 1)].type_str for i in range(len(node.output))]
        data = [name for name, kind in zip(node.input, inputs, strict=True) if name and kind == results[0]]
        if self._stated(node.output[0]) == FLOAT:
            # What a pipeline hands over isn't described.
            self.types.update({name: FLOAT for name in data if not self.types.get(name)})
        precision = self._precision(node, schema, data, results[0])
        for name, kind in zip(node.output, results, strict=True):
            self.types[name] = precision if kind == results[0] and self._stated(name) else self._stated(name)
        return [
            0 if self.types.get(name) not in SUFFIXES else precision if kind == results[0] else FLOAT
            for name, kind in zip(node.input, inputs, strict=True)
        ]

    def _stated(self, name: str) -> int:
        """float32 if the model says so of a value, else 0."""
        is_float = name in self.described and self.described[name].type.tensor_type.elem_type == FLOAT
        return FLOAT if is_float else 0

    def _precision(self, node: NodeProto, schema: defs.OpSchema, data: list[str], result: str) -> int:
        """float32 for what comes from weights alone, or has no float16 form (rules 2 and 3)."""
        if self.fixed.issuperset(data):
            self.fixed.update(node.output)
            return FLOAT
        allowed = next(
            (c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == result), []
        )
        return HALF if "tensor(float16)" in allowed else FLOAT

    def _settle_fixed(self, readings: dict[str, list[int]]) -> None:
        """Weights and constants that are read in float16 only become float16."""
        wanted: dict[str, set[int]] = defaultdict(set)
        for node in self.model.nodes.node:
            for name, kind in zip(node.input, readings[node.name], strict=True):
                wanted[name].add(kind)
        for name in (*self.model.parameters, *self.constants):
            if wanted[name] == {HALF}:
                self.types[name] = HALF

    def _write(self, node: NodeProto, reading: list[int]) -> None:
        """Append a node, behind the casts of what it reads."""
        inputs = [self._read(name, kind) for name, kind in zip(node.input, reading, strict=True)]
        made = self.nodes.node.add()
        made.CopyFrom(node)
        made.input[:] = inputs
        if node.output[0] in self.constants and self.types[node.output[0]] == HALF:
            value = numpy_helper.to_array(node.attribute[0].t)
            made.attribute[0].t.CopyFrom(numpy_helper.from_array(value.astype(np.float16)))
        for i, name in enumerate(node.output):
            if name in self.outputs and self.types[name] == HALF:
                self.copies[name] = made.output[i] = self._free(f"{name}.{SUFFIXES[HALF]}")
                self._describe(made.output[i], name, HALF)
                self._cast(made.output[i], name, FLOAT)
            elif name in self.described and name not in self.outputs:
                self._describe(name, name, self.types[name])

    def _read(self, name: str, kind: int) -> str:
        """The name under which a value is read in a type; a cast is written where it is new."""
        is_output = name in self.outputs and self.types[name] == HALF
        if kind == 0 or (kind == FLOAT if is_output else kind == self.types[name]):
            return name
        if name not in self.copies:
            self.copies[name] = self._free(f"{name}.{SUFFIXES[kind]}")
            self._cast(name, self.copies[name], kind)
            self._describe(self.copies[name], name, kind)
        return self.copies[name]

    def _cast(self, source: str, target: str, kind: int) -> None:
        node = self.nodes.node.add(op_type="Cast", name=self._free(f"{target}.cast"))
        node.input.append(source)
        node.output.append(target)
        node.attribute.add(name="to", type=2, i=kind)

    def _describe(self, name: str, like: str, kind: int) -> None:
        """State the type of a value whose extents are those of `like`."""
        made = ValueInfoProto()
        if like in self.described:
            made.CopyFrom(self.described[like])
        elif like in self.model.parameters:
            for extent in self.model.parameters[like].shape:
                made.type.tensor_type.shape.dim.add(dim_value=extent)
        else:
            return
        made.name = name
        if kind:
            made.type.tensor_type.elem_type = kind
        self.values.value_info.append(made)

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


def _is_float_constant(node: NodeProto) -> bool:
    return node.op_type == "Constant" and node.attribute[0].t.data_type == FLOAT
