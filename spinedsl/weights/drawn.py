"""Weights that are drawn.

Every parameter has a random stream of its own, keyed by seed and name: what a parameter gets
depends neither on the others nor on their order.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping

import numpy as np

from spinedsl.ops import Parameter
from spinedsl.weights.types import Array

TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is cut at ±2."""


def initial_weights(parameters: Mapping[str, Parameter], seed: int = 0) -> Iterator[tuple[str, Array]]:
    """The published initialisation: what training starts from.

    Source: keras.initializers.VarianceScaling (scale 1, fan_in, truncated_normal), as the authors'
    implementation sets it, and GlorotUniform where that leaves Keras's default.
    """
    for name, parameter in parameters.items():
        yield name, _initial(name, parameter, seed)


def random_weights(parameters: Mapping[str, Parameter], seed: int = 0) -> Iterator[tuple[str, Array]]:
    """Weights for comparing two implementations: everything random, norm statistics too.

    Kernels scale with their fan-in, so that activations stay near 1 in networks of any depth.
    """
    for name, parameter in parameters.items():
        yield name, _random(parameter, _stream(seed, name))


def _stream(seed: int, name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.SFC64(int.from_bytes(digest, "little")))


def _initial(name: str, parameter: Parameter, seed: int) -> Array:
    initial = parameter.initial
    match initial.law:
        case "zeros":
            return np.zeros(parameter.shape, np.float32)
        case "ones":
            return np.ones(parameter.shape, np.float32)
        case "logit":
            return np.full(parameter.shape, math.log(initial.value / (1 - initial.value)), np.float32)
        case "normal":
            return _stream(seed, name).standard_normal(parameter.shape, np.float32) * np.float32(
                initial.value
            )
        case "glorot_uniform":
            limit = math.sqrt(6 / (initial.fan_in + initial.fan_out))
            return _uniform(_stream(seed, name), parameter.shape, -limit, limit)
        case "truncated_normal":
            values = _truncated_normal(_stream(seed, name), parameter.shape)
            values *= np.float32(math.sqrt(1 / initial.fan_in) / TRUNCATED_DEVIATION)
            return values


def _random(parameter: Parameter, stream: np.random.Generator) -> Array:
    match parameter.initial.law:
        case "zeros" | "logit":  # biases and means
            return stream.standard_normal(parameter.shape, np.float32) * np.float32(0.1)
        case "ones":  # scales, variances and fusion weights
            return _uniform(stream, parameter.shape, 0.5, 1.5)
        case _:
            fan_in = math.prod(parameter.shape[1:])
            deviation = np.float32(math.sqrt(1 / fan_in))
            return stream.standard_normal(parameter.shape, np.float32) * deviation


def _uniform(stream: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Array:
    return stream.random(shape, np.float32) * np.float32(high - low) + np.float32(low)


def _truncated_normal(stream: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers; those beyond ±2 are drawn again."""
    values = stream.standard_normal(shape, np.float32)
    flat = values.reshape(-1)
    beyond = np.flatnonzero(np.abs(flat) > 2)
    while beyond.size:
        again = stream.standard_normal(beyond.size, np.float32)
        flat[beyond] = again
        beyond = beyond[np.abs(again) > 2]
    return values
