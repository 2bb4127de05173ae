"""Every parameter of a network or model with the variable that published checkpoints hold for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.graph.assembly import Part
from spinedsl.graph.tasks import Classification, Detection
from spinedsl.ops import Parameter
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.source import Span
from spinedsl.weights.published.garden import garden_layers
from spinedsl.weights.published.heads import GARDEN_HEAD, TPU_CLASSIFIER, TPU_HEAD, retinanet_layers
from spinedsl.weights.published.layers import DENSE, Layer, Published
from spinedsl.weights.published.port import port_layers
from spinedsl.weights.published.structure import Structure, structure
from spinedsl.weights.published.tpu import tpu_layers

Origin = Literal["garden", "tpu", "port"]
"""Whose checkpoint it is: the names are those of the conventions."""

ORIGINS: dict[Origin, Callable[[Structure], dict[str, Layer]]] = {
    "garden": garden_layers,
    "tpu": tpu_layers,
    "port": port_layers,
}
"""What gives the layers of a backbone."""

RETINANETS = {"garden": GARDEN_HEAD, "tpu": TPU_HEAD}
SHOWN = 20


def published_names(compilation: AnyCompilation, origin: Origin) -> dict[str, Published]:
    """Every parameter's published variable, in running order; no two parameters share one.

    In `garden`, `b2.conv1.weight` is `bottleneck_block_2/conv2d/kernel`. The blocks must stand in the
    order in which the published network lists them: names are numbers and say nothing else.

    Raises:
        DiagnosticError: the published code builds no such network (SP051).
    """
    parameters = compilation.inlined.parameters()
    if isinstance(compilation, ModelCompilation):
        layers: dict[str, Layer] = {}
        for part in compilation.assembly.parts:
            layers |= _part_layers(compilation, part, parameters, origin)
    else:
        layers = ORIGINS[origin](structure(compilation))
    names: dict[str, Published] = {}
    without: list[str] = []
    for parameter in parameters:
        operator, _, last = parameter.rpartition(".")
        layer = layers.get(operator)
        published = None
        if layer is not None:
            published = layer.torch(last) if origin == "port" else layer.tensorflow(last)
        if published is None:
            without.append(parameter)
        else:
            names[parameter] = published
    operators = {parameter.rpartition(".")[0] for parameter in parameters}
    unmet = [layer.path for operator, layer in layers.items() if operator not in operators]
    _refuse_what_is_left(without, unmet, compilation.subject.span)
    return names


def _part_layers(
    model: ModelCompilation, part: Part, parameters: dict[str, Parameter], origin: Origin
) -> dict[str, Layer]:
    """The layers of one part of a model."""
    if part.role == "backbone":
        layers = ORIGINS[origin](structure(model.parts[0]))
        return {f"{part.name}.{operator}": layer for operator, layer in layers.items()}
    if isinstance(part.task, Detection) and origin in RETINANETS:
        return retinanet_layers(parameters, part.name, part.task, RETINANETS[origin])
    if isinstance(part.task, Classification) and origin == "tpu":
        return {f"{part.name}.logits": Layer(DENSE, TPU_CLASSIFIER)}
    raise fail(
        "SP051",
        f"the names of a {part.role} “{part.name}” in checkpoints of “{origin}” aren't known",
        model.subject.span,
        help=f"import the backbone alone: `--for` the network “{model.network.name}”",
    )


def _refuse_what_is_left(without: list[str], unmet: list[str], span: Span | None) -> None:
    """Parameters without a published layer, and published layers without an operator."""
    diagnostics = Diagnostics()
    help = "checkpoints exist for the networks as published"
    if without:
        message = f"the published network has no counterpart of {listed(without)}"
        diagnostics.add("SP051", message, span, help=help)
    if unmet:
        message = f"the network has no counterpart of the published {listed(unmet)}"
        diagnostics.add("SP051", message, span, help=help)
    diagnostics.stop_on_errors()


def listed(names: Iterable[str]) -> str:
    """Up to `SHOWN` names in quotes, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN]) + rest
