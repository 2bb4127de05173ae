"""Fold batch norms into the layers they follow: what inference needs, and quantisation wants.

A layer is what multiplies by weights: a convolution, plain or transposed, or a dense layer.

1. A norm that is the only reader of a layer goes: the layer is scaled, and gets a bias.
2. A norm stays where it follows something else, or where its layer is read twice or is an endpoint.
3. Whoever read the norm's value reads the layer's.
4. A layer that shares its parameters gets a folded copy for each norm, named after the first use of
   the two together; uses that keep the original parameters keep their name.
5. Every new parameter says what it is made of, as data: weights follow later, one tensor at a time
   (spinedsl/weights/folded.py).

Requires: nodes in running order.
Ensures: the same values at inference, up to rounding; training differs, so only targets that don't
train may run it. A program without such norms comes back equal.
Source: Jacob et al. 2018 (arXiv 1712.05877), equation 14.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Literal

from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.ops import BatchNorm, Convolution, Deconvolution, Dense, Operator, Parameter
from spinedsl.records import record

CHANNEL_AXES: dict[type[Operator], int] = {Convolution: 0, Deconvolution: 1, Dense: 0}
"""Every layer, and the axis of its weights that counts output channels."""


@record
class FoldedParameter:
    """A layer's parameter that took a norm in.

    With s = norm.weight / sqrt(norm.running_var + eps) for each output channel, `weight` is
    layer.weight · s, and `bias` is norm.bias + (layer.bias - norm.running_mean) · s.

    Attributes:
        layer, norm: what held the parameters before.
        axis: of the weights, that counts output channels.
        biased: whether the layer had a bias.
    """

    part: Literal["weight", "bias"]
    layer: str
    norm: str
    eps: float
    axis: int
    biased: bool

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the parameters it is made of."""
        norm = (f"{self.norm}.weight", f"{self.norm}.running_var")
        if self.part == "weight":
            return (f"{self.layer}.weight", *norm)
        bias = (f"{self.layer}.bias",) if self.biased else ()
        return (*norm, f"{self.norm}.bias", f"{self.norm}.running_mean", *bias)


Origin = str | FoldedParameter
"""What a parameter is made of: the one of this name, or several."""


@record
class Folding:
    """A program without the norms that could go.

    Attributes:
        inlined: the program.
        origins: each of its parameters by name, in running order.
        folded: names of the norms that went → names of the layers that do their work.
    """

    inlined: Inlined
    origins: dict[str, Origin]
    folded: dict[str, str]


def fold_norms(inlined: Inlined) -> Folding:
    """The program with its norms folded, and where its parameters come from."""
    norms = _foldable(inlined)
    holders = _holders(inlined, norms)
    renamed = {norm.name: layer for layer, norm in norms.items()}
    nodes: list[InlinedNode] = []
    origins: dict[str, Origin] = {}
    for node in inlined.nodes:
        if node.name in renamed:
            continue
        norm = norms.get(node.name)
        made = replace(node, inputs=tuple(renamed.get(value, value) for value in node.inputs))
        if norm is not None:
            made = replace(made, operator=_biased(node.operator), holder=holders[node.name])
        nodes.append(made)
        for parameter in made.operator.parameters():
            name = f"{made.holder}.{parameter.name}"
            origins.setdefault(name, name if norm is None else _folded(parameter, node, norm))
    outputs = {endpoint: renamed.get(value, value) for endpoint, value in inlined.outputs.items()}
    values = {value: renamed.get(name, name) for value, name in inlined.values.items()}
    return Folding(Inlined(tuple(nodes), outputs, values), origins, renamed)


class PartsFolding:
    """Folds the norms of every part of a model that it is given, and remembers what they were made of.

    Attributes:
        before: the parameters of all parts before, by name.
        origins: what the parameters are made of now.
    """

    def __init__(self) -> None:
        self.before: dict[str, Parameter] = {}
        self.origins: dict[str, Origin] = {}

    def __call__(self, inlined: Inlined) -> Inlined:
        folding = fold_norms(inlined)
        self.before |= inlined.parameters()
        self.origins |= folding.origins
        return folding.inlined


def _foldable(inlined: Inlined) -> dict[str, InlinedNode]:
    """Name of a layer → the norm it takes in (rules 1 and 2)."""
    reads = Counter(value for node in inlined.nodes for value in node.inputs)
    reads.update(inlined.outputs.values())
    layers = {node.name for node in inlined.nodes if type(node.operator) in CHANNEL_AXES}
    return {
        node.inputs[0]: node
        for node in inlined.nodes
        if isinstance(node.operator, BatchNorm) and node.inputs[0] in layers and reads[node.inputs[0]] == 1
    }


def _holders(inlined: Inlined, norms: dict[str, InlinedNode]) -> dict[str, str]:
    """Name of a layer that takes a norm in → the holder of its new parameters (rule 4)."""
    taken = {node.holder for node in inlined.nodes if node.operator.parameters() and node.name not in norms}
    pairs: dict[tuple[str, str], str] = {}
    found: dict[str, str] = {}
    for node in inlined.nodes:
        if node.name in norms:
            pair = (node.holder, norms[node.name].holder)
            if pair not in pairs:
                pairs[pair] = _free(node.name, taken)
                taken.add(pairs[pair])
            found[node.name] = pairs[pair]
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += ".folded"
    return name


def _biased(operator: Operator) -> Operator:
    assert isinstance(operator, Convolution | Deconvolution | Dense)
    return replace(operator, bias=True)


def _folded(parameter: Parameter, layer: InlinedNode, norm: InlinedNode) -> FoldedParameter:
    operator = layer.operator
    assert isinstance(operator, Convolution | Deconvolution | Dense) and isinstance(norm.operator, BatchNorm)
    part: Literal["weight", "bias"] = "bias" if parameter.name == "bias" else "weight"
    axis = CHANNEL_AXES[type(operator)]
    return FoldedParameter(part, layer.holder, norm.holder, norm.operator.eps, axis, operator.bias)
