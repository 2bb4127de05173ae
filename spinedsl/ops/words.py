"""The words with which definitions name operators, and how each word becomes one.

A word says what may stand beside it (kernel, stride, `-> channels`, arguments, operands); the
lowering evaluates those, checks them against the word, and calls `build`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from fractions import Fraction
from typing import Any, Literal

from spinedsl.ops.activation import FUNCTIONS, SIXTH, Activation
from spinedsl.ops.base import ZEROS, Initial, Operator, ShapeError
from spinedsl.ops.combination import Add, Concat, Multiply, Scale, WeightedAdd
from spinedsl.ops.convolution import Convolution, Deconvolution
from spinedsl.ops.dense import Dense
from spinedsl.ops.normalization import BatchNorm
from spinedsl.ops.pooling import GlobalPool, Pool
from spinedsl.ops.regularization import DropPath
from spinedsl.ops.resampling import SpaceToDepth, Upsample
from spinedsl.ops.types import Padding, Shape, pads_for
from spinedsl.records import record

PER_LEVEL = "per_level"
"""The argument of an operator that has parameters of its own for every level of a head."""
MAX_CHANNELS = 1 << 20
MAX_KERNEL = 255


@record
class Place:
    """A resolution in the network, which `upsample` can be asked to reach."""

    height: int
    width: int


@record
class Settings:
    """The network-level choices that operators follow.

    `drop_path` is the block's share of the network's drop-path rate.
    """

    padding: Padding = "symmetric"
    pool_padding: Padding = "symmetric"
    norm_eps: float = 1e-3
    norm_momentum: float = 0.99
    activation: str = "relu"
    activation_slope: float = SIXTH
    drop_path: Fraction = Fraction(0)


@record
class Written:
    """What stood beside a word, evaluated: what `build` works from."""

    inputs: tuple[Shape, ...]
    arguments: dict[str, Any]
    kernel: tuple[int, int]
    stride: int
    channels: int | None
    settings: Settings


@record
class WordArgument:
    """An argument of a word: what it may be, and its value if it isn't given."""

    type: Literal["bool", "integer", "number", "name", "extent"]
    default: Any = None
    choices: tuple[str, ...] = ()


@record
class Word:
    """How one operator is written.

    Attributes:
        build: makes the operator; None from it means nothing is to be done.
        kernel, stride, result: whether they may stand beside it ("needed": must).
        operands: `none`: reads the running value; `more`: the running value and its operands;
            `only`: nothing but its operands.
    """

    build: Callable[[Written], Operator | None]
    example: str
    kernel: Literal["none", "needed"] = "none"
    stride: bool = False
    result: bool = False
    arguments: dict[str, WordArgument] = field(default_factory=dict)
    operands: Literal["none", "more", "only"] = "none"


def _initial(written: Written, fan_in: int, fan_out: int) -> Initial:
    std = written.arguments["std"]
    if std is not None:
        if std <= 0:
            raise ShapeError(f"a deviation is greater than 0, not {std}", "write it as `std = 0.01`")
        if written.arguments.get("init") == "glorot_uniform":
            raise ShapeError("`std` and `init` are two ways to draw the same weights", "keep one of them")
        return Initial("normal", value=float(std))
    if written.arguments.get("init") == "glorot_uniform":
        return Initial("glorot_uniform", fan_in, fan_out)
    return Initial("truncated_normal", fan_in, fan_out)


def _initial_bias(written: Written) -> Initial:
    """The logit of the probability that a fresh output starts from."""
    prior = written.arguments["prior"]
    if prior is None or prior == Fraction(1, 2):
        return ZEROS
    if not 0 < prior < 1:
        raise ShapeError(
            f"a prior is a probability, not {prior}", "write one between 0 and 1: `prior = 0.01`"
        )
    if not written.arguments["bias"]:
        raise ShapeError("a prior sets the bias, and there is none", "write `bias = true` beside it")
    if written.arguments["std"] is None:
        raise ShapeError("a prior holds where weights are close to zero", "say how close: `std = 0.01`")
    return Initial("logit", value=float(prior))


