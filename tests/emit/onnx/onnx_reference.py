"""What every operator computes, written from its definition in numpy, without ONNX."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spinedsl.graph.inline import Inlined
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
    Pool,
    Scale,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)


def run(inlined: Inlined, weights, inputs):
    """Endpoint name → value, in float64."""
    values = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    for node in inlined.nodes:
        operands = [values[name] for name in node.inputs]
        parameters = [
            np.asarray(weights[f"{node.holder}.{p.name}"], np.float64) for p in node.operator.parameters()
        ]
        values[node.name] = compute(node.operator, operands, parameters)
    return {endpoint: values[name] for endpoint, name in inlined.outputs.items()}


def compute(operator, operands, parameters):
    x = operands[0]
    match operator:
        case Convolution():
            return _convolution(operator, x, *parameters)
        case BatchNorm(eps=eps):
            weight, bias, mean, variance = (p[:, None, None] for p in parameters)
            return (x - mean) / np.sqrt(variance + eps) * weight + bias
        case Pool(kind="max"):
            return _windows(x, operator, -np.inf).max((-2, -1))
        case Pool():
            count = _windows(np.ones_like(x), operator, 0).sum((-2, -1))
            return _windows(x, operator, 0).sum((-2, -1)) / count
        case GlobalPool(kind=kind):
            return (x.max if kind == "max" else x.mean)((2, 3), keepdims=True)
        case Deconvolution(stride=stride):
            return _deconvolution(stride, x, *parameters)
        case Dense():
            weight, *bias = parameters
            rows = x.reshape(len(x), -1) @ weight.T + sum(bias)
            return rows[:, :, None, None]
        case Scale(factor=factor):
            return x * factor
        case Upsample(method="bilinear", height=height, width=width):
            return _blend(_blend(x, height, 2), width, 3)
        case Upsample(height=height, width=width):
            rows = np.arange(height) * x.shape[2] // height
            columns = np.arange(width) * x.shape[3] // width
            return x[:, :, rows][:, :, :, columns]
        case SpaceToDepth(block=b):
            return np.concatenate([x[:, :, i::b, j::b] for i in range(b) for j in range(b)], axis=1)
        case Add():
            return sum(operands[1:], x)
        case Multiply():
            return x * operands[1]
        case Concat():
            return np.concatenate(operands, axis=1)
        case WeightedAdd(eps=eps):
            positive = np.maximum(parameters[0], 0)
            return sum(w * o for w, o in zip(positive, operands, strict=True)) / (positive.sum() + eps)
        case Activation():
            return _activation(operator, x)
        case DropPath():
            return x
    raise NotImplementedError(operator)


def _activation(operator, x):
    sigmoid = 1 / (1 + np.exp(-x))
    six = np.minimum(np.maximum(x + 3, 0), 6)
    return {
        "relu": np.maximum(x, 0),
        "relu6": np.minimum(np.maximum(x, 0), 6),
        "sigmoid": sigmoid,
        "swish": x * sigmoid,
        "hard_swish": x * six / 6,
        "hard_sigmoid": six * operator.slope,
    }[operator.function]


def _windows(x, operator, fill):
    """(N, C, H', W', kh, kw): what each step of the window sees."""
    top, left, bottom, right = operator.pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    dilation = getattr(operator, "dilation", 1)
    extents = [dilation * (k - 1) + 1 for k in operator.kernel]
    view = sliding_window_view(padded, extents, (2, 3))
    return view[:, :, :: operator.stride, :: operator.stride, ::dilation, ::dilation]


def _deconvolution(stride, x, weight, bias=None):
    """Every pixel becomes a square: the sum of the kernels of its channels."""
    batch, _, height, width = x.shape
    squares = np.einsum("nchw,coij->nohiwj", x, weight)
    result = squares.reshape(batch, weight.shape[1], height * stride, width * stride)
    return result if bias is None else result + bias[:, None, None]


def _blend(x, extent, axis):
    """Each row or column between the two whose centres lie around its own, at the borders one of them."""
    before = x.shape[axis]
    centre = np.clip((np.arange(extent) + 0.5) * before / extent - 0.5, 0, before - 1)
    first = np.floor(centre).astype(int)
    second = np.minimum(first + 1, before - 1)
    share = (centre - first).reshape([-1 if a == axis else 1 for a in range(4)])
    return x.take(first, axis) * (1 - share) + x.take(second, axis) * share


def _convolution(operator, x, weight, bias=None):
    windows = _windows(x, operator, 0)
    groups = operator.groups
    inputs, outputs = operator.in_channels // groups, operator.out_channels // groups
    parts = []
    for group in range(groups):
        seen = windows[:, group * inputs : (group + 1) * inputs]
        kernels = weight[group * outputs : (group + 1) * outputs]
        parts.append(np.einsum("nchwij,ocij->nohw", seen, kernels, optimize=True))
    result = np.concatenate(parts, axis=1)
    return result if bias is None else result + bias[:, None, None]
