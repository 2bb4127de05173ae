"""What names mean: each place of a text where a name stands, and what it names.

A symbol is the same in every file that names it. A block belongs to the oldest network of its lineage
that declares it, so that a variant's `<- b4` and `without b4` are the block of the family.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from functools import cached_property

from spinedsl.ir.loading import Named, Scope, kind_of
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes

MAX_LINEAGE = 32


@record
class Symbol:
    """Something that has a name.

    Attributes:
        kind: `network`, `conventions`, `space` or `definition`; `block` (features too) and `endpoint` of a
            network; `parameter` and `local` of a definition; `import`; or a word of the language:
            `operator`, `option` (an argument of an operator or setting), `value`, `function`, `given` (what
            a body finds under a name), `task`, `output`, `quantity`.
        name: as it is written.
        file: which declares it; empty for words of the language.
        owner: name of the network or definition it belongs to, or of the operator or setting.
    """

    kind: str
    name: str
    file: str = ""
    owner: str = ""


@record
class Occurrence:
    """A place where a symbol is named.

    Attributes:
        span: of the name.
        node: what declares it, if that is in a text; the definition for a parameter's arguments.
        target: where it is declared.
        declares: whether it is declared here.
    """

    span: Span
    symbol: Symbol
    target: Span | None = None
    node: nodes.Node | None = None
    declares: bool = False


@record
class Members:
    """What belongs to a network by name: its own, and what it inherits."""

    symbols: dict[str, Symbol]
    declared: dict[str, nodes.Block | nodes.Feature]

    def add(
        self, kind: str, owner: nodes.Network, name: nodes.Name, node: nodes.Block | nodes.Feature
    ) -> None:
        """One declaration; a later one of the same name is the same symbol."""
        symbol = Symbol(kind, name.text, file_of(owner.name.span.source), owner.name.text)
        self.symbols.setdefault(name.text, symbol)
        self.declared[name.text] = node


@record
class Names:
    """Looks names up, as one file sees them."""

    scope: Scope

    def item(self, kind: str, name: nodes.Name) -> Occurrence | None:
        """What a name of an item means."""
        item = self.scope.find(kind, name.text)
        return None if item is None else Occurrence(name.span, symbol_of(item), item.name.span, item)

    def lineage(self, network: nodes.Network) -> list[nodes.Network]:
        """The networks it extends, as far as they are known, oldest first."""
        found = [network]
        while (parent := found[-1].extends) is not None and len(found) < MAX_LINEAGE:
            item = self.scope.find("network", parent.text)
            if not isinstance(item, nodes.Network) or any(item is known for known in found):
                break
            found.append(item)
        return found[::-1]

    def blocks(self, network: nodes.Network) -> Members:
        """Its blocks and external features."""
        members = Members({}, {})
        for member in self.lineage(network):
            for name, node in blocks_of(member):
                members.add("block", member, name, node)
        return members

    def endpoints(self, network: nodes.Network) -> Members:
        """Its endpoints, each with its output block."""
        members = Members({}, {})
        for member in self.lineage(network):
            for _, node in blocks_of(member):
                if isinstance(node, nodes.Block) and node.endpoint is not None:
                    members.add("endpoint", member, node.endpoint, node)
        return members


def blocks_of(network: nodes.Network) -> Iterator[tuple[nodes.Name, nodes.Block | nodes.Feature]]:
    """What a network itself declares that can be read: features, stem blocks, blocks."""
    for declaration in network.declarations:
        if isinstance(declaration, nodes.Block):
            yield declaration.name, declaration
        elif isinstance(declaration, nodes.Stem):
            yield from ((item.name, item) for item in declaration.items if isinstance(item, nodes.Block))
        elif isinstance(declaration, nodes.FeatureInputs):
            yield from ((feature.name, feature) for feature in declaration.features)


def symbol_of(item: Named) -> Symbol:
    """The symbol of an item."""
    return Symbol(kind_of(item), item.name.text, file_of(item.name.span.source))


def parameter_of(definition: nodes.Definition, name: str) -> Symbol:
    """The symbol of a definition's parameter."""
    return Symbol("parameter", name, file_of(definition.name.span.source), definition.name.text)


def file_of(source: Source) -> str:
    """What tells files apart."""
    return source.name if source.path is None else str(source.path)


def same_file(one: Source, other: Source) -> bool:
    """Whether two sources are of one file, perhaps at different times."""
    return one is other or file_of(one) == file_of(other)


@record
class Occurrences:
    """All places of a text where names stand, in order."""

    found: tuple[Occurrence, ...]

    def at(self, offset: int) -> Occurrence | None:
        """The name at a place, or one that ends there."""
        touching = [o for o in self._near(offset) if o.span.start <= offset <= o.span.end]
        return touching[-1] if touching else None

    def of(self, symbol: Symbol) -> Iterator[Occurrence]:
        """Every place that names a symbol."""
        return (occurrence for occurrence in self.found if occurrence.symbol == symbol)

    @cached_property
    def starts(self) -> list[int]:
        """Where names begin."""
        return [occurrence.span.start for occurrence in self.found]

    def _near(self, offset: int) -> tuple[Occurrence, ...]:
        index = bisect.bisect_right(self.starts, offset)
        return self.found[max(0, index - 2) : index]
