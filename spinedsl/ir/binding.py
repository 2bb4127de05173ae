"""Binding the parameters of a definition to arguments, defaults and what the place gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from spinedsl.diagnostics import fail, suggested
from spinedsl.ir.expressions import Symbol, Value, evaluate, exact
from spinedsl.ir.model import Scalar
from spinedsl.source import Span
from spinedsl.syntax import nodes


def value_of(scalar: Scalar) -> Value:
    """An argument of the IR as expressions know it: exact numbers, symbols for names."""
    if isinstance(scalar, str):
        return Symbol(scalar)
    if isinstance(scalar, bool):
        return scalar
    return exact(scalar)


def scalar_of(value: Value) -> Scalar:
    """An evaluated argument as the IR keeps it.

    Raises:
        TypeError: it is no scalar.
    """
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, Fraction):
        return float(value)
    raise TypeError(type(value))


def bind(
    definition: nodes.Definition,
    arguments: Mapping[str, Value],
    defaults: Mapping[str, Scalar],
    given: Mapping[str, Value],
    span: Span | None,
) -> dict[str, Value]:
    """The environment of a definition's body.

    A parameter takes, in this order: its argument; the network's `default` for it; the default in
    the definition; the value the place gives under that name.

    Raises:
        DiagnosticError: a parameter that nothing gives a value (SP031).
    """
    environment = dict(given)
    for parameter in definition.parameters:
        name = parameter.name.text
        if name in arguments:
            environment[name] = arguments[name]
        elif name in defaults:
            environment[name] = value_of(defaults[name])
        elif parameter.default is not None:
            environment[name] = evaluate(parameter.default, environment)
        elif name not in given:
            raise fail(
                "SP031",
                f"“{definition.name}” needs a value for “{name}”",
                span or parameter.span,
                help=f"write `{definition.name}({name} = …)`",
            )
    return environment


def check_arguments(definition: nodes.Definition, names: Iterable[str], span: Span) -> None:
    """See that `names` are parameters of `definition`.

    Raises:
        DiagnosticError: one isn't (SP031).
    """
    parameters = [p.name.text for p in definition.parameters]
    for name in names:
        if name not in parameters:
            otherwise = f"its parameters are {', '.join(parameters)}" if parameters else "it takes none"
            raise fail(
                "SP031",
                f"“{definition.name}” has no parameter “{name}”",
                span,
                **suggested(span, name, parameters, otherwise),
            )


def positional_names(definition: nodes.Definition) -> list[str]:
    """Names that positional arguments bind to, in order."""
    return [p.name.text for p in definition.parameters]
