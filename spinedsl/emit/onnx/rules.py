"""How each operator is written in ONNX: one rule an operator, and no decision outside of it.

What ONNX doesn't have is made of what it has, right here. Pads are always explicit, sums have two
operands, and Resize has the one form that every runtime knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from spinedsl.emit.onnx.builder import Attribute, GraphBuilder
from spinedsl.emit.onnx.dimensions import Extent
from spinedsl.graph.inline import InlinedNode
from spinedsl.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Dense,
    DropPath,
    GlobalPool,
    Multiply,
    Operator,
    Pads,
    Pool,
    Scale,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.activation import SIXTH


@dataclass(frozen=True, slots=True)
class Site:
    """The place in the graph where one operator is written.

    Attributes:
        node: the operator, with the name everything around it is named after.
        inputs: the ONNX names of the values it reads.
        output: the ONNX name of the value it makes.
        extents: of that value, batch first.
        convolved: ONNX names of the values that come from a convolution, or from its norm.
    """

    graph: GraphBuilder
    node: InlinedNode
    inputs: tuple[str, ...]
    output: str
    extents: tuple[Extent, ...]
    convolved: Set[str] = frozenset()

    def finish(self, kind: str, inputs: Sequence[str], **attributes: Attribute) -> None:
        """The node that makes the operator's value."""
        self.graph.node(kind, inputs, self.output, self.node.name, attributes)
        self.graph.describe(self.output, self.extents)

    def step(
        self,
        kind: str,
        inputs: Sequence[str],
        suffix: str,
        extents: Sequence[Extent] | None = None,
        **attributes: Attribute,
    ) -> str:
        """A node on the way there; its float value has the operator's extents unless others are given."""
        name = f"{self.node.name}.{suffix}"
        self.graph.node(kind, inputs, name, name, attributes)
        self.graph.describe(name, self.extents if extents is None else extents)
        return name

    def constant(self, suffix: str, value: Any, dtype: type[np.generic] = np.float32) -> str:
        """A Constant node: initializers are for parameters only."""
        name = f"{self.node.name}.{suffix}"
        self.graph.node("Constant", (), name, name, {"value": np.array(value, dtype)})
        return name

    def parameters(self) -> tuple[str, ...]:
        """Names of the operator's initializers."""
        return tuple(f"{self.node.holder}.{p.name}" for p in self.node.operator.parameters())


Rule = Callable[[Site, Any], None]


def _window(kernel: tuple[int, int], stride: int, pads: Pads) -> dict[str, Attribute]:
    return {"kernel_shape": kernel, "pads": pads, "strides": (stride, stride)}


def _convolution(site: Site, operator: Convolution) -> None:
    window = _window(operator.kernel, operator.stride, operator.pads)
    dilations = (operator.dilation, operator.dilation)
    site.finish(
        "Conv", (*site.inputs, *site.parameters()), dilations=dilations, group=operator.groups, **window
    )


def _deconvolution(site: Site, operator: Deconvolution) -> None:
    stride = (operator.stride, operator.stride)
    site.finish("ConvTranspose", (*site.inputs, *site.parameters()), kernel_shape=stride, strides=stride)


def _dense(site: Site, operator: Dense) -> None:
    """As all values here, the result has a height and a width: of one pixel."""
    batch = site.extents[0]
    flat = site.step("Flatten", site.inputs, "flat", (batch, operator.in_features), axis=1)
    row = (batch, operator.out_channels)
    product = site.step("Gemm", (flat, *site.parameters()), "product", row, transB=1)
    site.finish("Unsqueeze", (product, site.constant("axes", (2, 3), np.int64)))


def _scale(site: Site, operator: Scale) -> None:
    site.finish("Mul", (*site.inputs, site.constant("factor", operator.factor)))


def _norm(site: Site, operator: BatchNorm) -> None:
    # Parameters stand in ONNX's order: scale, bias, mean, variance.
    site.finish(
        "BatchNormalization",
        (*site.inputs, *site.parameters()),
        epsilon=operator.eps,
        momentum=operator.momentum,
    )


def _pool(site: Site, operator: Pool) -> None:
    window = _window(operator.kernel, operator.stride, operator.pads)
    if operator.kind == "max":
        site.finish("MaxPool", site.inputs, **window)
    else:
        site.finish("AveragePool", site.inputs, count_include_pad=0, **window)


def _global_pool(site: Site, operator: GlobalPool) -> None:
    site.finish("GlobalMaxPool" if operator.kind == "max" else "GlobalAveragePool", site.inputs)


