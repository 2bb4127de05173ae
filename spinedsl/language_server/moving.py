"""Syntax and diagnostics of a text, as they are after an edit elsewhere in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from typing import Any, TypeVar

from spinedsl.diagnostics import Diagnostic, Edit, Fix, Label
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes

N = TypeVar("N", bound=nodes.Node)
Place = Callable[[Span], Span]


def moved(node: N, source: Source, by: int) -> N:
    """A node and all below it, `by` characters further on, in another source."""
    kind: Any = type(node)
    kept, inner = _fields(kind)
    state = node.__dict__
    copy = object.__new__(type(node))
    new = copy.__dict__
    for name in kept:
        new[name] = state[name]
    span = state["span"]
    new["span"] = Span(source, span.start + by, span.end + by)
    for name in inner:
        value = state[name]
        if isinstance(value, tuple):
            value = tuple([moved(v, source, by) if isinstance(v, nodes.Node) else v for v in value])
        elif isinstance(value, nodes.Node):
            value = moved(value, source, by)
        new[name] = value
    return copy


@cache
def _fields(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields that are the same anywhere, and those that may hold nodes."""
    plain = ("str", "int", "bool")
    names = [f.name for f in fields(kind) if f.name != "span"]
    kept = tuple(f.name for f in fields(kind) if f.name in names and str(f.type) in plain)
    return kept, tuple(name for name in names if name not in kept)


def moved_diagnostic(diagnostic: Diagnostic, place: Place) -> Diagnostic:
    """A diagnostic with all its places moved."""
    fix = diagnostic.fix
    if fix is not None:
        fix = Fix(fix.title, tuple(Edit(place(e.span), e.text) for e in fix.edits), fix.safe)
    return replace(
        diagnostic,
        primary=_moved_label(diagnostic.primary, place),
        secondary=tuple(Label(place(label.span), label.text) for label in diagnostic.secondary),
        fix=fix,
    )


def _moved_label(label: Label | None, place: Place) -> Label | None:
    return None if label is None else Label(place(label.span), label.text)
