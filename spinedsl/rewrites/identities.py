"""Take out what changes nothing, and join enlargements that follow one another.

1. Enlarging to the extent that is there, scaling by 1, sums and concatenations of one feature, pools
   over one pixel, and drop path that never drops are their input.
2. Nearest up-sampling by whole factors a and then b, with no other reader between, is one by a · b.
3. A function that is left without nodes is not called.

Requires: functions stand before those that call them.
Ensures: the same values, bit for bit; no parameters change.
"""

from __future__ import annotations

from dataclasses import replace

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import Add, Concat, DropPath, Pool, Scale, Shape, Upsample
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import reads, with_functions


def identities(program: Program, decisions: Decisions) -> Program:
    """The program without them."""
    empty: dict[str, int] = {}
    functions: dict[str, Function] = {}
    for name, function in program.functions.items():
        rewritten = _rewritten(function, empty, decisions)
        if rewritten.nodes:
            functions[name] = rewritten
        else:
            ((_, value),) = rewritten.outputs
            empty[name] = [port.name for port in rewritten.inputs].index(value)
    return with_functions(program, functions, _rewritten(program.main, empty, decisions))


def _rewritten(function: Function, empty: dict[str, int], decisions: Decisions) -> Function:
    # Joined behind what went, not beside it: a value that goes has as many readers as there are.
    return _joined(_without(function, empty, decisions), decisions)


def _without(function: Function, empty: dict[str, int], decisions: Decisions) -> Function:
    """The function without what changes nothing: rules 1 and 3."""
    shapes = function.shapes()
    instead: dict[str, str] = {}
    nodes: list[Node] = []
    for node in function.nodes:
        inputs = tuple(instead.get(value, value) for value in node.inputs) if instead else node.inputs
        if isinstance(node.target, Call) and node.target.function in empty:
            instead[node.output] = inputs[empty[node.target.function]]
        elif not isinstance(node.target, Call) and _changes_nothing(node, shapes[node.inputs[0]]):
            instead[node.output] = inputs[0]
            decisions.applied(function, node, "it changes nothing")
        else:
            nodes.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    if not instead:
        return function
    outputs = tuple((name, instead.get(value, value)) for name, value in function.outputs)
    return replace(function, nodes=tuple(nodes), outputs=outputs)


def _joined(function: Function, decisions: Decisions) -> Function:
    """The function with enlargements that follow one another as one: rule 2."""
    if sum(isinstance(node.target, Upsample) for node in function.nodes) < 2:
        return function
    counts = reads(function)
    kept: dict[str, Node] = {}
    for node in function.nodes:
        before = kept.get(node.inputs[0])
        joint = _joint(before, node) if before is not None and counts[before.output] == 1 else None
        if before is not None and joint is not None:
            decisions.applied(function, node, f"one with {before.output}: {joint.factor} times in one step")
            del kept[before.output]
            node = replace(node, target=joint, inputs=before.inputs)
        kept[node.output] = node
    return replace(function, nodes=tuple(kept.values()))


def _changes_nothing(node: Node, before: Shape) -> bool:
    match node.target:
        case Upsample():
            return node.shape == before
        case Scale(factor=factor):
            return factor == 1
        case Add() | Concat():
            return len(node.inputs) == 1
        case Pool(kernel=kernel, stride=stride, pads=pads):
            return kernel == (1, 1) and stride == 1 and not any(pads)
        case DropPath(fraction=fraction):
            return fraction == 0
        case _:
            return False


def _joint(first: Node, second: Node) -> Upsample | None:
    one, other = first.target, second.target
    if not (isinstance(one, Upsample) and isinstance(other, Upsample)):
        return None
    if one.method != "nearest" or other.method != "nearest" or not one.factor or not other.factor:
        return None
    return replace(other, factor=one.factor * other.factor)
