"""Fold norms into the convolutions before them, in the functions that have both: for modules at inference.

1. A norm that is the only reader of a convolution goes; the convolution gets a bias, and remembers the
   norm: weights with the norm are folded when they are loaded.
2. It stays where levels share one of both, or have one apart.
3. It stays in `main`, where a module has no class that could fold.

Requires: nodes in running order.
Ensures: the same values at inference, up to rounding.
Source: Jacob et al. 2018 (arXiv 1712.05877), equation 14. ONNX files are folded without functions:
spinedsl/passes/fold_norms.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from spinedsl.graph.program import Function, Node
from spinedsl.ops import BatchNorm, Convolution
from spinedsl.ops.convolution import TakenNorm
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import reads


def folded_norms(function: Function, decisions: Decisions) -> Function:
    """The function with its norms in its convolutions."""
    counts = reads(function)
    names = Counter(node.name for node in function.nodes)
    made: dict[str, Node] = {}
    instead: dict[str, str] = {}
    for node in function.nodes:
        inputs = tuple(instead.get(value, value) for value in node.inputs)
        layer = made.get(inputs[0])
        if isinstance(node.target, BatchNorm):
            obstacle = _obstacle(function, node, layer, counts, names)
            if not obstacle:
                assert layer is not None and isinstance(layer.target, Convolution)
                taken = TakenNorm(node.name, node.target.eps, layer.target.bias)
                folded = replace(layer.target, bias=True, norm=taken)
                made[layer.output] = replace(layer, target=folded)
                instead[node.output] = layer.output
                decisions.applied(function, node, f"into {layer.output}")
                continue
            decisions.declined(function, node, obstacle)
        made[node.output] = node if inputs == node.inputs else replace(node, inputs=inputs)
    outputs = tuple((name, instead.get(value, value)) for name, value in function.outputs)
    return replace(function, nodes=tuple(made.values()), outputs=outputs)


def _obstacle(
    function: Function, norm: Node, layer: Node | None, counts: Counter[str], names: Counter[str]
) -> str:
    if layer is None or not isinstance(layer.target, Convolution) or layer.target.norm is not None:
        return f"{norm.inputs[0]} is no convolution of this function"
    if counts[layer.output] > 1:
        return f"{layer.output} is read {counts[layer.output]} times"
    if norm.own or layer.own or names[norm.name] > 1 or names[layer.name] > 1:
        return "levels share the convolution, or have norms of their own"
    if function.name == "main":
        return "it stands in the network itself"
    return ""
