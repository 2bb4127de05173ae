"""What stands on lines of its own in a file: the formatter's view of the syntax model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinedsl.syntax import nodes, printer

_BRACE = re.compile(r'"[^"\n]*"|#[^\n]*|(?P<brace>\{)')


@dataclass(frozen=True, slots=True)
class Leaf:
    """A declaration or statement without a body.

    Attributes:
        cells: its text, in columns.
        table: what it makes a table with, if it stands below it.
    """

    start: int
    end: int
    cells: tuple[str, ...]
    table: str = ""

    def one_line(self) -> str:
        """Its text."""
        return " ".join(cell for cell in self.cells if cell)


@dataclass(frozen=True, slots=True)
class Whole:
    """What has a body in braces.

    Attributes:
        opening, closing: where its braces stand.
        otherwise: its `else`, with no head of its own.
    """

    start: int
    end: int
    head: str
    opening: int
    closing: int
    children: tuple[Unit, ...]
    otherwise: Whole | None = None

    def one_line(self) -> str:
        """Its text."""
        inner = "  ".join(child.one_line() for child in self.children)
        text = f"{self.head} {{ {inner} }}" if inner else f"{self.head} {{}}"
        return text if self.otherwise is None else f"{text} else{self.otherwise.one_line()}"


Unit = Leaf | Whole


def units_of(file: nodes.File, text: str) -> list[Unit]:
    """One unit for each item of a file."""
    units = _Units(text)
    return [units.item(item) for item in file.items]


class _Units:
    def __init__(self, text: str) -> None:
        self.text = text

    def _brace(self, offset: int) -> int:
        """The first opening brace from an offset on."""
        while True:
            match = _BRACE.search(self.text, offset)
            assert match is not None
            if match.group("brace"):
                return match.start()
            offset = match.end()

    def _whole(self, node: nodes.Node, head: str, behind: int, children: tuple[Unit, ...]) -> Whole:
        end = node.span.end
        return Whole(node.span.start, end, head, self._brace(behind), end - 1, children)

    def item(self, node: nodes.Item) -> Unit:
        """A whole item; its documentation is a comment."""
        match node:
            case nodes.Import():
                return _leaf(node, printer.item(node).rstrip("\n"))
            case nodes.Definition():
                head = printer.definition_head(node)
                return self._bodied(node, head, node.body)
            case nodes.Network() | nodes.Model():
                extends = f" extends {node.extends}" if node.extends else ""
                kind = "network" if isinstance(node, nodes.Network) else "model"
                behind = (node.extends or node.name).span.end
                children = tuple(self.declaration(d) for d in node.declarations)
                return self._whole(node, f"{kind} {node.name}{extends}", behind, children)
            case nodes.Conventions():
                children = tuple(self.declaration(s) for s in node.settings)
                return self._whole(node, f"conventions {node.name}", node.name.span.end, children)
            case nodes.Space():
                rules = tuple(
                    _leaf(r, *printer.space_rule(r).split(" ", 1), table="rule") for r in node.rules
                )
                return self._whole(
                    node, printer.space_head(node), (node.extends or node.seed).span.end, rules
                )

    def declaration(self, node: nodes.Declaration | nodes.ModelDeclaration) -> Unit:
        """A declaration of a network, a model or conventions."""
        match node:
            case nodes.Block():
                return _block(node)
            case nodes.Stem():
                children = tuple(self._stem_item(i) for i in node.items)
                return self._whole(node, "stem", node.span.start, children)
            case nodes.FeatureInputs():
                head = f"input of {printer.size(node.size.extents)}"
                features = tuple(
                    _leaf(
                        f, f"{f.name}", f"@{f.level}", f"-> {printer.expression(f.channels)}", table="feature"
                    )
                    for f in node.features
                )
                return self._whole(node, head, node.size.span.end, features)
            case nodes.Expect():
                quantity, equal, value = printer.declaration(node).partition(" = ")
                return _leaf(node, quantity, equal.strip() + " " + value, table="expect")
            case nodes.Setting():
                text = printer.setting(node)
                key = node.key if node.key == "member of" else node.key.partition(" ")[0]
                return _leaf(node, key, text.removeprefix(key).lstrip(), table="setting")
            case nodes.Widths():
                key, _, value = printer.declaration(node).partition(" ")
                return _leaf(node, key, value, table="setting")
            case nodes.Part() | nodes.UseHead():
                key, _, value = printer.model_declaration(node).partition(" ")
                return _leaf(node, key, value, table="setting")
            case _:
                return _leaf(node, printer.declaration(node))

    def _stem_item(self, node: nodes.Chain | nodes.Block) -> Unit:
        return _leaf(node, printer.chain(node)) if isinstance(node, nodes.Chain) else _block(node)

    def _bodied(self, node: nodes.Node, head: str, body: nodes.Body) -> Whole:
        return Whole(
            node.span.start,
            body.span.end,
            head,
            body.span.start,
            body.span.end - 1,
            tuple(self.statement(s) for s in body.statements),
        )

    def statement(self, node: nodes.Statement) -> Unit:
        """A statement of a body."""
        match node:
            case nodes.Loop():
                return self._bodied(node, f"repeat {printer.expression(node.count)}", node.body)
            case nodes.Each():
                return self._bodied(node, "each level", node.body)
            case nodes.Descend():
                return self._bodied(node, f"from {node.start}", node.body)
            case nodes.When():
                whole = self._bodied(node, f"when {printer.expression(node.condition)}", node.body)
                if node.otherwise is None:
                    return whole
                other = self._bodied(node.otherwise, "", node.otherwise)
                return Whole(
                    whole.start, other.end, whole.head, whole.opening, whole.closing, whole.children, other
                )
            case _:
                return _leaf(node, printer.statement(node))


def _leaf(node: nodes.Node, *cells: str, table: str = "") -> Leaf:
    return Leaf(node.span.start, node.span.end, cells, table)


def _block(node: nodes.Block) -> Leaf:
    cells = block_cells(printer.block(node), node.name.text, printer.call(node.kind))
    return _leaf(node, *cells, table="block")


def block_cells(text: str, name: str, kind: str) -> tuple[str, ...]:
    """The columns of a block: name, kind, level with options, connections, endpoint.

    Args:
        text: the whole line.
    """
    head, arrow, rest = text.partition(" <- ")
    level = head.removeprefix(f"{name}: {kind}").strip()
    sources, double, endpoint = rest.partition(" => ")
    return (
        f"{name}:",
        kind,
        level,
        f"<- {sources}" if arrow else "",
        f"=> {endpoint}" if double else "",
    )
