"""Expressions and line breaks, as `ruff format` would set them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

WIDTH = 100
"""Columns of the generated file."""


class Binding(IntEnum):
    """How tightly the outermost operation of an expression binds."""

    SUM = 1
    PRODUCT = 2
    ATOM = 3


@dataclass(frozen=True, slots=True)
class Expression:
    """Text of a Python expression.

    Attributes:
        items: what a call or a sum is made of, for the case that it doesn't fit into one line.
        head: text of a call up to and with its parenthesis; "" for anything else.
        tail: text of a call behind its arguments.
    """

    text: str
    binding: Binding = Binding.ATOM
    items: tuple[str, ...] = ()
    head: str = ""
    tail: str = ""

    def inside(self, binding: Binding) -> str:
        """The text as an operand of an operation that binds so tightly."""
        return self.text if self.binding >= binding else f"({self.text})"


def call(head: str, items: Sequence[str], tail: str = ")") -> Expression:
    """`head(items)`."""
    return Expression(f"{head}({', '.join(items)}{tail}", Binding.ATOM, tuple(items), f"{head}(", tail)


def total(operands: Sequence[Expression]) -> Expression:
    """The sum from left to right; only the first operand may be a sum itself without parentheses."""
    first, *others = operands
    items = (first.text, *(other.inside(Binding.PRODUCT) for other in others))
    return Expression(" + ".join(items), Binding.SUM, items)


def bracketed(indent: int, head: str, items: Iterable[str], tail: str) -> list[str]:
    """A call, signature or list: in one line, else indented, else one item a line."""
    margin, texts = " " * indent, list(items)
    joined = ", ".join(texts)
    line = f"{margin}{head}{joined}{tail}"
    if len(line) <= WIDTH or not texts:
        return [line]
    inner = f"{margin}    {joined}"
    if len(inner) <= WIDTH:
        return [margin + head, inner, margin + tail]
    return [margin + head, *(f"{margin}    {text}," for text in texts), margin + tail]


def collected(indent: int, head: str, items: Iterable[str], tail: str) -> list[str]:
    """A list, tuple or dict: in one line, else one item a line."""
    margin, texts = " " * indent, list(items)
    line = f"{margin}{head}{', '.join(texts)}{tail}"
    if len(line) <= WIDTH:
        return [line]
    return [margin + head, *(f"{margin}    {text}," for text in texts), margin + tail]


def listed(indent: int, head: str, names: Sequence[str]) -> list[str]:
    """`head a, b, c` in as many lines of that form as it takes."""
    lines: list[str] = []
    row: list[str] = []
    for name in names:
        if row and indent + len(head) + len(", ".join([*row, name])) > WIDTH:
            lines.append(f"{' ' * indent}{head}{', '.join(row)}")
            row = []
        row.append(name)
    if row:
        lines.append(f"{' ' * indent}{head}{', '.join(row)}")
    return lines
