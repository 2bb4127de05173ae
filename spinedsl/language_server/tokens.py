"""What each word of a text is, for colours: the names by what they mean, the rest by how it looks."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.scanning import scan
from spinedsl.language_server.symbols import Occurrence
from spinedsl.records import record
from spinedsl.syntax import nodes
from spinedsl.syntax.grammar import keywords

KINDS = (
    "comment", "string", "number", "keyword", "operator",
    "class", "type", "function", "method", "variable", "property", "parameter", "enumMember", "namespace",
)  # fmt: skip
"""The protocol's types of tokens that are used here, by number."""
MODIFIERS = ("declaration", "defaultLibrary")
_BY_SYMBOL = {
    "network": "class",
    "space": "class",
    "conventions": "namespace",
    "block": "variable",
    "endpoint": "property",
    "parameter": "parameter",
    "local": "variable",
    "operator": "method",
    "option": "parameter",
    "value": "enumMember",
    "function": "function",
    "given": "variable",
    "task": "type",
    "output": "property",
    "quantity": "property",
}
_BY_DEFINITION = {"block": "type", "head": "type"}
_LOOKS = {"comment": "comment", "string": "string", "number": "number"}
_OPERATORS = frozenset(
    ["<-", "->", "=>", "..", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "@", "="]
)
_ALSO_WORDS = frozenset({"block", "resampling", "part", "true", "false"})


@record
class Coloured:
    """A token on one line."""

    start: int
    end: int
    kind: str
    modifiers: tuple[str, ...] = ()


def semantic_tokens(analysis: Analysis) -> Iterator[Coloured]:
    """Every token that has a colour, in order; none goes over the end of a line."""
    named = {occurrence.span.start: occurrence for occurrence in analysis.occurrences.found}
    words = keywords() | _ALSO_WORDS
    for token in scan(analysis.source.text):
        occurrence = named.get(token.start)
        if occurrence is not None and token.kind == "name":
            # A setting of two words is coloured word by word: a line may end between them.
            end = token.end if " " in occurrence.symbol.name else occurrence.span.end
            yield Coloured(token.start, end, _kind(occurrence), _modifiers(occurrence, analysis))
        elif token.kind in _LOOKS:
            yield Coloured(token.start, token.end, _LOOKS[token.kind])
        elif token.kind == "name" and token.text in words:
            yield Coloured(token.start, token.end, "keyword")
        elif token.kind == "sign" and token.text in _OPERATORS:
            yield Coloured(token.start, token.end, "operator")


def _kind(occurrence: Occurrence) -> str:
    if isinstance(occurrence.node, nodes.Definition) and occurrence.symbol.kind == "definition":
        return _BY_DEFINITION.get(occurrence.node.kind, "function")
    return _BY_SYMBOL[occurrence.symbol.kind]


def _modifiers(occurrence: Occurrence, analysis: Analysis) -> tuple[str, ...]:
    library = occurrence.target is not None and occurrence.target.source.name.startswith("std:")
    found = []
    if occurrence.declares:
        found.append("declaration")
    if library or occurrence.symbol.kind in ("operator", "function", "given", "task"):
        found.append("defaultLibrary")
    return tuple(found)
