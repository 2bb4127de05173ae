"""What the target must know of an operator to write it.

A rule splits an operator into its form, which all members of a class share, and its slots: the
numbers that may differ between members and then become constructor parameters. From the texts of
the slots it writes the layer for `__init__`, if the operator needs one, and the expression for
`forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.layout import Expression
from spinedsl.ops import Shape

Role = Literal["number", "in", "out", "groups", "drop_path"]
Texts = Mapping[str, str]
Operands = Sequence[Expression]


@dataclass(frozen=True, slots=True)
class Slot:
    """A number of an operator.

    Attributes:
        name: of the constructor parameter it becomes if it differs between members.
        role: `in` and `out` are channels, `drop_path` a share of the network's rate.
        in_forward: it is read in `forward`, not in `__init__`.
    """

    name: str
    value: Any
    role: Role = "number"
    in_forward: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What the members of a class share of an operator; `helper` names text the file must hold."""

    kind: tuple[Any, ...] = ()
    helper: str = ""


@dataclass(frozen=True)
class Rule:
    """How one operator is written.

    Attributes:
        form, slots: see `Form` and `Slot`.
        layer: constructor call for `__init__`; None if the operator is a function.
        value: expression for `forward`; gets the layer's name with `self.`.
        folds: whether it may be written around an operand that is no plain name.
    """

    form: Callable[[Any, Extents, Shape], Form]
    slots: Callable[[Any, Form], list[Slot]]
    value: Callable[[Form, Texts, str, Operands], Expression]
    layer: Callable[[Form, Texts], Expression] | None = None
    folds: bool = False


def square(extents: tuple[int, ...]) -> Any:
    """One number for equal extents."""
    return extents[0] if len(set(extents)) == 1 else extents


def literal(value: Any) -> str:
    """A number, or some, as Python writes them."""
    if isinstance(value, Fraction):
        return repr(float(value))
    return repr(value)


@cache
def torch_momentum(kept: float) -> float:
    """The part that is new, from the part that is kept; 0.01 of 0.99, without binary noise."""
    return float(1 - Fraction(repr(kept)))


def options(texts: Texts, **defaults: str) -> list[str]:
    """Keyword arguments for what differs from a layer's defaults."""
    return [f"{name}={texts[name]}" for name, default in defaults.items() if texts[name] != default]
