"""Search spaces: from what was written to the IR.

A space has the rules of the one it extends, then its own; a later rule replaces an earlier one that
speaks of the same, and what is frozen stays as it is in the seed network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spinedsl.diagnostics import Diagnostics, Label, fail, suggested
from spinedsl.ir.adjusting import ATTRIBUTES
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import FeatureInput, Network, Space, StemBlock, trusted
from spinedsl.ir.possible import check_possible
from spinedsl.ir.space_rules import CHOOSABLE, Reader, group_named, read_requirement
from spinedsl.syntax import nodes

MAX_LINEAGE = 32
FREEZABLE = ("order", "connections", *ATTRIBUTES)
"""Parts that can be frozen; a parameter of the kinds and a setting too, by its name."""


def resolve_space(name: nodes.Name, scope: Scope, network_of: Callable[[nodes.Name], Network]) -> Space:
    """The space called `name`, with the blocks of the network it starts from.

    Args:
        name: where a network says it is a member.
        scope: what the file can name.
        network_of: resolves the seed network.

    Raises:
        DiagnosticError: an unknown space or seed, or a rule with a wrong value.
    """
    node = space_named(name, scope)
    return space_of(node, scope, network_of(node.seed))


def space_named(name: nodes.Name, scope: Scope) -> nodes.Space:
    """The space that a name means.

    Raises:
        DiagnosticError: there is none (SP020).
    """
    node = scope.find("space", name.text)
    if isinstance(node, nodes.Space):
        return node
    raise fail(
        "SP020",
        f"there is no search space “{name}”",
        name.span,
        **suggested(name.span, name.text, scope.names_of("space"), "import the file that declares it"),
    )


def space_of(node: nodes.Space, scope: Scope, seed: Network) -> Space:
    """What a space declares, of a seed network.

    Raises:
        DiagnosticError: everything that is wrong with its rules, or with those it extends.
    """
    diagnostics = Diagnostics()
    rules = _effective(_lineage(node, scope), diagnostics)
    reader = Reader(scope, seed, tuple(rule for rule in rules if isinstance(rule, nodes.Adjust)))
    found: dict[str, list[Any]] = {"connect": [], "adjustments": [], "choices": [], "requirements": []}
    permuted: tuple[Any, ...] = ()
    for rule in rules:
        with diagnostics.absorbing():
            match rule:
                case nodes.Permute():
                    permuted = tuple(group_named(group) for group in rule.groups)
                case nodes.Connect():
                    found["connect"].append(reader.window(rule))
                case nodes.Adjust():
                    found["adjustments"].append(reader.adjustment(rule))
                case nodes.Choose():
                    found["choices"].append(reader.choice(rule))
                case nodes.Require():
                    found["requirements"].append(read_requirement(rule))
    diagnostics.stop_on_errors()
    space = trusted(Space)(
        name=node.name.text,
        seed=seed.name,
        sources=sources_of(seed),
        blocks=seed.blocks,
        permute=permuted,
        span=node.name.span,
        **{name: tuple(values) for name, values in found.items()},
    )
    check_possible(space, seed.widths, diagnostics)
    diagnostics.stop_on_errors()
    return space


def sources_of(network: Network) -> tuple[str, ...]:
    """What stands before a network's blocks and may be read by all."""
    if isinstance(network.input, FeatureInput):
        return tuple(feature.name for feature in network.input.features)
    return tuple(item.name for item in network.stem if isinstance(item, StemBlock))


def _effective(lineage: Iterable[nodes.Space], diagnostics: Diagnostics) -> list[nodes.SpaceRule]:
    """The rules that hold: later ones instead of earlier ones, without what is frozen."""
    rules: list[nodes.SpaceRule] = []
    for space in lineage:
        own: list[nodes.SpaceRule] = []
        frozen = [part for rule in space.rules if isinstance(rule, nodes.Freeze) for part in rule.parts]
        for rule in space.rules:
            again = next((other for other in own if _same_subject(rule, other)), None)
            if again is not None:
                diagnostics.add(
                    "SP024", f"“{_subject(rule)}” has two rules", rule.span,
                    secondary=[Label(again.span, "the other one")], help="remove one of them",
                )  # fmt: skip
            elif not isinstance(rule, nodes.Freeze):
                own.append(rule)
        for part in frozen:
            _check_frozen(part, [*rules, *own], diagnostics)
        rules = [rule for rule in rules if not any(_same_subject(rule, other) for other in own)]
        stopped = {part.text for part in frozen}
        rules = [rule for rule in (*rules, *own) if _subject(rule) not in stopped]
    return rules


def _subject(rule: nodes.SpaceRule) -> str:
    """What a rule speaks of, as `freeze` calls it; "" for what nothing replaces."""
    match rule:
        case nodes.Permute():
            return "order"
        case nodes.Connect():
            return "connections"
        case nodes.Adjust(attribute=attribute):
            return attribute.text
        case nodes.Choose(setting=setting):
            return setting.text
    return ""


def _same_subject(one: nodes.SpaceRule, other: nodes.SpaceRule) -> bool:
    """Whether two rules speak of the same thing of the same blocks."""
    if not _subject(one) or type(one) is not type(other) or _subject(one) != _subject(other):
        return False
    if isinstance(one, nodes.Connect | nodes.Adjust) and isinstance(other, nodes.Connect | nodes.Adjust):
        return one.group is None or other.group is None or one.group.text == other.group.text
    return True


def _check_frozen(part: nodes.Name, rules: Iterable[nodes.SpaceRule], diagnostics: Diagnostics) -> None:
    known = dict.fromkeys((*FREEZABLE, *CHOOSABLE, *(_subject(rule) for rule in rules)))
    known.pop("", None)
    if part.text not in known:
        diagnostics.add(
            "SP030", f"there is no “{part}” to freeze", part.span,
            **suggested(part.span, part.text, known, f"freeze {', '.join(FREEZABLE[:3])}, …"),
        )  # fmt: skip


def _lineage(node: nodes.Space, scope: Scope) -> list[nodes.Space]:
    """The spaces it extends, oldest first, itself last."""
    lineage = [node]
    while (name := lineage[-1].extends) is not None:
        parent = space_named(name, scope)
        if any(parent is member for member in lineage):
            raise fail(
                "SP022", f"“{node.name}” extends itself in a circle", name.span,
                help="let one of them stand on its own",
            )  # fmt: skip
        if len(lineage) >= MAX_LINEAGE:
            raise fail(
                "SP002", f"more than {MAX_LINEAGE} spaces extend one another", name.span,
                help="let one of them stand on its own",
            )  # fmt: skip
        lineage.append(parent)
    return lineage[::-1]
