"""Writing nodes one after another, each named after the place it stands at.

Pipelines are written by hand, unlike networks: a step is one line, and what it is called is what a
reader of the graph sees. Names have a slash, which no name of the language has, so that nothing here
can be called like a value of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.emit.onnx.builder import Attribute, ElementType, GraphBuilder, element_type
from spinedsl.emit.onnx.dimensions import Extent

BATCH = "batch"
"""Name of the extent that stays open: how many images."""

LOWEST = float(np.finfo(np.float32).min)
"""Score of what is no candidate at all; finite, as minus infinity times 0 would be no number."""


class Steps:
    """A place in a graph.

    Attributes:
        graph: what is written to.
        opset: of the model; few operators differ between the opsets that can be written.
    """

    def __init__(self, graph: GraphBuilder, place: str, opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self._place = place
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def at(self, name: str) -> Steps:
        """A place within this one, for what is written more than once."""
        steps = Steps(self.graph, f"{self._place}/{name}", self.opset)
        steps._constants = self._constants
        return steps

    def add(self, name: str, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """A node with one value, called `place/name`; "" is an input that is left out."""
        value = f"{self._place}/{name}"
        self.graph.node(kind, inputs, value, value, attributes)
        return value

    def pair(self, name: str, kind: str, *inputs: str, **attributes: Attribute) -> tuple[str, str]:
        """A node with two values, called `place/name.0` and `place/name.1`."""
        node = f"{self._place}/{name}"
        values = (f"{node}.0", f"{node}.1")
        self.graph.node(kind, inputs, values, node, attributes)
        return values

    def output(
        self, name: str, extents: Sequence[Extent], dtype: ElementType, kind: str, *inputs: str,
        **attributes: Attribute,
    ) -> None:  # fmt: skip
        """A node whose value is an output of the model, of the batch and these extents."""
        self.graph.add_output(name, (BATCH, *extents), dtype)
        self.graph.node(kind, inputs, name, f"{self._place}/{name}", attributes)

    def constant(self, value: Any, dtype: ElementType) -> str:
        """A tensor; equal ones are one."""
        array: NDArray[Any] = np.array(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"{self._place}/constant{len(self._constants)}"
            self.graph.node("Constant", (), name, name, {"value": array})
            self._constants[key] = name
        return self._constants[key]

    def floats(self, *numbers: float) -> str:
        """A row of float32."""
        return self.constant(numbers, np.float32)

    def integers(self, *numbers: int) -> str:
        """A row of int64."""
        return self.constant(numbers, np.int64)

    def integer(self, number: int) -> str:
        """A single int64, without an axis."""
        return self.constant(number, np.int64)

    # ---- what pipelines need again and again

    def cast(self, name: str, value: str, dtype: ElementType) -> str:
        """The value as another type."""
        return self.add(name, "Cast", value, to=element_type(dtype))

    def reshape(self, name: str, value: str, *extents: int) -> str:
        """The value in other extents; 0 keeps the one at its place, -1 is what is left."""
        return self.add(name, "Reshape", value, self.integers(*extents))

    def unsqueeze(self, name: str, value: str, axis: int) -> str:
        """The value with an axis of one element more."""
        return self.add(name, "Unsqueeze", value, self.integers(axis))

    def highest(self, name: str, values: str, count: int) -> tuple[str, str]:
        """The highest along the last axis, in order, and where they stand; of equals, the first."""
        return self.pair(name, "TopK", values, self.integers(count), axis=-1)

    def ascending(self, name: str, values: str, count: int) -> str:
        """The values along the last axis, the lowest first."""
        return self.pair(name, "TopK", values, self.integers(count), axis=-1, largest=0)[0]

    def maximum(self, name: str, value: str, axis: int) -> str:
        """The maximum along an axis, which vanishes."""
        if self.opset < 18:
            return self.add(name, "ReduceMax", value, axes=(axis,), keepdims=0)
        return self.add(name, "ReduceMax", value, self.integers(axis), keepdims=0)

    def total(self, name: str, value: str, axis: int) -> str:
        """The sum along an axis, which vanishes."""
        return self.add(name, "ReduceSum", value, self.integers(axis), keepdims=0)

    def rows(self, name: str, table: str, index: str) -> str:
        """Of each image's rows (N, n, …), those of an index (N, k): (N, k, …)."""
        return self.add(name, "GatherND", table, self.unsqueeze(f"{name}.at", index, -1), batch_dims=1)
