"""Functions that differ in numbers only become one class.

1. Functions of one definition belong together if their nodes have the same names and wiring, and
   their operators the same form.
2. Drop path is looked through: a function without it joins one with it, at a rate of 0.

Requires: every operator has a rule.
Ensures: a function's group is known before those of its callers.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.operators import RULES
from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import DropPath


@dataclass
class Group:
    """Functions that one class stands for.

    Attributes:
        members: in the program's order.
        model: the member that has everything the class has.
        drops: the structure of the members with drop path; None as long as there are none.
    """

    model: Function
    members: list[Function] = field(default_factory=list)
    drops: Hashable = None


@dataclass
class Grouping:
    """All groups, callees before callers, and which one each function is in."""

    groups: list[Group]
    group_of: dict[str, int]


def group_functions(program: Program, extents: Extents) -> Grouping:
    """Put the program's functions into groups."""
    grouping = Grouping([], {})
    alike: dict[Hashable, list[int]] = {}
    for function in program.functions.values():
        bare = _structure(function, extents, grouping.group_of, look_through=True)
        drops = None
        if any(drops_path(node) for node in function.nodes):
            drops = _structure(function, extents, grouping.group_of, look_through=False)
        candidates = alike.setdefault(bare, [])
        index = next((i for i in candidates if _joins(grouping.groups[i], drops)), None)
        if index is None:
            index = len(grouping.groups)
            candidates.append(index)
            grouping.groups.append(Group(function, drops=drops))
        group = grouping.groups[index]
        if drops is not None and group.drops is None:
            group.model, group.drops = function, drops
        group.members.append(function)
        grouping.group_of[function.name] = index
    return grouping


def drops_path(node: Node) -> bool:
    """Whether a node is a drop path, which one member may have and another not."""
    return isinstance(node.target, DropPath)


def _joins(group: Group, drops: Hashable) -> bool:
    return drops is None or group.drops is None or group.drops == drops


def _structure(
    function: Function, extents: Extents, group_of: dict[str, int], look_through: bool
) -> Hashable:
    """Everything of a function but its numbers; values are known by their position."""
    shapes = function.shapes()
    position = {port.name: -1 - index for index, port in enumerate(function.inputs)}
    rows: list[Hashable] = []
    for node in function.nodes:
        if look_through and drops_path(node):
            position[node.output] = position[node.inputs[0]]
            continue
        target: Hashable
        if isinstance(node.target, Call):
            target = group_of[node.target.function]
        else:
            kind = type(node.target)
            target = (kind, RULES[kind].form(node.target, extents, shapes[node.inputs[0]]).kind)
        position[node.output] = len(rows)
        rows.append((node.name, target, node.own, tuple(position[i] for i in node.inputs)))
    outputs = tuple(position[value] for _, value in function.outputs)
    return (function.definition, len(function.inputs), tuple(rows), outputs)
