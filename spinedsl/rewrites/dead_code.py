"""Leave out what nobody reads.

1. A node whose value is neither read nor returned goes, and a function that nothing calls.
2. What holds parameters stays: checkpoints of the written form have them, and load as they are.

Requires: nodes in running order.
Ensures: the same endpoints, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import called_functions, with_functions


def dead_code(program: Program, decisions: Decisions) -> Program:
    """The program without it."""
    holding: dict[str, bool] = {}
    functions: dict[str, Function] = {}
    for name, function in program.functions.items():
        functions[name] = _alive(function, holding, decisions)
        holding[name] = any(_holds(node, holding) for node in functions[name].nodes)
    main = _alive(program.main, holding, decisions)
    return with_functions(program, called_functions(functions, main), main)


def _alive(function: Function, holding: Mapping[str, bool], decisions: Decisions) -> Function:
    needed = {value for _, value in function.outputs}
    kept: list[Node] = []
    for node in reversed(function.nodes):
        if node.output in needed:
            pass
        elif _holds(node, holding):
            decisions.declined(function, node, "nobody reads it, but checkpoints have its parameters")
        else:
            decisions.applied(function, node, "nobody reads it")
            continue
        needed.update(node.inputs)
        kept.append(node)
    return function if len(kept) == len(function.nodes) else replace(function, nodes=tuple(reversed(kept)))


def _holds(node: Node, holding: Mapping[str, bool]) -> bool:
    if isinstance(node.target, Call):
        return holding[node.target.function]
    return bool(node.target.parameters())
