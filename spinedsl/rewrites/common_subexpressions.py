"""Make a value once that was made twice.

1. Two operators are one if they are equal, read the same values, and have no parameters or the same
   ones.
2. Two calls are one if their function is, under the same conditions.
3. What is random in training, drop path, stays.

Requires: nodes in running order.
Ensures: the same values, bit for bit; no parameters change.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import DropPath
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import with_functions


def common_subexpressions(program: Program, decisions: Decisions) -> Program:
    """The program with every value made once."""
    kinds: dict[str, _Kind] = {}
    functions = {}
    for name, function in program.functions.items():
        functions[name] = _rewritten(function, kinds, decisions)
        kinds[name] = _kind(functions[name], kinds)
    return with_functions(program, functions, _rewritten(program.main, kinds, decisions))


_Kind = tuple[bool, bool]
"""Of a function or operator: whether it has parameters, and whether it is random in training."""


def _kind(function: Function, kinds: Mapping[str, _Kind]) -> _Kind:
    found = [_kind_of(node, kinds) for node in function.nodes]
    return any(kind[0] for kind in found), any(kind[1] for kind in found)


def _kind_of(node: Node, kinds: Mapping[str, _Kind]) -> _Kind:
    if isinstance(node.target, Call):
        return kinds[node.target.function]
    return bool(node.target.parameters()), isinstance(node.target, DropPath)


def _rewritten(function: Function, kinds: Mapping[str, _Kind], decisions: Decisions) -> Function:
    first: dict[Hashable, Node] = {}
    instead: dict[str, str] = {}
    nodes = []
    for node in function.nodes:
        inputs = tuple(instead.get(value, value) for value in node.inputs)
        node = node if inputs == node.inputs else replace(node, inputs=inputs)
        parameters, random = _kind_of(node, kinds)
        # Of one name are the parameters; of one instance those that every level has its own of.
        key = (node.target, inputs, node.shape, (node.name, node.instance) if parameters else None)
        known = first.setdefault(key, node)
        if known is node or random:
            nodes.append(node)
            continue
        instead[node.output] = known.output
        decisions.applied(function, node, f"the same as {known.output}")
    if not instead:
        return function
    outputs = tuple((name, instead.get(value, value)) for name, value in function.outputs)
    return replace(function, nodes=tuple(nodes), outputs=outputs)
