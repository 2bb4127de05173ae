"""Constructor parameters of a class: what they are called, and which value each member gives them.

Numbers of one node, taken over all members of a group, are a column. A column of one value stays a
literal; channels are parameters always, so that a class can be read without knowing the network.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from spinedsl.emit.torch.grouping import Group
from spinedsl.emit.torch.rule import literal
from spinedsl.ir.names import RESERVED

Column = tuple[Any, ...]
Kind = Literal["channels", "number", "drop_path"]

HELPER_FUNCTIONS = ("checkpointed", "padded_avg_pool2d", "resize_nearest", "space_to_depth")
"""What a `forward` may call."""

UNNAMEABLE = frozenset(
    (*dir(builtins), *keyword.kwlist, *HELPER_FUNCTIONS, "self", "torch", "nn", "F", "x", "level", "levels")
)
"""What no parameter or variable may be called."""

NO_CHANNELS = frozenset(
    ("level", "stride", "depth", "dilation", "expand", "steps", "factor", "kernel", "groups")
)
"""Arguments that count something else."""

MAX_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class Parameter:
    """One constructor parameter; `column` holds its value for each member."""

    name: str
    kind: Kind
    column: Column

    @property
    def annotation(self) -> str:
        """Its type, as Python writes it."""
        if self.kind == "drop_path":
            return "float"
        types = dict.fromkeys(_annotation(value) for value in self.column)
        return " | ".join(sorted(types))


def _annotation(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_annotation(v) for v in value)}]"
    return "int" if isinstance(value, int) else "float"


@dataclass
class Parameters:
    """The parameters of one class, declared as they are first used."""

    group: Group
    declared: dict[str, Parameter] = field(default_factory=dict)
    inputs: Column = field(init=False)
    outputs: Column = field(init=False)
    arguments: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        members = self.group.members
        self.inputs = tuple(m.inputs[0].shape.channels for m in members)
        self.outputs = tuple(m.shapes()[m.outputs[0][1]].channels for m in members)
        self.arguments = _integer_columns([dict(m.arguments) for m in members])

    def ordered(self) -> list[Parameter]:
        """As the constructor takes them: channels first, drop path last."""
        kinds = {"channels": 2, "number": 3, "drop_path": 4}
        first = {"in_channels": 0, "width": 1}
        return sorted(self.declared.values(), key=lambda p: first.get(p.name, kinds[p.kind]))

    def input_channels(self) -> str:
        """Channels of the first input."""
        return self._declare("in_channels", "channels", self.inputs)

    def channels(self, column: Column, hint: str = "hidden_channels") -> str:
        """An expression for channels: the width or a multiple, else what else has these values."""
        width = self.arguments.get("width")
        if width == column:
            return self._declare("width", "channels", column)
        stated = {c[0] for n, c in self.arguments.items() if "." not in n and len(set(c)) == 1}
        for name, base in (("in_channels", self.inputs), ("width", width)):
            multiple = _multiple(column, base)
            if base is not None and multiple in stated and multiple != 1:
                return f"{multiple} * {self._declare(name, 'channels', base)}"
        multiple = _multiple(column, width)
        if width is not None and multiple is not None and multiple <= MAX_MULTIPLE:
            return f"{multiple} * {self._declare('width', 'channels', width)}"
        if column == self.outputs and (column != self.inputs or self._states_outputs()):
            return self._declare("out_channels", "channels", column)
        for parameter in self.declared.values():
            if parameter.kind == "channels" and parameter.column == column != self.inputs:
                return parameter.name
        if column == self.inputs:
            return self.input_channels()
        multiple = _multiple(column, self.inputs)
        if multiple is not None and multiple <= MAX_MULTIPLE:
            return f"{multiple} * {self.input_channels()}"
        return self._declare(self._argument_name(column) or hint, "channels", column)

    def _states_outputs(self) -> bool:
        names = ("channels", "target.channels", "out", "out_channels")
        return any(self.arguments.get(name) == self.outputs for name in names)

    def number(self, name: str, column: Column) -> str:
        """A literal if all members agree, else a parameter."""
        if len(set(column)) == 1:
            return literal(column[0])
        for parameter in self.declared.values():
            # Half a window grows with the dilation: one number serves both.
            alike = parameter.name in (name, "dilation") and name in (parameter.name, "padding")
            if parameter.kind == "number" and alike and parameter.column == column:
                return parameter.name
        return self._declare(name, "number", column)

    def drop_path(self, column: Column) -> str:
        """The rate of a drop path; never a literal, as the user chooses it."""
        for parameter in self.declared.values():
            if parameter.kind == "drop_path" and parameter.column == column:
                return parameter.name
        return self._declare("drop_path", "drop_path", column)

    def _argument_name(self, column: Column) -> str | None:
        """The definition's own word for these channels, if that is no coincidence."""
        for name, values in self.arguments.items():
            if "." not in name and name not in UNNAMEABLE | NO_CHANNELS and values == column:
                return name
        return None

    def _declare(self, name: str, kind: Kind, column: Column) -> str:
        # Numbers may have to be kept as attributes, beside the layers.
        taken = RESERVED.union(n.name for n in self.group.model.nodes) if kind == "number" else ()
        candidate, number = name, 2
        while True:
            known = self.declared.get(candidate)
            if known is not None and known.kind == kind and known.column == column:
                return candidate
            if known is None and candidate not in taken and candidate not in UNNAMEABLE:
                self.declared[candidate] = Parameter(candidate, kind, column)
                return candidate
            candidate = f"{name}{number}"
            number += 1


def _integer_columns(tables: Sequence[dict[str, object]]) -> dict[str, Column]:
    """Arguments that are integers for every member."""
    columns: dict[str, Column] = {}
    for name in tables[0]:
        column = tuple(table.get(name) for table in tables)
        if all(type(value) is int for value in column):
            columns[name] = column
    return columns


def _multiple(column: Column, base: Column | None) -> int | None:
    """The one whole number that makes `column` of `base`."""
    if base is None or not base[0] or column[0] % base[0]:
        return None
    multiple: int = column[0] // base[0]
    return multiple if _scaled(base, multiple, column) else None


def _scaled(base: Iterable[int], multiple: int, column: Iterable[int]) -> bool:
    return all(b * multiple == c for b, c in zip(base, column, strict=True))


def share(rate: str, fraction: Fraction) -> str:
    """`rate * 3 / 16`."""
    text = rate if fraction.numerator == 1 else f"{rate} * {fraction.numerator}"
    return text if fraction.denominator == 1 else f"{text} / {fraction.denominator}"
