"""The structure of a text: what an editor shows as its outline, folds, and selects step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.proposals import described, heading, word_for
from spinedsl.language_server.scanning import scan
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes


@record
class Entry:
    """Something of the outline.

    Attributes:
        kind: `network`, `model`, `block`, `stem`, `endpoint`, a kind of definition, `conventions`, `space`.
        detail: in a few words.
        span: all of it; `name_span` lies within.
    """

    name: str
    kind: str
    detail: str
    span: Span
    name_span: Span
    inner: tuple[Entry, ...] = ()


def outline(analysis: Analysis) -> list[Entry]:
    """Items with what they declare, in order."""
    return [_entry(item) for item in analysis.items if not isinstance(item, nodes.Import)]


def _entry(item: nodes.Item) -> Entry:
    assert not isinstance(item, nodes.Import)
    inner: Iterable[Entry] = ()
    if isinstance(item, nodes.Network):
        inner = _in_network(item)
    elif isinstance(item, nodes.Model):
        inner = _in_model(item)
    elif isinstance(item, nodes.Definition):
        inner = (Entry(p.name.text, "parameter", "", p.span, p.name.span) for p in item.parameters)
    detail = heading(item).removeprefix(f"{word_for(item)} {item.name}").strip()
    return Entry(item.name.text, word_for(item), detail, item.span, item.name.span, tuple(inner))


def _in_network(network: nodes.Network) -> Iterator[Entry]:
    for declaration in network.declarations:
        if isinstance(declaration, nodes.Block):
            yield _block(declaration)
        elif isinstance(declaration, nodes.Stem):
            inner = tuple(_block(item) for item in declaration.items if isinstance(item, nodes.Block))
            span = declaration.span
            yield Entry("stem", "stem", "", span, Span(span.source, span.start, span.start + 4), inner)
        elif isinstance(declaration, nodes.FeatureInputs):
            for feature in declaration.features:
                yield Entry(feature.name.text, "block", described(feature), feature.span, feature.name.span)


def _block(block: nodes.Block) -> Entry:
    endpoint = f" => {block.endpoint}" if block.endpoint is not None else ""
    return Entry(block.name.text, "block", described(block) + endpoint, block.span, block.name.span)


def _in_model(model: nodes.Model) -> Iterator[Entry]:
    for declaration in model.declarations:
        if isinstance(declaration, nodes.Part):
            name = declaration.network
            yield Entry(name.text, "network", declaration.role, declaration.span, name.span)
        elif isinstance(declaration, nodes.UseHead):
            name = declaration.call.name
            yield Entry(name.text, "head", "head", declaration.span, name.span)


def enclosing(items: Iterable[nodes.Item], offset: int) -> nodes.Item | None:
    """The item that holds an offset."""
    return next((item for item in items if item.span.start <= offset <= item.span.end), None)


@record
class Fold:
    """Lines that can be hidden: from the one of `start` to the one before `end`'s."""

    kind: str
    start: int
    end: int


def folds(analysis: Analysis) -> list[Fold]:
    """Brackets over several lines, comments that follow one another, and imports."""
    found: list[Fold] = []
    text = analysis.source.text
    opened: list[int] = []
    comment: tuple[int, int] | None = None
    for token in scan(text):
        if token.kind == "comment" and not text[text.rfind("\n", 0, token.start) + 1 : token.start].strip():
            follows = comment is not None and not text[comment[1] : token.start].strip(" \t\r").strip("\n")
            near = follows and comment is not None and text.count("\n", comment[1], token.start) == 1
            comment = (comment[0], token.end) if near and comment is not None else (token.start, token.end)
            if near:
                found.append(Fold("comment", *comment))
        elif token.text in ("{", "("):
            opened.append(token.start)
        elif token.text in ("}", ")") and opened:
            found.append(Fold("region", opened.pop(), token.start))
    imports = [item for item in analysis.items if isinstance(item, nodes.Import)]
    if len(imports) > 1:
        found.append(Fold("imports", imports[0].span.start, imports[-1].span.end))
    # Of folds that begin in one place, the longest is meant.
    longest = {(fold.kind, fold.start): fold for fold in found}
    return list(longest.values())


def selections(analysis: Analysis, offset: int) -> list[Span]:
    """What holds an offset, from the inside outwards."""
    found: list[Span] = []
    for item in analysis.items:
        if item.span.start <= offset <= item.span.end:
            _narrow(item, offset, found)
    return found[::-1]


def _narrow(node: nodes.Node, offset: int, found: list[Span]) -> None:
    while True:
        if not found or (found[-1].start, found[-1].end) != (node.span.start, node.span.end):
            found.append(node.span)
        inner = next((c for c in children(node) if c.span.start <= offset <= c.span.end), None)
        if inner is None:
            return
        node = inner


def children(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes right below one."""
    for value in node.__dict__.values():
        if isinstance(value, nodes.Node):
            yield value
        elif isinstance(value, tuple):
            yield from (each for each in value if isinstance(each, nodes.Node))
