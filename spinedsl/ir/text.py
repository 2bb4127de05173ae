"""Pieces of the IR that are text of the language: parsing and showing them."""

from __future__ import annotations

from typing import TypeVar

from spinedsl.source import Source
from spinedsl.syntax import nodes, printer
from spinedsl.syntax.parser import parse

T = TypeVar("T")

show_definition = printer.definition
show_chain = printer.chain
show_expression = printer.expression


def parse_definition(text: str) -> nodes.Definition:
    """A definition from its text.

    Raises:
        DiagnosticError: the text is no single definition.
    """
    item = _only(parse(Source("definition", text)).items)
    if not isinstance(item, nodes.Definition):
        raise ValueError("not a definition")
    return item


def parse_chain(text: str) -> nodes.Chain:
    """Operators from their text.

    Raises:
        DiagnosticError: the text is no single chain.
    """
    statement = _only(parse_definition(f"part operators {{ {text} }}").body.statements)
    if not isinstance(statement, nodes.Chain):
        raise ValueError("not a chain of operators")
    return statement


def parse_expression(text: str) -> nodes.Expression:
    """An expression from its text.

    Raises:
        DiagnosticError: the text is no expression.
    """
    result = parse_definition(f"part expression -> {text} {{}}").result
    assert result is not None
    return result


def _only(items: tuple[T, ...]) -> T:
    if len(items) != 1:
        raise ValueError(f"one item expected, not {len(items)}")
    return items[0]
