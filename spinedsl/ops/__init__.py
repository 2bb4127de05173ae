"""The operator vocabulary: what an architecture paper names.

One class an operator, with its attributes, its shape rule, its parameters and its cost together.
`OPERATORS` lists them all; a target that can't write one says so (SP042).
"""

from spinedsl.ops.activation import Activation
from spinedsl.ops.base import Initial, Operator, Parameter, ShapeError
from spinedsl.ops.combination import Add, Concat, Multiply, Scale, WeightedAdd
from spinedsl.ops.convolution import Convolution, Deconvolution
from spinedsl.ops.dense import Dense
from spinedsl.ops.normalization import BatchNorm
from spinedsl.ops.pooling import GlobalPool, Pool
from spinedsl.ops.regularization import DropPath
from spinedsl.ops.resampling import SpaceToDepth, Upsample
from spinedsl.ops.types import Pads, Shape

OPERATORS: tuple[type[Operator], ...] = (
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

__all__ = [
    "OPERATORS",
    "Activation",
    "Add",
    "BatchNorm",
    "Concat",
    "Convolution",
    "Deconvolution",
    "Dense",
    "DropPath",
    "GlobalPool",
    "Initial",
    "Multiply",
    "Operator",
    "Pads",
    "Parameter",
    "Pool",
    "Scale",
    "Shape",
    "ShapeError",
    "SpaceToDepth",
    "Upsample",
    "WeightedAdd",
]
