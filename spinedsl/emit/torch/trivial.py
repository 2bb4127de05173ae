"""Write functions of a single operator in place: a class around one pool helps no reader.

1. A call of a function with one node, whose operator keeps nothing between calls, becomes that node.
2. The node keeps the call's name, value and shape.
3. Functions that nothing calls any more are left out.

Requires: every operator has a rule.
Ensures: the same values and parameters, under the same names.
"""

from __future__ import annotations

from dataclasses import replace

from spinedsl.emit.torch.operators import needs_layer
from spinedsl.graph.program import Call, Function, Node, Program


def write_in_place(program: Program) -> Program:
    """The program without calls of trivial functions."""
    functions: dict[str, Function] = {}
    trivial: dict[str, Function] = {}
    for name, function in program.functions.items():
        kept = _replaced(function, trivial)
        if (
            len(kept.nodes) == 1
            and not isinstance(kept.nodes[0].target, Call)
            and not needs_layer(kept.nodes[0])
        ):
            trivial[name] = kept
        else:
            functions[name] = kept
    main = _replaced(program.main, trivial)
    called = _called(main)
    for name in reversed(functions):
        if name in called:
            called |= _called(functions[name])
    used = {name: function for name, function in functions.items() if name in called}
    return replace(program, main=main, functions=used)


def _called(function: Function) -> set[str]:
    return {node.target.function for node in function.nodes if isinstance(node.target, Call)}


def _replaced(function: Function, trivial: dict[str, Function]) -> Function:
    if trivial.keys().isdisjoint(_called(function)):
        return function
    nodes = tuple(_in_place(node, trivial) for node in function.nodes)
    return replace(function, nodes=nodes)


def _in_place(node: Node, trivial: dict[str, Function]) -> Node:
    called = trivial.get(node.target.function) if isinstance(node.target, Call) else None
    if called is None:
        return node
    bound = {port.name: value for port, value in zip(called.inputs, node.inputs, strict=True)}
    (only,) = called.nodes
    return replace(node, target=only.target, inputs=tuple(bound[i] for i in only.inputs))
