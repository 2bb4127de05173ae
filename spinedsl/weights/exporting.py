"""A network's parameters as published code keeps them: what `importing` does, undone."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.pipeline import AnyCompilation
from spinedsl.weights.published import Origin, published_names
from spinedsl.weights.types import Array, Weights


def exported_shapes(compilation: AnyCompilation, origin: Origin) -> dict[str, tuple[int, ...]]:
    """Every published variable with its shape there, in running order.

    Raises:
        DiagnosticError: the published code builds no such network (SP051).
    """
    parameters = compilation.inlined.parameters()
    names = published_names(compilation, origin)
    return {p.name: p.shape_there(parameters[name].shape) for name, p in names.items()}


def exported(compilation: AnyCompilation, origin: Origin, weights: Weights) -> Iterator[tuple[str, Array]]:
    """Every published variable with its numbers, in running order.

    Args:
        compilation: the network or model.
        origin: for whose code.
        weights: every parameter, in running order.
    """
    names = published_names(compilation, origin)
    for name, array in weights:
        yield names[name].name, names[name].there(array)
