"""What published checkpoints call a layer's variables, and in which layout they keep them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spinedsl.records import record
from spinedsl.weights.types import Array

CONVOLUTION, DEPTHWISE, POINTWISE, DENSE, NORM = (
    "conv2d",
    "depthwise_conv2d",
    "pointwise_conv2d",
    "dense",
    "batch_normalization",
)
"""Types of layers, as Keras names them; a pointwise one is the second half of a separable."""

TENSORFLOW: Mapping[str, Mapping[str, str]] = {
    CONVOLUTION: {"weight": "kernel", "bias": "bias"},
    DEPTHWISE: {"weight": "depthwise_kernel"},
    POINTWISE: {"weight": "pointwise_kernel", "bias": "bias"},
    DENSE: {"weight": "kernel", "bias": "bias"},
    NORM: {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
}
"""Type → what a parameter's last name is in TensorFlow."""

AXES = {
    CONVOLUTION: (3, 2, 0, 1),  # height, width, in, out → out, in, height, width
    DEPTHWISE: (2, 3, 0, 1),  # height, width, channel, 1 → channel, 1, height, width
    POINTWISE: (3, 2, 0, 1),
    DENSE: (1, 0),  # in, out → out, in
}
"""Type → the order in which the axes of TensorFlow's kernel are taken; all else has one axis."""


@record
class Published:
    """A published variable, and how it becomes a parameter here.

    Attributes:
        name: in the checkpoint.
        axes: which of its axes becomes the first, the second, …; none if they stay.
        channels: which of its output channels becomes the first, the second, …; none if they stay.
    """

    name: str
    axes: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()

    def shape_here(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that a published shape gets; itself if it has another number of axes."""
        if len(self.axes) != len(shape):
            return shape
        return tuple(shape[axis] for axis in self.axes)

    def shape_there(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The published shape of a parameter."""
        return tuple(shape[axis] for axis in _inverse(self.axes)) if self.axes else shape

    def here(self, array: Array) -> Array:
        """Published numbers as the parameter's, which has `shape_here`."""
        if self.axes:
            array = array.transpose(self.axes)
        return np.ascontiguousarray(array[list(self.channels)] if self.channels else array)

    def there(self, array: Array) -> Array:
        """A parameter's numbers as published ones: undoes `here`."""
        if self.channels:
            array = array[list(_inverse(self.channels))]
        return np.ascontiguousarray(array.transpose(_inverse(self.axes)) if self.axes else array)


@record
class Layer:
    """A published layer.

    Attributes:
        type: which variables it has.
        path: its name, with those of the layers around it.
        channels: see `Published`.
    """

    type: str
    path: str
    channels: tuple[int, ...] = ()

    def tensorflow(self, parameter: str) -> Published | None:
        """The variable of a parameter by its last name, or None if there is none."""
        variable = TENSORFLOW[self.type].get(parameter)
        if variable is None:
            return None
        axes = AXES.get(self.type, ()) if parameter == "weight" else ()
        return Published(f"{self.path}/{variable}", axes, self.channels)

    def torch(self, parameter: str) -> Published | None:
        """The same in a torch module, where names and axes are those here."""
        if parameter not in TENSORFLOW[self.type]:
            return None
        return Published(f"{self.path}.{parameter}", (), self.channels)


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(place) for place in range(len(order)))