def _convolution(written: Written, groups: int, channels: int) -> Convolution:
    (shape,) = written.inputs
    dilation = written.arguments["dilation"]
    area = written.kernel[0] * written.kernel[1]
    if groups < 1 or shape.channels % groups or channels % groups:
        raise ShapeError(f"{groups} groups don't divide {shape.channels} and {channels} channels")
    if groups == shape.channels == channels and groups > 1:
        # Keras counts a depthwise kernel (kh, kw, C, 1) as C inputs and one output.
        fans = (area * channels, area)
    else:
        fans = (area * shape.channels // groups, area * channels)
    return Convolution(
        in_channels=shape.channels,
        out_channels=channels,
        kernel=written.kernel,
        stride=written.stride,
        pads=pads_for(written.settings.padding, shape, written.kernel, written.stride, dilation),
        dilation=dilation,
        groups=groups,
        bias=written.arguments["bias"],
        initial=_initial(written, *fans),
        initial_bias=_initial_bias(written),
    )


def _conv(written: Written) -> Operator:
    channels = written.channels or written.inputs[0].channels
    return _convolution(written, written.arguments["groups"], channels)


def _depthwise(written: Written) -> Operator:
    channels = written.inputs[0].channels
    return _convolution(written, channels, channels)


def _deconv(written: Written) -> Operator:
    (shape,) = written.inputs
    if written.kernel != (written.stride, written.stride):
        raise ShapeError("a transposed convolution's kernel is its stride", "write `deconv 2x2 / 2 -> 256`")
    channels = written.channels or shape.channels
    area = written.stride**2
    return Deconvolution(
        in_channels=shape.channels,
        out_channels=channels,
        stride=written.stride,
        bias=written.arguments["bias"],
        initial=Initial("truncated_normal", area * channels, area * shape.channels),
    )


def _dense(written: Written) -> Operator:
    features = written.inputs[0].elements
    channels = written.channels
    if channels is None:
        raise ShapeError("a dense layer needs its number of outputs", "write `dense -> 1000`")
    return Dense(
        in_features=features,
        out_channels=channels,
        bias=written.arguments["bias"],
        initial=_initial(written, features, channels),
        initial_bias=_initial_bias(written),
    )


def _scale(written: Written) -> Operator | None:
    factor = written.arguments["by"]
    if factor is None:
        raise ShapeError("`scale` needs a number", "write `scale(1 / 5)`")
    return None if factor == 1 else Scale(float(factor))


def _pool(kind: Literal["max", "average"]) -> Callable[[Written], Operator]:
    def build(written: Written) -> Operator:
        pads = pads_for(written.settings.pool_padding, written.inputs[0], written.kernel, written.stride)
        return Pool(kind, written.kernel, written.stride, pads)

    return build


def _norm(written: Written) -> Operator:
    settings = written.settings
    return BatchNorm(written.inputs[0].channels, settings.norm_eps, settings.norm_momentum)


def _act(written: Written) -> Operator | None:
    function = written.arguments["function"]
    slope = written.arguments["slope"]
    if function is None:
        function = written.settings.activation
        slope = written.settings.activation_slope
    if function == "none":
        return None
    return Activation(function, SIXTH if slope is None else float(slope))


def _named_act(function: str) -> Callable[[Written], Operator]:
    def build(written: Written) -> Operator:
        return Activation(function)

    return build


def _upsample(written: Written) -> Operator | None:
    (shape,) = written.inputs
    to = written.arguments["to"]
    if isinstance(to, Place):
        height, width = to.height, to.width
    else:
        height, width = shape.height * to, shape.width * to
    if (height, width) == (shape.height, shape.width):
        return None
    factor, rest = divmod(height, shape.height)
    exact = rest == 0 and shape.width * factor == width
    return Upsample(height, width, factor if exact else None, written.arguments["method"])


def _weighted(written: Written) -> Operator:
    return WeightedAdd(len(written.inputs), float(written.arguments["eps"]))


def _add(written: Written) -> Operator | None:
    return Add() if len(written.inputs) > 1 else None


def _drop_path(written: Written) -> Operator | None:
    fraction = written.settings.drop_path
    return DropPath(fraction) if fraction else None


_BIAS = WordArgument("bool", False)
_DILATION = WordArgument("integer", 1)
_INIT = WordArgument("name", "truncated_normal", ("truncated_normal", "glorot_uniform"))
_NORMAL = {"std": WordArgument("number"), "prior": WordArgument("number")}
_DRAWN = {"init": _INIT, **_NORMAL}

WORDS: dict[str, Word] = {
    "conv": Word(
        _conv, "conv 3x3 / 2 -> 64", kernel="needed", stride=True, result=True,
        arguments={"bias": _BIAS, "dilation": _DILATION, "groups": WordArgument("integer", 1), **_DRAWN},
    ),
    "depthwise": Word(
        _depthwise, "depthwise 3x3 / 2", kernel="needed", stride=True,
        arguments={"bias": _BIAS, "dilation": _DILATION, **_DRAWN},
    ),
    "deconv": Word(
        _deconv, "deconv 2x2 / 2 -> 256", kernel="needed", stride=True, result=True,
        arguments={"bias": _BIAS},
    ),
    "dense": Word(
        _dense, "dense -> 1000", result=True, arguments={"bias": WordArgument("bool", True), **_NORMAL}
    ),
    "maxpool": Word(_pool("max"), "maxpool 3x3 / 2", kernel="needed", stride=True),
    "avgpool": Word(_pool("average"), "avgpool 3x3 / 2", kernel="needed", stride=True),
    "global_pool": Word(lambda _: GlobalPool("average"), "global_pool"),
    "global_maxpool": Word(lambda _: GlobalPool("max"), "global_maxpool"),
    "norm": Word(_norm, "norm", arguments={PER_LEVEL: WordArgument("bool", False)}),
    "act": Word(
        _act, "act(swish)",
        arguments={
            "function": WordArgument("name", None, (*FUNCTIONS, "none")),
            "slope": WordArgument("number"),
        },
    ),
    **{name: Word(_named_act(name), name) for name in FUNCTIONS},
    "upsample": Word(
        _upsample, "upsample(nearest, target)",
        arguments={"method": WordArgument("name", "nearest", ("nearest", "bilinear")), "to": WordArgument("extent")},
    ),
    "space_to_depth": Word(
        lambda w: SpaceToDepth(w.arguments["block"]), "space_to_depth(2)",
        arguments={"block": WordArgument("integer", 2)},
    ),
    "add": Word(_add, "add(shortcut)", operands="more"),
    "scale": Word(_scale, "scale(1 / 5)", arguments={"by": WordArgument("number")}),
    "multiply": Word(lambda _: Multiply(), "multiply(gate)", operands="more"),
    "sum": Word(_add, "sum(inputs, dangling)", operands="only"),
    "concat": Word(lambda w: Concat() if len(w.inputs) > 1 else None, "concat(inputs)", operands="only"),
    "weighted_sum": Word(
        _weighted, "weighted_sum(inputs)", operands="only",
        arguments={"eps": WordArgument("number", Fraction(1, 10_000))},
    ),
    "drop_path": Word(_drop_path, "drop_path"),
}  # fmt: skip
"""Every word a body may use, besides the parts that are defined in the language."""
