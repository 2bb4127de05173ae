"""What networks cost, exactly and fast: for a search that asks it of thousands of them.

`summarise` lowers every network anew. The networks of a search are made of few different pieces;
here each piece is lowered once, and a network costs what its pieces do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from operator import attrgetter
from typing import Any

from spinedsl.analysis.pieces import (
    Numbers,
    Piece,
    Pieces,
    Target,
    Unsure,
    Value,
    arrow,
    body,
    endpoint,
    merge,
    numbers_of,
)
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.model import Network
from spinedsl.ops import Shape
from spinedsl.passes import lower
from spinedsl.passes.connections import arrow_name
from spinedsl.passes.lower import MAX_OPERATORS, check_size, deepest_of, steps_of
from spinedsl.pipeline import Compilation
from spinedsl.records import record

OWN = {"blocks", "name", "title", "published", "doc", "space", "expectations", "span"}
"""What networks may differ in and share pieces: their blocks, and what isn't compiled."""
_shared = attrgetter(*(name for name in Network.model_fields if name not in OWN))
MAX_TABLES = 64
"""Most kinds of networks, apart from their blocks, that are remembered."""


@record
class Costs:
    """What a network takes, for one image.

    Attributes:
        parameters: trained ones.
        macs: multiply-adds.
        activation_bytes: float32 bytes of every result, which training keeps.
        depth: blocks on the longest path, those of the stem and every copy included.
        blocks: level → number of blocks there, counted in the same way.
    """

    parameters: int
    macs: int
    activation_bytes: int
    depth: int
    blocks: dict[int, int]


@dataclass
class CostModel:
    """Costs of many networks that share definitions and most of their pieces.

    It remembers what pieces cost, and holds some 50 MB at most. One is for one thread.
    """

    _known: dict[tuple[object, ...], Piece] = field(default_factory=dict)
    _tables: dict[str, Pieces] = field(default_factory=dict)
    _seen: dict[tuple[int, ...], tuple[Any, Pieces]] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    def of(self, network: Network) -> Costs:
        """What a network costs: the numbers of `summarise`, to the last digit.

        Args:
            network: a valid one, as resolution makes it.

        Raises:
            DiagnosticError: it doesn't compile.
        """
        expanded = Compilation(given=network).expanded
        try:
            numbers = _Walk(expanded, self._pieces(network)).total()
        except (DiagnosticError, Unsure):
            # The whole network knows why, in its own words; or all is well.
            numbers = numbers_of(lower(expanded))
        blocks = Counter(block.level for block in (*expanded.stem_blocks(), *expanded.blocks))
        return Costs(
            numbers.parameters,
            numbers.macs,
            numbers.activation_bytes,
            _depth(expanded),
            dict(sorted(blocks.items())),
        )

    def _pieces(self, network: Network) -> Pieces:
        """The pieces of networks that are equal to this one in all but their blocks."""
        shared = _shared(network)
        # Variants of one network hold the same objects, which are quickly found; the entry keeps them alive.
        identity = tuple(map(id, shared))
        seen = self._seen.get(identity)
        if seen is None:
            if len(self._seen) >= MAX_TABLES:
                self._seen.clear()
            seen = self._seen[identity] = (shared, self._table(network))
        return seen[1]

    def _table(self, network: Network) -> Pieces:
        text = network.model_dump_json(exclude=OWN)
        if text not in self._tables:
            if len(self._tables) >= MAX_TABLES:
                self._tables.clear()
            self._tables[text] = Pieces(network, self._known, next(self._numbers))
        return self._tables[text]


def _depth(expanded: ExpandedNetwork) -> int:
    depths = {block.name: depth for depth, block in enumerate(expanded.stem_blocks(), start=1)}
    for block in expanded.blocks:
        depths[block.name] = 1 + max(depths.get(name, 0) for name in block.reads)
    return max(depths.values(), default=0)


@dataclass
class _Walk:
    """Through one network, in the order in which it would be lowered."""

    expanded: ExpandedNetwork
    pieces: Pieces
    values: dict[str, Value] = field(default_factory=dict)
    found: list[Piece] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def total(self) -> Numbers:
        """What all pieces cost.

        Raises:
            DiagnosticError: a piece can't be lowered.
            Unsure: all can, but perhaps not in one network.
        """
        check_size(self.expanded.network, deepest_of(self.expanded))
        stem = self.pieces.stem(self.expanded)
        self.found.append(stem)
        self.names.extend(stem.names)
        self.values.update(stem.values)
        for block in self.expanded.blocks:
            self._block(block)
        for block in self.expanded.blocks:
            if block.endpoint is not None:
                shape = self._value(block.name).shape
                self._add(self.pieces.of(endpoint, None, shape), block.endpoint)
        self._see_that_they_fit()
        numbers = [piece.numbers for piece in self.found]
        return Numbers(
            sum(n.parameters for n in numbers),
            sum(n.macs for n in numbers),
            sum(n.activation_bytes for n in numbers),
        )

    def _block(self, block: ExpandedBlock) -> None:
        target = Target(block.level, block.width, block.channels)
        shape = self._merged(block, target) if block.after is None else self._value(block.after).shape
        piece = self._add(self.pieces.of(body, block.kind, shape, block.drop_path, target), block.name)
        self.values[block.name] = Value(block.level, block.width, piece.shape)

    def _merged(self, block: ExpandedBlock, target: Target) -> Shape:
        """What a block's inputs become, resampled and merged."""
        levels, shapes = [], []
        for index, each in enumerate(block.arrows):
            source = self._value(each.source)
            piece = self._add(self.pieces.of(arrow, each.rule, source, target), arrow_name(block, index))
            levels.append(source.level)
            shapes.append(piece.shape)
        dangling = tuple(self._value(name).shape for name in block.dangling)
        rule = block.merge or self.expanded.network.merge
        piece = self.pieces.of(merge, rule, tuple(levels), tuple(shapes), dangling, target)
        self.found.append(piece)
        self.names.extend(block.base + name for name in piece.names)
        return piece.shape

    def _value(self, name: str) -> Value:
        if name not in self.values:
            raise Unsure
        return self.values[name]

    def _add(self, piece: Piece, name: str) -> Piece:
        """Add what has one node at most, of this name."""
        self.found.append(piece)
        if piece.names:
            self.names.append(name)
        return piece

    def _see_that_they_fit(self) -> None:
        """What is no piece's own: names, and how much there may be of it all."""
        if len(set(self.names)) < len(self.names):
            raise Unsure
        if sum(piece.operators for piece in self.found) > MAX_OPERATORS:
            raise Unsure
        # In a network, a definition is worked out once for all pieces that use it alike: this is an upper bound.
        if sum(piece.steps for piece in self.found) > steps_of(self.expanded):
            raise Unsure
