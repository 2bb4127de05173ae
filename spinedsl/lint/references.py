"""Which names an item uses, by kind: `("definition", "bottleneck")`, as scopes know them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from spinedsl.ir.loading import Named, Scope
from spinedsl.ir.resolve import DEFAULT_CONVENTIONS
from spinedsl.syntax import nodes

Key = tuple[str, str]

IMPLIED: tuple[Key, ...] = (
    ("definition", "cross_scale"),
    ("definition", "sum"),
    ("definition", "endpoint"),
    ("conventions", DEFAULT_CONVENTIONS),
)
"""What a network may use without naming it."""


def references(item: Named) -> set[Key]:
    """Everything an item names, or a network may imply; some of it may be no item of a scope."""
    found = set(IMPLIED) if isinstance(item, nodes.Network) else set()
    for node in _walk(item):
        match node:
            case nodes.Network(extends=nodes.Name() as name) | nodes.Model(extends=nodes.Name() as name):
                found.add(("network", name.text))
            case nodes.Part(network=name):
                found.add(("network", name.text))
            case nodes.Space(seed=name, extends=extends):
                found.add(("network", name.text))
                if extends is not None:
                    found.add(("space", extends.text))
            case nodes.Setting(key="conventions", value=nodes.Name() as name):
                found.add(("conventions", name.text))
            case nodes.Setting(key="member of", value=nodes.Name() as name):
                found.add(("space", name.text))
            case nodes.Call(name=name) | nodes.Step(name=name):
                found.add(("definition", name.text))
    return found


def reached(scope: Scope) -> dict[int, Named]:
    """All items that the networks, models and search spaces of a file use, themselves included, by `id`."""
    found: dict[int, Named] = {}
    pending: list[Named] = [*scope.compiled(), *(i for i in scope.own if isinstance(i, nodes.Space))]
    while pending:
        item = pending.pop()
        if id(item) not in found:
            found[id(item)] = item
            # Names of what was imported are looked up where the network stands, too.
            pending += [used for key in references(item) if (used := scope.names.get(key)) is not None]
    return found


def _walk(item: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all below it, with a stack of its own: expressions nest."""
    stack: list[object] = [item]
    while stack:
        value = stack.pop()
        if isinstance(value, tuple):
            stack.extend(value)
        elif isinstance(value, nodes.Node):
            yield value
            stack.extend(getattr(value, field.name) for field in dataclasses.fields(value))
