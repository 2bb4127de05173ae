"""Exact arithmetic: integers and fractions, never floats."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compile_tiny

from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.expressions import Symbol, evaluate, exact, number, plain, round_to_multiple
from spinedsl.source import Source
from spinedsl.syntax.parser import parse

ENVIRONMENT: dict[str, Any] = {"width": 64, "alpha": Fraction(1, 2), "up": True, "double": lambda v: 2 * v}


def value(text: str) -> Any:
    return evaluate(parse(Source("e", f"part p -> {text} {{}}")).items[0].result, ENVIRONMENT)


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(DiagnosticError) as caught:
        value(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.primary is not None
    return diagnostic.code, diagnostic.primary.span.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("floor(64 * 0.65)", 41),
        ("floor(128 * 0.65)", 83),
        ("floor(256 * 0.65)", 166),
        ("100 * 1.1", 110),
        ("0.1 + 0.2 == 0.3", True),
        ("1 / 3 * 3", 1),
        ("7 / 2", Fraction(7, 2)),
        ("28.5M", 28_500_000),
        ("1K + 1G + 1T", 1_001_000_001_000),
        ("0.5K", 500),
        ("1.2345K", Fraction(12345, 10)),
        ("21_831_488", 21_831_488),
        ("1e-3", Fraction(1, 1000)),
        ("2E3", 2000),
        ("floor(-0.5)", -1),
        ("ceil(-0.5)", 0),
        ("ceil(0.2)", 1),
        ("round(0.5)", 1),
        ("round(1.5)", 2),
        ("round(-0.5)", 0),
        ("abs(-3) + -2", 1),
        ("min(3, 2, 4) + max(1, 2) + max(5)", 9),
        ("multiple(37, 8)", 40),
        ("width * alpha", 32),
        ("double(width)", 128),
        ("up and not false", True),
        ("false and nobody", False),
        ("true or 1 / 0 == 1", True),
        ("1 < 2", True),
        ("2 <= 1", False),
        ("1 == true", True),
        ("nearest == nearest", True),
        ("nearest != bilinear", True),
        ("nearest == 3", False),
    ],
)  # fmt: skip
def test_values(text: str, expected: object) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("1 + 1 / 0", "SP030", "1 / 0"),
        ("1 / (alpha - 0.5)", "SP030", "1 / (alpha - 0.5)"),
        ("1 + nobody", "SP020", "nobody"),
        ("1 + up", "SP030", "up"),
        ("not 3", "SP030", "3"),
        ("3 and true", "SP030", "3"),
        ("sqrt(3)", "SP020", "sqrt(3)"),
        ("floor(1, 2)", "SP031", "floor(1, 2)"),
        ("multiple(1)", "SP031", "multiple(1)"),
        ("multiple(8, 0)", "SP030", "0"),
        ("multiple(8, 1.5)", "SP030", "1.5"),
        ("double(1, 2)", "SP031", "double(1, 2)"),
        ("1e18 * 10", "SP002", "1e18 * 10"),
        ("1e19", "SP002", "1e19"),
        ("1e-19", "SP002", "1e-19"),
        ("1e-10 * 1e-10", "SP002", "1e-10 * 1e-10"),
        ("width(2)", "SP020", "width(2)"),
    ],
)
def test_refusals_point_at_the_place(text: str, code: str, place: str) -> None:
    assert refusal(text) == (code, place)


NUMBERS = st.one_of(
    st.integers(0, 10**6).map(str),
    st.decimals(0, 1000, places=3).map(lambda d: f"{d:f}"),
)


@given(NUMBERS, NUMBERS, st.sampled_from(["+", "-", "*"]))
def test_arithmetic_agrees_with_fractions(left: str, right: str, sign: str) -> None:
    a, b = Fraction(left), Fraction(right)
    expected = {"+": a + b, "-": a - b, "*": a * b}[sign]
    if expected == 0 or abs(expected) > Fraction(1, 10**18):
        assert value(f"{left} {sign} {right}") == expected


@given(NUMBERS, st.integers(1, 10**6))
def test_rounding_functions_agree_with_fractions(left: str, divisor: int) -> None:
    quotient = Fraction(left) / divisor
    if quotient and quotient < Fraction(1, 10**18):
        return
    assert value(f"floor({left} / {divisor})") == math.floor(quotient)
    assert value(f"ceil({left} / {divisor})") == math.ceil(quotient)
    assert value(f"round({left} / {divisor})") == math.floor(quotient + Fraction(1, 2))


@given(st.integers(1, 1000), st.integers(1, 999))
def test_a_fraction_survives_as_the_float_of_the_json(numerator: int, denominator: int) -> None:
    fraction = Fraction(numerator, denominator)
    assert exact(plain(fraction if fraction.denominator > 1 else fraction.numerator)) == fraction


@given(st.decimals(0, 10**6, places=5))
def test_a_decimal_survives_as_the_float_of_the_json(written: Any) -> None:
    assert exact(float(written)) == Fraction(written)


@given(st.floats(1e-12, 1e12))
def test_exact_is_within_the_float(of: float) -> None:
    assert float(exact(of)) == of


def test_scale_by_a_third_is_exact() -> None:
    stem = "stem { conv 3x3 / 4 -> scaled(300)  s0: residual @2 width 300 }"
    tiny = compile_tiny("b1: residual @2 width 300 <- s0 => P2", stem=stem, declarations="scale width 1 / 3")
    assert tiny.expanded.blocks[0].width == 100
    assert tiny.program.functions["stem"].nodes[0].shape.channels == 100


def make_divisible(value: float, divisor: int) -> int:
    """MobileNet's published rule (tensorflow/models, research/slim/nets/mobilenet/mobilenet.py)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * value:
        rounded += divisor
    return rounded


@pytest.mark.parametrize("divisor", [1, 4, 8, 16])
def test_rounding_to_multiples_is_the_published_function(divisor: int) -> None:
    for quarter in range(1, 1200):
        assert round_to_multiple(Fraction(quarter, 4), divisor) == make_divisible(quarter / 4, divisor)


@pytest.mark.parametrize(
    ("text", "expected"), [("4", 4), ("1%", Fraction(1, 100)), ("0.3%", Fraction(3, 1000)), ("2.0", 2)]
)
def test_literals(text: str, expected: object) -> None:
    assert number(text) == expected


def test_symbols_are_equal_wherever_they_were_written() -> None:
    assert Symbol("a") == Symbol("a") != Symbol("b")
    assert len({Symbol("a"), Symbol("a")}) == 1
