"""Running a program exactly: in integers modulo a prime, where equal means equal.

Numbers are whole, from -(PRIME // 2) to PRIME // 2. Sums, products and quotients are those of the field;
an activation is a fixed table of random numbers, so that nothing holds of it but what holds of every
function of one number. Two programs that agree here at random inputs and parameters compute the same
by algebra, and not because of rounding, of positive numbers or of a ReLU: one element differs with a
chance of 1 - 1 / PRIME if they don't.

Not here: how floats round. Tests with floats see that.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.graph.program import Program
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
    Shape,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)

PRIME = 32_749
"""Below 2^15: a float64 holds a sum of 2^25 products exactly, and its products are BLAS's."""

Array = NDArray[np.float64]
"""(channels, height, width) of whole numbers, for one sample; or a parameter."""
Held = Callable[[str], Array]
"""A parameter of the operator at hand, by the last part of its name."""


def evaluate(
    inlined: Inlined, inputs: Mapping[str, Array], parameter: Callable[[str], Array]
) -> dict[str, Array]:
    """What a program makes of one sample.

    Args:
        inputs: by name.
        parameter: gives one by its dotted name.

    Returns:
        The endpoints, by name.
    """
    values = {name: given.copy() for name, given in inputs.items()}
    left = Counter(value for node in inlined.nodes for value in node.inputs)
    left.update(inlined.outputs.values())
    for node in inlined.nodes:
        read = [values[name] for name in node.inputs]
        made = _run(node, read, lambda part, n=node: parameter(f"{n.holder}.{part}"))  # type: ignore[misc]
        if made is not read[0]:
            made = _reduced(made)
        if node.operator.overwrites:
            # Whoever else reads that memory sees it.
            read[0][...] = made
            made = read[0]
        values[node.name] = made
        for name in node.inputs:
            left[name] -= 1
            if not left[name]:
                del values[name]
    return {endpoint: values[value] for endpoint, value in inlined.outputs.items()}


def at_random(program: Program, inlined: Inlined) -> dict[str, Array]:
    """What a program makes of inputs and parameters that depend on their names alone: the endpoints."""
    inputs = {port.name: drawn(port.name, port.shape) for port in program.main.inputs}
    return evaluate(inlined, inputs, random_parameters(inlined))


def drawn(name: str, shape: tuple[int, ...]) -> Array:
    """Random numbers that depend on a name alone."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return _reduced(random.integers(PRIME, size=shape).astype(np.float64))


def random_parameters(inlined: Inlined) -> Callable[[str], Array]:
    """Parameters that depend on their names alone; those of layers that took norms in, on both's."""
    shapes = {name: parameter.shape for name, parameter in inlined.parameters().items()}
    layers = {node.holder: node.operator for node in inlined.nodes}

    def parameter(name: str) -> Array:
        holder, _, part = name.rpartition(".")
        layer = layers[holder]
        if not isinstance(layer, Convolution) or layer.norm is None:
            return drawn(name, shapes[name])
        beside = holder.rpartition(".")[0]
        norm = f"{beside}.{layer.norm.name}" if beside else layer.norm.name
        channels = (layer.out_channels,)
        scale = per_channel_scale(
            drawn(f"{norm}.weight", channels), drawn(f"{norm}.running_var", channels), layer.norm.eps
        )
        if part == "weight":
            weight = drawn(name, shapes[name])
            return _reduced(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))
        before = drawn(name, channels) if layer.norm.biased else 0.0
        shift = _reduced(before - drawn(f"{norm}.running_mean", channels))
        return _reduced(shift * scale + drawn(f"{norm}.bias", channels))

    return parameter


def inverse(number: int) -> int:
    """1 / number; 0 of 0."""
    return pow(number, PRIME - 2, PRIME)


def fraction(number: float | Fraction) -> int:
    """A fraction, or a float, which is one, as a number of the field."""
    numerator, denominator = number.as_integer_ratio()
    return numerator * inverse(denominator) % PRIME


def per_channel_scale(weight: Array, running_var: Array, eps: float) -> Array:
    """weight / sqrt(running_var + eps) of a norm: what is below the root is taken as the root."""
    roots = (running_var + fraction(eps)) % PRIME
    return _reduced(weight * np.array([inverse(int(root)) for root in roots], np.float64))


def _reduced(array: Array) -> Array:
    """Every number as the one nearest to zero that it is equal to."""
    half = PRIME // 2
    reduced: Array = np.mod(array + half, PRIME) - half
    return reduced


def _run(node: InlinedNode, read: list[Array], held: Held) -> Array:
    rule = _RULES.get(type(node.operator))
    if rule is None:
        raise NotImplementedError(f"{type(node.operator).__name__} has no exact rule")
    return rule(node.operator, read, held)


def _activation(operator: Activation, read: list[Array], held: Held) -> Array:
    return _table(f"{operator.function} {operator.slope}")[read[0].astype(np.intp)]


@lru_cache(64)
def _table(function: str) -> Array:
    return drawn(function, (PRIME,))


def _add(operator: Add, read: list[Array], held: Held) -> Array:
    total: Array = np.sum(read, axis=0)
    return total


def _batch_norm(operator: BatchNorm, read: list[Array], held: Held) -> Array:
    scale = per_channel_scale(held("weight"), held("running_var"), operator.eps)
    return (read[0] - _column(held("running_mean"))) * _column(scale) + _column(held("bias"))


def _column(channels: Array) -> Array:
    return channels[:, None, None]


def _concat(operator: Concat, read: list[Array], held: Held) -> Array:
    return np.concatenate(read)


