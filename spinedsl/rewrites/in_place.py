"""Let activations write over what they read, so that no memory is fetched for their results.

1. Those whose derivative follows from their result: ReLU and ReLU6.
2. Where what they read was made anew, by an operator whose derivative doesn't need its result. Drop path
   hands its input on, and a call might.
3. Where nothing else reads that, and it isn't returned.

Requires: the runtime does as it is told (`Profile.in_place`).
Ensures: the same values, bit for bit, and the same gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import Activation, DropPath
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import reads

FUNCTIONS = ("relu", "relu6")


def in_place(program: Program, decisions: Decisions) -> Program:
    """The program with its activations in place where that can't be seen."""
    new: dict[str, bool] = {}
    functions: dict[str, Function] = {}
    for name, function in program.functions.items():
        functions[name] = _rewritten(function, new, decisions)
        ((_, value),) = function.outputs
        # A call may return what something inside of it still needs.
        made = {node.output: node for node in function.nodes}
        new[name] = value in made and reads(function)[value] == 1 and _is_new(made[value], new)
    return replace(program, functions=functions, main=_rewritten(program.main, new, decisions))


def _rewritten(function: Function, new: Mapping[str, bool], decisions: Decisions) -> Function:
    counts = reads(function)
    made = {node.output: node for node in function.nodes}
    nodes = []
    for node in function.nodes:
        operator = node.target
        if isinstance(operator, Activation) and not operator.in_place:
            source = made.get(node.inputs[0])
            if operator.function not in FUNCTIONS:
                reason = f"the derivative of {operator.function} needs its input"
            elif source is None:
                reason = f"{node.inputs[0]} is the caller's"
            elif not _is_new(source, new):
                reason = f"{source.output} may be another value, or is needed for its derivative"
            elif counts[source.output] > 1:
                reason = f"{source.output} is read {counts[source.output]} times"
            else:
                decisions.applied(function, node, f"over {source.output}")
                nodes.append(replace(node, target=replace(operator, in_place=True)))
                continue
            decisions.declined(function, node, reason)
        nodes.append(node)
    return replace(function, nodes=tuple(nodes))


def _is_new(node: Node, new: Mapping[str, bool]) -> bool:
    """Whether a node's value is in memory of its own, and no derivative needs it."""
    if isinstance(node.target, Call):
        return new[node.target.function]
    return not isinstance(node.target, DropPath | Activation)
