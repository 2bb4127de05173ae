"""The values inside an ONNX model, while it runs on given inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto

from spinedsl.runtime.tools import need

GROUP_BYTES = 2**30
"""Values are fetched in groups of about this size, each in a run of its own: memory stays bounded."""


class Activations:
    """A model whose inner values can be seen.

    Args:
        model: any model whose inputs are float32.
        values: names of float32 values, inner ones or outputs.
        extents: their shapes for one sample, where known; they decide about groups only.

    Raises:
        DiagnosticError: onnxruntime isn't installed (SP052).
    """

    def __init__(
        self, model: ModelProto, values: Iterable[str], extents: Mapping[str, tuple[int, ...]]
    ) -> None:
        onnxruntime = need("onnxruntime", "looking into a model")
        exposed = ModelProto()
        exposed.CopyFrom(model)
        outputs = {output.name for output in exposed.graph.output}
        names = list(dict.fromkeys(values))
        for name in names:
            if name not in outputs:
                exposed.graph.output.append(_float_value(name))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Fused nodes don't have the values between them, and a rewrite of 1.32 loses some that were
        # asked for.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session: Any = onnxruntime.InferenceSession(
            exposed.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._groups = list(_groups(names, extents))

    def of(self, inputs: Mapping[str, NDArray[np.float32]]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Every value with its name, in the order they were asked for."""
        for group in self._groups:
            yield from zip(group, self._session.run(group, dict(inputs)), strict=True)


def extents_of(values: Iterable[ValueInfoProto]) -> dict[str, tuple[int, ...]]:
    """Shapes of described values; an open extent counts as 1."""
    return {value.name: tuple(d.dim_value or 1 for d in value.type.tensor_type.shape.dim) for value in values}


def _float_value(name: str) -> ValueInfoProto:
    value = ValueInfoProto(name=name)
    value.type.tensor_type.elem_type = TensorProto.FLOAT
    return value


def _groups(names: list[str], extents: Mapping[str, tuple[int, ...]]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for name in names:
        length = 4 * math.prod(extents.get(name, (1,)))
        if group and size + length > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(name)
        size += length
    if group:
        yield group