def _convolution(operator: Convolution, read: list[Array], held: Held) -> Array:
    weight = held("weight")
    groups, (height, width) = operator.groups, operator.kernel
    windows = _windows(read[0], operator.kernel, operator.stride, operator.pads, operator.dilation, 0.0)
    channels, rows, columns = windows.shape[:3]
    patches = windows.transpose(0, 3, 4, 1, 2).reshape(groups, channels // groups * height * width, -1)
    result = _reduced(weight.reshape(groups, len(weight) // groups, -1) @ patches)
    return _biased(result.reshape(-1, rows, columns), operator.bias, held)


def _biased(values: Array, bias: bool, held: Held) -> Array:
    return values + _column(held("bias")) if bias else values


def _windows(
    values: Array, kernel: tuple[int, int], stride: int, pads: Pads, dilation: int, outside: float
) -> Array:
    """(channels, rows, columns, kernel height, kernel width)."""
    around = ((0, 0), (pads.top, pads.bottom), (pads.left, pads.right))
    padded = np.pad(values, around, constant_values=outside)
    extents = tuple(dilation * (k - 1) + 1 for k in kernel)
    windows = np.lib.stride_tricks.sliding_window_view(padded, extents, (1, 2))
    return windows[:, ::stride, ::stride, ::dilation, ::dilation]


def _deconvolution(operator: Deconvolution, read: list[Array], held: Held) -> Array:
    weight, stride = held("weight"), operator.stride
    channels, height, width = read[0].shape
    cells = _reduced(weight.reshape(channels, -1).T @ read[0].reshape(channels, -1))
    grid = cells.reshape(-1, stride, stride, height, width).transpose(0, 3, 1, 4, 2)
    return _biased(grid.reshape(-1, height * stride, width * stride), operator.bias, held)


def _dense(operator: Dense, read: list[Array], held: Held) -> Array:
    return _biased((held("weight") @ read[0].reshape(-1))[:, None, None], operator.bias, held)


def _drop_path(operator: DropPath, read: list[Array], held: Held) -> Array:
    return read[0]


def _global_pool(operator: GlobalPool, read: list[Array], held: Held) -> Array:
    flat = read[0].reshape(len(read[0]), -1)
    if operator.kind == "max":
        return _column(flat.max(1))
    return _column(_reduced(flat.sum(1)) * inverse(flat.shape[1]))


def _multiply(operator: Multiply, read: list[Array], held: Held) -> Array:
    return read[0] * read[1]


def _pool(operator: Pool, read: list[Array], held: Held) -> Array:
    kernel, stride, pads = operator.kernel, operator.stride, operator.pads
    if operator.kind == "max":
        highest: Array = _windows(read[0], kernel, stride, pads, 1, -PRIME).max((3, 4))
        return highest
    sums = _windows(read[0], kernel, stride, pads, 1, 0.0).sum((3, 4))
    real = _windows(np.ones_like(read[0][:1]), kernel, stride, pads, 1, 0.0).sum((3, 4))
    shares: Array = np.vectorize(lambda count: float(inverse(int(count))))(real)
    return _reduced(sums) * shares


def _scale(operator: Scale, read: list[Array], held: Held) -> Array:
    return read[0] * fraction(operator.factor)


def _space_to_depth(operator: SpaceToDepth, read: list[Array], held: Held) -> Array:
    channels, height, width = read[0].shape
    block = operator.block
    cells = read[0].reshape(channels, height // block, block, width // block, block)
    return cells.transpose(2, 4, 0, 1, 3).reshape(-1, height // block, width // block)


def _upsample(operator: Upsample, read: list[Array], held: Held) -> Array:
    shape = Shape(*read[0].shape)
    between = _nearest if operator.method == "nearest" else _bilinear
    rows, columns = between(shape.height, operator.height), between(shape.width, operator.width)
    enlarged: Array = _reduced(rows @ read[0]) @ columns.T
    return enlarged


def _nearest(before: int, after: int) -> Array:
    """(after, before): which row each row is made of."""
    matrix = np.zeros((after, before))
    matrix[np.arange(after), np.arange(after) * before // after] = 1
    return matrix


def _bilinear(before: int, after: int) -> Array:
    """(after, before): how much of each row; between centres of pixels, the outermost ones beyond."""
    matrix = np.zeros((after, before))
    for row in range(after):
        position = max(Fraction(0), (row + Fraction(1, 2)) * before / after - Fraction(1, 2))
        lower = min(int(position), before - 1)
        share = position - lower
        matrix[row, lower] = fraction(1 - share)
        if lower + 1 < before:
            matrix[row, lower + 1] = fraction(share)
        else:
            matrix[row, lower] = 1
    return matrix


def _weighted_add(operator: WeightedAdd, read: list[Array], held: Held) -> Array:
    weights = _table("relu")[held("weight").astype(np.intp)]
    total = int(weights.sum()) + fraction(operator.eps)
    shares = _reduced(weights * inverse(total % PRIME))
    summed: Array = np.tensordot(shares, np.stack(read), 1)
    return summed


_RULES: dict[type[Operator], Callable[..., Array]] = {
    Activation: _activation,
    Add: _add,
    BatchNorm: _batch_norm,
    Concat: _concat,
    Convolution: _convolution,
    Deconvolution: _deconvolution,
    Dense: _dense,
    DropPath: _drop_path,
    GlobalPool: _global_pool,
    Multiply: _multiply,
    Pool: _pool,
    Scale: _scale,
    SpaceToDepth: _space_to_depth,
    Upsample: _upsample,
    WeightedAdd: _weighted_add,
}
