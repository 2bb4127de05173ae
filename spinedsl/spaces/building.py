"""From a design to the network it describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from spinedsl.ir.adjusting import (
    ATTRIBUTES,
    adjusted_level,
    adjusted_width,
    adjustments_of,
    group_of,
    rule_of,
)
from spinedsl.ir.model import Adjustment, Block, Call, Connection, Network, Scalar, Space, trusted
from spinedsl.ir.possible import window_of
from spinedsl.records import record
from spinedsl.spaces.factors import Design

Values = Mapping[str, Any]
"""By attribute: what is chosen for a block."""


@record
class Builder:
    """Makes the networks of one space."""

    space: Space
    seed: Network

    def design(self) -> Design:
        """The seed's own: what factors don't decide stays as it is."""
        return Design(list(range(len(self.space.blocks))), list(self._own_parents))

    def network(self, design: Design, name: str) -> Network:
        """The network that a design describes."""
        fields: dict[str, Any] = {
            choice.field: choice.values[design.chosen[choice.setting]] for choice in self.space.choices
        }
        names = (*self.space.sources, *(block.name for block in self.space.blocks))
        blocks = tuple(self._block(place, design, names) for place in range(len(self.space.blocks)))
        fields |= {"name": name, "title": None, "published": (), "doc": "", "blocks": blocks}
        return self.seed.model_copy(update={**fields, "expectations": (), "space": None, "span": None})

    def _block(self, place: int, design: Design, names: tuple[str, ...]) -> Block:
        seed = self.space.blocks[design.placed[place]]
        values: Values = {
            adjustment.attribute: adjustment.values[design.adjusted[place, adjustment.attribute]]
            for adjustment in self._adjustments[place]
        }
        level = adjusted_level(seed, values["level"]) if "level" in values else seed.level
        return trusted(Block)(
            name=self.space.blocks[place].name,
            kind=self._kind(seed, values),
            level=level,
            width=self._width(seed, level, place, values),
            repeat=values.get("repeat", seed.repeat),
            merge=values.get("merge", seed.merge),
            inputs=self._inputs(place, design, names, values),
            endpoint=seed.endpoint,
        )

    def _kind(self, seed: Block, values: Values) -> Call:
        kind: Call = values.get("kind", seed.kind)
        stated = {name: value for name, value in values.items() if name not in ATTRIBUTES}
        if not stated:
            return kind
        arguments = {n: v for n, v in {**kind.arguments, **stated}.items() if v != self._defaults.get(n)}
        return trusted(Call)(name=kind.name, arguments=arguments)

    def _width(self, seed: Block, level: int, place: int, values: Values) -> int | None:
        if "width" not in values:
            return seed.width
        value: int = values["width"]
        relative = next(a.relative for a in self._adjustments[place] if a.attribute == "width")
        if not relative:
            return value
        # What the table says needn't be said by the block.
        return seed.width if value == 1 else adjusted_width(seed.width or self.seed.widths[level], value)

    def _inputs(
        self, place: int, design: Design, names: tuple[str, ...], values: Values
    ) -> tuple[Connection, ...]:
        parents = design.parents[place]
        rules: Sequence[Call | None]
        if "resample" in values:
            rules = [values["resample"]] * len(parents)
        elif window_of(self.space, self.space.blocks[place]) is not None:
            rules = [rule_of(self.space.blocks[design.placed[place]])] * len(parents)
        else:
            rules = [connection.via for connection in self.space.blocks[place].inputs]
        return tuple(
            trusted(Connection)(source=names[parent], via=rule)
            for parent, rule in zip(parents, rules, strict=True)
        )

    @cached_property
    def _defaults(self) -> dict[str, Scalar | None]:
        return {a.attribute: a.default for a in self.space.adjustments}

    @cached_property
    def _adjustments(self) -> tuple[tuple[Adjustment, ...], ...]:
        """By place: what is adjusted there."""
        return tuple(
            tuple(adjustments_of(self.space, group_of(block)).values()) for block in self.space.blocks
        )

    @cached_property
    def _own_parents(self) -> tuple[tuple[int, ...], ...]:
        names = (*self.space.sources, *(block.name for block in self.space.blocks))
        position = {name: index for index, name in enumerate(names)}
        return tuple(tuple(position[c.source] for c in block.inputs) for block in self.space.blocks)
