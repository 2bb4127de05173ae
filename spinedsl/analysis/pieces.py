"""What the pieces of networks cost: arrows, merges, blocks, endpoints, stems. Each is lowered once.

Pieces are lowered by the code that lowers networks, but each alone, for a block that has nothing
but what the cost is remembered under. So a cost can't depend on anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from spinedsl.graph.builder import Feature
from spinedsl.graph.inline import inline
from spinedsl.graph.program import Program
from spinedsl.ir.expanded import Arrow, ExpandedBlock, ExpandedNetwork
from spinedsl.ir.model import Call, Network
from spinedsl.ops import Shape
from spinedsl.ops.types import FLOAT_BYTES
from spinedsl.passes.connections import Source
from spinedsl.passes.lower import Lowering, steps_of
from spinedsl.records import record

MAX_PIECES = 50_000
"""Most costs that are remembered, some 50 MB. A space of 15 blocks has about 2,000 pieces."""
_PROBE = "probe"
"""The name of the blocks that pieces are lowered for."""


class Unsure(Exception):
    """Only lowering the network as a whole can say what becomes of it."""


class Value(NamedTuple):
    """What a block or external feature puts out, as far as its readers may ask."""

    level: int
    width: int
    shape: Shape


class Target(NamedTuple):
    """A block, as far as its arrows, its merge and its kind may ask."""

    level: int
    width: int
    channels: int


@record
class Numbers:
    """What a program takes.

    Attributes:
        parameters: trained ones.
        macs: multiply-adds for one image.
        activation_bytes: float32 bytes of every result.
    """

    parameters: int
    macs: int
    activation_bytes: int


@record
class Piece:
    """What one step of lowering adds to a network.

    Attributes:
        numbers: what it takes.
        shape: of its result.
        names: those of the nodes in `main`, without the name of the block; of a stem, its inputs' too.
        operators: how many operators it runs.
        steps: how many steps definitions took to work it out, of those that a network may.
        values: of a stem, what blocks may read.
    """

    numbers: Numbers
    shape: Shape
    names: tuple[str, ...]
    operators: int
    steps: int
    values: dict[str, Value]


def numbers_of(program: Program) -> Numbers:
    """What a program takes in all; shared parameters count once."""
    inlined = inline(program)
    return Numbers(
        sum(p.elements for p in inlined.parameters().values() if p.trainable),
        sum(node.macs for node in inlined.nodes),
        sum(node.shape.elements for node in inlined.nodes) * FLOAT_BYTES,
    )


# ---- what is lowered; all of it stands in the arguments


def arrow(lowering: Lowering, rule: Call, source: Value, target: Target) -> Feature:
    """A connection."""
    block = _probe(target, arrows=(Arrow("source", rule),))
    value = lowering.main.add_input("source", source.shape)
    start = Source(value, source.level, source.width)
    return lowering.connector.resample(block, block.arrows[0], start, 0)


def merge(
    lowering: Lowering,
    rule: Call,
    levels: tuple[int, ...],
    shapes: tuple[Shape, ...],
    dangling: tuple[Shape, ...],
    target: Target,
) -> Feature:
    """A merge of resampled inputs and unread blocks."""
    values = [lowering.main.add_input(f"x{i}", shape) for i, shape in enumerate((*shapes, *dangling))]
    names = [value.name for value in values]
    count = len(shapes)
    arrows = tuple(Arrow(name, rule) for name in names[:count])
    block = _probe(target, arrows=arrows, dangling=tuple(names[count:]), merge=rule)
    return lowering.connector.merge(block, values[:count], list(levels), values[count:], None)


def body(lowering: Lowering, kind: Call, shape: Shape, drop_path: Fraction, target: Target) -> Feature:
    """A block behind its merge, or a copy of one."""
    block = _probe(target, kind=kind, drop_path=drop_path)
    return lowering.run_block(block, lowering.main.add_input("x", shape), 1)


def endpoint(lowering: Lowering, _: Call | None, shape: Shape) -> Feature:
    """What the rule for endpoints makes; it is the network's."""
    block = _probe(Target(0, 0, shape.channels), endpoint="endpoint")
    lowering.sources[_PROBE] = Source(lowering.main.add_input("x", shape), 0, 0)
    return lowering.endpoint(block)


_NO_KIND = Call(name="none")


def _probe(target: Target, kind: Call = _NO_KIND, **parts: Any) -> ExpandedBlock:
    return ExpandedBlock(_PROBE, kind, target.level, target.width, target.channels, **parts)


# ---- remembering


@dataclass
class Pieces:
    """The pieces of networks that differ in their blocks only.

    Attributes:
        network: one of those networks.
        known: what pieces cost; others' too, under other numbers.
        number: this table's.
    """

    network: Network
    known: dict[tuple[object, ...], Piece]
    number: int
    _stems: dict[int, Piece] = field(default_factory=dict)

    def of(self, step: Callable[..., Feature], call: Call | None, *given: object) -> Piece:
        """What a step makes of a call, and of what its place gives.

        Raises:
            DiagnosticError: it can't be lowered.
            Unsure: it might be alone, but not in a network.
        """
        # As text, since 1 and true are equal to Python.
        stated = call and (call.name, repr(call.arguments) if call.arguments else "")
        key = (self.number, step, stated, *given)
        piece = self.known.get(key)
        if piece is None:
            if len(self.known) >= MAX_PIECES:
                self.known.clear()
            lowering = Lowering(ExpandedNetwork(self.network, (), ()))
            piece = self.known[key] = _measured(lowering, step(lowering, call, *given).shape)
        return piece

    def stem(self, expanded: ExpandedNetwork) -> Piece:
        """What enters the network, and its stem: as much of it as isn't pruned.

        Raises:
            DiagnosticError: it can't be lowered.
            Unsure: it might be alone, but not in a network.
        """
        kept = len(expanded.stem)
        if kept not in self._stems:
            lowering = Lowering(ExpandedNetwork(self.network, expanded.stem, ()))
            lowering.inputs()
            lowering.stem()
            taken = tuple(port.name for port in lowering.main.inputs)
            self._stems[kept] = _measured(lowering, lowering.main.inputs[0].shape, taken)
        return self._stems[kept]


def _measured(lowering: Lowering, shape: Shape, taken: tuple[str, ...] = ()) -> Piece:
    """What a lowering holds now; `taken` are names that aren't its nodes'."""
    lowering.diagnostics.stop_on_errors()
    if lowering.main.levelled:
        raise Unsure
    main = lowering.main.finish("main", ())
    sources = lowering.sources.items()
    return Piece(
        numbers_of(Program("piece", main, lowering.maker.functions, (), 1)),
        shape,
        (*taken, *(node.name.removeprefix(_PROBE) for node in main.nodes)),
        main.operators,
        steps_of(lowering.expanded) - lowering.maker.budget.steps,
        {name: Value(source.level, source.width, source.feature.shape) for name, source in sources},
    )
