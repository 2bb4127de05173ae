"""Weights of a program whose norms were folded, made of those it had before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import fail
from spinedsl.passes.fold_norms import FoldedParameter, Origin
from spinedsl.weights.types import Array, Weights


def folded_weights(weights: Weights, origins: Mapping[str, Origin]) -> Iterator[tuple[str, Array]]:
    """The parameters that `fold_norms` left, in its order.

    Args:
        weights: every parameter of the program before, in running order. A tensor is held until
            nothing more is made of it: a layer's weights until its norm has come.
        origins: what each new parameter is made of.

    Raises:
        DiagnosticError: a folded number isn't finite in float32 (SP051); and what `weights` raises.
    """
    left = Counter(name for origin in origins.values() for name in _needs(origin))
    stream = iter(weights)
    held: dict[str, Array] = {}
    for name, origin in origins.items():
        for needed in _needs(origin):
            while needed not in held:
                found, array = next(stream)
                if left[found]:
                    held[found] = array
        yield name, _made(name, origin, held)
        for needed in _needs(origin):
            left[needed] -= 1
            if not left[needed]:
                del held[needed]
    for _ in stream:
        # What nobody needs is read all the same: a file of weights is checked to its end.
        pass


def _needs(origin: Origin) -> tuple[str, ...]:
    return (origin,) if isinstance(origin, str) else origin.needs


def _made(name: str, origin: Origin, held: Mapping[str, Array]) -> Array:
    if isinstance(origin, str):
        return held[origin]
    with np.errstate(all="ignore"):
        array = _folded(origin, held).astype(np.float32)
    if not np.isfinite(array).all():
        raise fail(
            "SP051",
            f"“{origin.norm}” can't be folded into “{origin.layer}”: “{name}” would not be finite",
            help="check the norm's running variance: zero without an epsilon can't be divided by",
        )
    return array


def _folded(origin: FoldedParameter, held: Mapping[str, Array]) -> NDArray[np.float64]:
    """In float64, so that the result is rounded once."""
    norm = {part: held[f"{origin.norm}.{part}"].astype(np.float64) for part in _parts(origin)}
    scale = norm["weight"] / np.sqrt(norm["running_var"] + origin.eps)
    if origin.part == "weight":
        weights = held[f"{origin.layer}.weight"]
        return weights * scale.reshape([-1 if axis == origin.axis else 1 for axis in range(weights.ndim)])
    bias = held[f"{origin.layer}.bias"].astype(np.float64) if origin.biased else 0.0
    return norm["bias"] + (bias - norm["running_mean"]) * scale


def _parts(origin: FoldedParameter) -> tuple[str, ...]:
    scale = ("weight", "running_var")
    return scale if origin.part == "weight" else (*scale, "bias", "running_mean")
