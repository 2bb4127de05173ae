"""Search spaces: from what was written to the IR. Membership is checked by a pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spinedsl.diagnostics import fail, suggested
from spinedsl.ir.expressions import evaluate
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Network, SeedBlock, Space, Window, trusted
from spinedsl.ir.settings import choice, definition_of, whole
from spinedsl.syntax import nodes

GROUPS = ("intermediate", "output")


def resolve_space(name: nodes.Name, scope: Scope, network_of: Callable[[nodes.Name], Network]) -> Space:
    """The space called `name`, with the blocks of the network it starts from.

    Args:
        name: where a network says it is a member.
        scope: what the file can name.
        network_of: resolves the seed network.

    Raises:
        DiagnosticError: an unknown space or seed, or a rule with a wrong value.
    """
    node = scope.find("space", name.text)
    if not isinstance(node, nodes.Space):
        raise fail(
            "SP020",
            f"there is no search space “{name}”",
            name.span,
            **suggested(name.span, name.text, scope.names_of("space"), "import the file that declares it"),
        )
    seed = network_of(node.seed)
    fields: dict[str, Any] = {"connect": ()}
    for rule in node.rules:
        if isinstance(rule, nodes.Permute):
            fields["permute"] = tuple(choice(g, GROUPS, "group of blocks") for g in rule.groups)
        elif isinstance(rule, nodes.Connect):
            fields["connect"] += (_window(rule),)
        elif isinstance(rule, nodes.AdjustLevel):
            fields["level_offsets"] = tuple(_offset(o) for o in rule.offsets)
        else:
            fields["kinds"] = tuple(definition_of(scope, k, "block").name.text for k in rule.kinds)
    blocks = tuple(
        trusted(SeedBlock)(name=b.name, kind=b.kind.name, level=b.level, output=b.endpoint is not None)
        for b in seed.blocks
    )
    return trusted(Space)(name=node.name.text, seed=seed.name, blocks=blocks, span=node.name.span, **fields)


def _window(rule: nodes.Connect) -> Window:
    return trusted(Window)(
        count=whole(rule.count, "a number of inputs", 1, 64),
        last=None if rule.last is None else whole(rule.last, "a window", 1, 10_000),
        group=None if rule.group is None else choice(rule.group, GROUPS, "group of blocks"),
        span=rule.span,
    )


def _offset(node: nodes.Expression) -> int:
    value = evaluate(node, {})
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 62:
        raise fail(
            "SP030", "a level adjustment is a small whole number", node.span, help="write `{-1, 0, 1, 2}`"
        )
    return value