def _upsample(site: Site, operator: Upsample) -> None:
    form: dict[str, Attribute] = {
        "coordinate_transformation_mode": "asymmetric",
        "mode": "nearest",
        "nearest_mode": "floor",
    }
    if operator.method == "bilinear":
        form = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    (value,) = site.inputs
    if operator.factor is not None:
        scales = site.constant("scales", (1, 1, operator.factor, operator.factor))
        site.finish("Resize", (value, "", scales), **form)
        return
    # Runtimes find i · H / H' in float32: right for all H' below 20,000.
    batch = site.extents[0]
    if isinstance(batch, int):
        sizes = site.constant("sizes", (batch, *site.node.shape), np.int64)
    else:
        sizes = _sizes_behind_batch(site, value)
    site.finish("Resize", (value, "", "", sizes), **form)


def _sizes_behind_batch(site: Site, value: str) -> str:
    """Four sizes of which the first is the value's own: before opset 18, Resize wants them all."""
    name = site.node.name
    site.graph.node("Shape", (value,), f"{name}.batch", f"{name}.batch", {"start": 0, "end": 1})
    rest = site.constant("extents", site.node.shape, np.int64)
    site.graph.node("Concat", (f"{name}.batch", rest), f"{name}.sizes", f"{name}.sizes", {"axis": 0})
    return f"{name}.sizes"


def _space_to_depth(site: Site, operator: SpaceToDepth) -> None:
    site.finish("SpaceToDepth", site.inputs, blocksize=operator.block)


def _add(site: Site, operator: Add) -> None:
    *others, last = site.inputs
    candidates = [value for value in others[1:] if value in site.convolved]
    if candidates and last not in site.convolved:
        # Each Add can take one convolution, and the last one an activation too: with an unread
        # block's value at the end, both would stay alone. The sum is the same up to rounding.
        others[others.index(candidates[-1])] = last
        last = candidates[-1]
    _sum(site, (*others, last))


def _sum(site: Site, operands: Sequence[str]) -> None:
    """Two operands a node: a runtime fuses an Add into the convolution before it, never a Sum."""
    value, *middle, last = operands
    for number, operand in enumerate(middle, 1):
        value = site.step("Add", (value, operand), f"sum{number}")
    site.finish("Add", (value, last))


def _multiply(site: Site, operator: Multiply) -> None:
    site.finish("Mul", site.inputs)


def _concat(site: Site, operator: Concat) -> None:
    site.finish("Concat", site.inputs, axis=1)


def _weighted_add(site: Site, operator: WeightedAdd) -> None:
    (weight,) = site.parameters()
    count = operator.inputs
    positive = site.step("Relu", (weight,), "relu", (count,))
    total = site.step("ReduceSum", (positive,), "total", (1,), keepdims=1)
    shifted = site.step("Add", (total, site.constant("eps", (operator.eps,))), "divisor", (1,))
    shares = site.step("Div", (positive, shifted), "shares", (count,))
    terms = []
    for number, value in enumerate(site.inputs):
        index = site.constant(f"index{number}", (number,), np.int64)
        share = site.step("Gather", (shares, index), f"share{number}", (1,), axis=0)
        terms.append(site.step("Mul", (value, share), f"term{number}"))
    if count == 1:
        site.finish("Identity", terms)
    else:
        _sum(site, terms)


def _activation(site: Site, operator: Activation) -> None:
    (value,) = site.inputs
    match operator.function:
        case "relu":
            site.finish("Relu", (value,))
        case "relu6":
            site.finish("Clip", (value, site.constant("low", 0), site.constant("high", 6)))
        case "sigmoid":
            site.finish("Sigmoid", (value,))
        case "swish":
            gate = site.step("Sigmoid", (value,), "sigmoid")
            site.finish("Mul", (value, gate))
        case "hard_swish":
            site.finish("HardSwish", (value,))
        case "hard_sigmoid" if operator.slope == SIXTH:
            site.finish("HardSigmoid", (value,), alpha=SIXTH, beta=0.5)
        case "hard_sigmoid":
            # ONNX's form has to reach 1 at alpha · x + beta = 1; 0.16667 · 6 doesn't.
            moved = site.step("Add", (value, site.constant("three", 3)), "moved")
            bounds = (site.constant("low", 0), site.constant("high", 6))
            cut = site.step("Clip", (moved, *bounds), "cut")
            site.finish("Mul", (cut, site.constant("slope", operator.slope)))
        case unknown:
            raise NotImplementedError(unknown)


RULES: dict[type[Operator], Rule] = {
    Activation: _activation,
    Add: _add,
    BatchNorm: _norm,
    Concat: _concat,
    Convolution: _convolution,
    Deconvolution: _deconvolution,
    Dense: _dense,
    GlobalPool: _global_pool,
    Multiply: _multiply,
    Pool: _pool,
    Scale: _scale,
    SpaceToDepth: _space_to_depth,
    Upsample: _upsample,
    WeightedAdd: _weighted_add,
}
"""Every operator that becomes nodes."""

ELIDED: frozenset[type[Operator]] = frozenset({DropPath})
"""Operators that do nothing at inference: their value is their input's."""
