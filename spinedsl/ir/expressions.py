"""Exact evaluation of expressions.

Numbers are integers and fractions, never floats: `int(64 * 0.65)` is 41 on every machine, and a
scale of 1.1 makes 110 of 100, not 110.00000000000001.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

from spinedsl.diagnostics import DiagnosticError, fail, suggested
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes


@record
class Symbol:
    """A name that stands for itself, such as `nearest`; `span` is where it was written."""

    name: str
    span: Span | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class NoValue(Exception):
    """A function that an environment gives has no value there; `label` and `help` are for the user."""

    def __init__(self, code: str, message: str, label: str, help: str) -> None:
        super().__init__(message)
        self.code, self.message, self.label, self.help = code, message, label, help


Number = int | Fraction
Value = Any
"""`int`, `Fraction`, `bool`, `Symbol`, or what an environment binds (tensors, functions)."""

_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
MAX_MAGNITUDE = 10**18
_WRITTEN = 10**12
_SMALL = 10**6


def number(text: str) -> Number:
    """The exact value of a literal: `4`, `1e-3`, `28.5M`, `1%`."""
    factor: Number = 1
    if text[-1] in _UNITS:
        factor = _UNITS[text[-1]]
        text = text[:-1]
    elif text[-1] == "%":
        factor = Fraction(1, 100)
        text = text[:-1]
    value = text.replace("_", "")
    exact = int(value) if value.isdigit() else Fraction(value)
    return simplify(exact * factor)


def simplify(value: Number) -> Number:
    """An `int` if `value` is whole."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def exact(value: int | float) -> Number:
    """The number a float stands for: 0.65 is 13/20, and 0.3333333333333333 a third.

    A float is read as the decimal it is printed as; where that has more digits than anyone writes,
    as the fraction of small terms that it was made from, if there is one.
    """
    if isinstance(value, int):
        return value
    decimal = Fraction(repr(value))
    if decimal.denominator > _WRITTEN:
        small = decimal.limit_denominator(_SMALL)
        if float(small) == value:
            return simplify(small)
    return simplify(decimal)


def plain(value: Number) -> int | float:
    """The value as JSON knows it."""
    return value if isinstance(value, int) else float(value)


def round_to_multiple(value: Number, multiple: int) -> int:
    """Nearest multiple, at least one, never below 90 % of `value` (MobileNet's rule)."""
    rounded = max(multiple, int(value + Fraction(multiple, 2)) // multiple * multiple)
    return rounded + multiple if rounded < Fraction(9, 10) * value else rounded


def _divide(left: Number, right: Number) -> Number:
    if right == 0:
        raise ZeroDivisionError
    return simplify(Fraction(left) / right)


_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "negative": lambda a: -a,
    "floor": floor,
    "ceil": ceil,
    "round": lambda a: floor(a + Fraction(1, 2)),
    "abs": abs,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "multiple": round_to_multiple,
}
_ARITY = {"multiple": 2, "min": None, "max": None}
"""How many values a function takes, if not one; None: any number."""


def evaluate(node: nodes.Expression, environment: Mapping[str, Value]) -> Value:
    """The value of an expression; names the environment lacks become symbols.

    Raises:
        DiagnosticError: a wrong type, an unknown function, a division by zero, a huge number.
    """
    if isinstance(node, nodes.Number):
        return _bounded(number(node.text), node.span)
    if isinstance(node, nodes.Boolean):
        return node.value
    if isinstance(node, nodes.Reference):
        found = environment.get(node.name)
        if found is None:
            return Symbol(node.name, node.span)
        return found
    name = node.function
    if name in ("and", "or"):
        return _logic(name, node, environment)
    operands = [evaluate(operand, environment) for operand in node.operands]
    if name == "not":
        return not boolean(operands[0], node.operands[0], environment)
    if name in ("==", "!="):
        return (operands[0] == operands[1]) is (name == "==")
    given = environment.get(name)
    function = given if callable(given) else _ARITHMETIC.get(name)
    if function is None:
        functions = [n for n in _ARITHMETIC if n.isalpha() and n != "negative"] + [
            n for n, value in environment.items() if callable(value)
        ]
        raise fail(
            "SP020",
            f"there is no function “{name}”",
            node.span,
            **suggested(node.span, name, functions, f"functions are {', '.join(sorted(functions))}"),
        )
    arity = _ARITY.get(name, 1)
    if name.isidentifier() and arity is not None and len(operands) != arity:
        values = "value" if arity == 1 else "values"
        raise fail(
            "SP031",
            f"“{name}” takes {arity} {values}, not {len(operands)}",
            node.span,
            help=f"write `{name}({', '.join('xy'[:arity])})`",
        )
    for operand, written in zip(operands, node.operands, strict=True):
        check_number(operand, written.span, environment)
    if name == "multiple" and (isinstance(operands[1], Fraction) or operands[1] < 1):
        raise fail(
            "SP030", "a multiple must be of a whole number from 1", node.operands[1].span,
            help="write `multiple(x, 8)`",
        )  # fmt: skip
    try:
        result: Number = simplify(function(*operands))
    except NoValue as problem:
        raise fail(problem.code, problem.message, node.span, problem.label, help=problem.help) from None
    except ZeroDivisionError:
        raise fail(
            "SP030", "a division by zero", node.span, help="mend the divisor, or guard it with `max(1, …)`"
        ) from None
    return result if isinstance(result, bool) else _bounded(result, node.span)


def _bounded(value: Number, span: Span) -> Number:
    """`value` if it and its inverse are of a size that a network can need."""
    magnitude = value if value >= 0 else -value
    if magnitude > MAX_MAGNITUDE:
        what = f"beyond {MAX_MAGNITUDE:.0e}"
    elif 0 < magnitude * MAX_MAGNITUDE < 1:
        what = f"closer to 0 than {1 / MAX_MAGNITUDE:.0e}"
    else:
        return value
    raise fail("SP002", f"a number {what}", span, help="check its digits and exponent")


def _logic(name: str, node: nodes.Apply, environment: Mapping[str, Value]) -> bool:
    left, right = node.operands
    first = boolean(evaluate(left, environment), left, environment)
    if first is (name == "or"):
        return first
    return boolean(evaluate(right, environment), right, environment)


def boolean(value: Value, written: nodes.Expression, environment: Mapping[str, Value]) -> bool:
    """`value` if it is true or false.

    Raises:
        DiagnosticError: it is something else.
    """
    if isinstance(value, bool):
        return value
    raise _mistyped(value, "true or false", written.span, environment)


def check_number(value: Value, span: Span, environment: Mapping[str, Value]) -> Number:
    """`value` if it is a number.

    Raises:
        DiagnosticError: it is something else, most often an unknown name.
    """
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return value
    raise _mistyped(value, "a number", span, environment)


def _mistyped(value: Value, wanted: str, span: Span, environment: Mapping[str, Value]) -> DiagnosticError:
    if isinstance(value, Symbol):
        return fail(
            "SP020",
            f"unknown name “{value.name}”",
            span,
            f"{wanted} is needed here",
            **suggested(span, value.name, environment, _known(environment)),
        )
    return fail("SP030", f"{wanted} is needed here, not {describe(value)}", span, help=f"write {wanted}")


def _known(environment: Mapping[str, Value]) -> str:
    if not environment:
        return "no names are known here: write a number"
    return f"known here: {', '.join(sorted(environment))}"


def describe(value: Value) -> str:
    """A value in the user's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Fraction)):
        return f"{plain(value):g}" if isinstance(value, Fraction) else str(value)
    if isinstance(value, Symbol):
        return f"“{value.name}”"
    return "a feature" if not callable(value) else "a function"
