"""What every operator has in common."""

from __future__ import annotations

from dataclasses import fields
from typing import ClassVar, Literal

from spinedsl.ops.types import Shape
from spinedsl.records import record

FITTING = "change what it works on, or its kernel, stride and channels"


class ShapeError(Exception):
    """Inputs an operator can't take; the message is one sentence for the user, `help` an action."""

    def __init__(self, message: str, help: str = FITTING) -> None:
        super().__init__(message)
        self.help = help


@record
class Initial:
    """How a parameter is drawn.

    Attributes:
        law: `truncated_normal` is variance scaling with scale 1 over the fan-in, cut at two
            standard deviations (the authors' initialisation); `glorot_uniform` is Keras's default.
        fan_in, fan_out: as Keras counts them.
        value: the standard deviation of `normal`; the probability whose logit `logit` sets.
    """

    law: Literal["truncated_normal", "glorot_uniform", "normal", "logit", "zeros", "ones"]
    fan_in: int = 1
    fan_out: int = 1
    value: float = 0.0


ZEROS = Initial("zeros")
ONES = Initial("ones")
TRUNCATED_NORMAL = Initial("truncated_normal")


@record
class Parameter:
    """A tensor an operator owns; `name` is the last part of its dotted name."""

    name: str
    shape: tuple[int, ...]
    initial: Initial
    trainable: bool = True

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count


@record
class Operator:
    """An operator with all its attributes bound.

    `label` is what its parameters and generated attributes are named after: `conv1`, `norm2`.
    """

    label: ClassVar[str]
    unsaid: ClassVar[tuple[str, ...]] = ()
    """Attributes that the text dump leaves out where they have their default."""

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result.

        Raises:
            ShapeError: the inputs don't fit.
        """
        raise NotImplementedError

    def parameters(self) -> tuple[Parameter, ...]:
        """The tensors it owns, in the order checkpoints list them."""
        return ()

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Multiply-adds for one sample; 0 for what the published tables don't count."""
        return 0

    @property
    def overwrites(self) -> bool:
        """Whether its result is in the memory of its first input, which it writes over."""
        return False

    def describe(self) -> str:
        """Attributes as the text dump shows them."""
        said = [f for f in fields(self) if f.name not in self.unsaid or getattr(self, f.name) != f.default]
        shown = (f"{f.name}={_show(getattr(self, f.name))}" for f in said)
        return f"{self.label}({', '.join(shown)})"


def _show(value: object) -> str:
    if isinstance(value, Initial):
        return f"{value.law} {value.value:g}" if value.value else value.law
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return "x".join(str(v) for v in value)
    return str(value)


def same_shape(inputs: tuple[Shape, ...], what: str) -> Shape:
    """The one shape all inputs have.

    Raises:
        ShapeError: they differ.
    """
    first = inputs[0]
    for other in inputs[1:]:
        if other != first:
            raise ShapeError(
                f"{what} needs equal shapes, not {first} and {other}",
                "bring them to one shape first, such as by `conv 1x1 -> channels`",
            )
    return first
