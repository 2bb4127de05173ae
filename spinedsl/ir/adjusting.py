"""What a search space adjusts in blocks: what attributes there are, and what each may be.

A member's block stands in the place of one of the seed's. `look` is what it looks like there;
`looks` are the values that each attribute may have, given which block of the seed it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from fractions import Fraction

from spinedsl.ir.expressions import exact
from spinedsl.ir.model import Adjustment, Block, Call, Group, Scalar, Space

ATTRIBUTES = ("level", "kind", "width", "repeat", "merge", "resample")
"""Adjustable in every block; besides them, the parameters that all kinds have."""
RELATIVE = frozenset({"level", "width"})
"""Those that are adjusted `by` something."""

Look = Mapping[str, Hashable]
"""Values by attribute: numbers, names, calls as `hashable` makes them, None for what the network says."""


def group_of(block: Block) -> Group:
    """Intermediate, or output."""
    return "intermediate" if block.endpoint is None else "output"


def adjustments_of(space: Space, group: Group) -> dict[str, Adjustment]:
    """What is adjusted in the blocks of a group, by attribute."""
    return {a.attribute: a for a in space.adjustments if a.group in (None, group)}


def look(block: Block, space: Space, widths: Mapping[int, int]) -> Look:
    """What a block looks like, in all that spaces can adjust.

    Args:
        widths: the table of its network.
    """
    parameters = _parameters(space)
    arguments = block.kind.arguments
    kept = {n: v for n, v in arguments.items() if n not in parameters}
    return {
        "level": block.level,
        "kind": hashable(Call.model_construct(name=block.kind.name, arguments=kept)),
        "width": block.width or widths.get(block.level),
        "repeat": block.repeat,
        "merge": hashable(block.merge),
        "resample": hashable(rule_of(block)),
        **{name: arguments.get(name, default) for name, default in parameters.items()},
    }


def looks(
    seed: Block, level: int, space: Space, widths: Mapping[int, int]
) -> Mapping[str, frozenset[Hashable]]:
    """What a block in the place of one of the seed's may look like.

    Where connections are the seed's, their rules are a matter of the place: the attribute is left out.

    Args:
        level: its own; the width that the table gives depends on it.
    """
    own = look(seed, space, widths)
    possible = {name: frozenset({value}) for name, value in own.items()}
    possible["width"] = frozenset({seed.width or widths.get(level)})
    if not any(window.group in (None, group_of(seed)) for window in space.connect):
        del possible["resample"]
    for attribute, adjustment in adjustments_of(space, group_of(seed)).items():
        possible[attribute] = frozenset(adjusted_values(seed, adjustment, level, widths))
    return possible


def adjusted_values(
    seed: Block, adjustment: Adjustment, level: int, widths: Mapping[int, int]
) -> tuple[Hashable, ...]:
    """What an attribute becomes by each of an adjustment's values, in their order.

    Args:
        level, widths: as `looks`.
    """
    if adjustment.attribute == "level":
        return tuple(adjusted_level(seed, value) for value in adjustment.values)
    if adjustment.attribute == "width" and adjustment.relative:
        table = seed.width or widths.get(level)
        return tuple(None if table is None else adjusted_width(table, v) for v in adjustment.values)
    return tuple(hashable(value) for value in adjustment.values)


def adjusted_level(seed: Block, offset: Call | Scalar) -> int:
    """The seed's level, moved."""
    assert isinstance(offset, int)
    return seed.level + offset


def adjusted_width(width: int, factor: Call | Scalar) -> int:
    """A width times a factor, rounded down; at least 1."""
    assert isinstance(factor, int | float)
    return max(1, int(Fraction(width) * exact(factor)))


def rule_of(block: Block) -> Call | None:
    """The rule of all connections of a block; None, the network's, if they don't agree."""
    first, *others = (connection.via for connection in block.inputs)
    return first if all(rule == first for rule in others) else None


def hashable(value: Call | Scalar | None) -> Hashable:
    """A call as the tuple of its name and arguments; everything else as it is."""
    if isinstance(value, Call):
        return (value.name, *sorted(value.arguments.items()))
    return value


def _parameters(space: Space) -> dict[str, Scalar | None]:
    """The parameters of kinds that are adjusted, and what each is where a block doesn't state it."""
    return {a.attribute: a.default for a in space.adjustments if a.attribute not in ATTRIBUTES}
