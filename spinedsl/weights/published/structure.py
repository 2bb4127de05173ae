"""A network as the published code builds it: groups of layers, in order of creation.

1. The stem's convolution, then its blocks.
2. For every block of the network in order: each connection's layers, then its repeated copies.
3. The endpoints, from the finest level up.

Every convolution is followed by a norm. What is created but leads to no endpoint is listed too: it
is no part of a published model, yet names that are numbers have gone past it.
Source: tf-models-official 2.20.0, official/vision/modeling/backbones/spinenet.py and
spinenet_mobile.py; tensorflow/tpu at 7dc921f, models/official/detection/modeling/architecture/
spinenet.py and spinenet_mbconv.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from spinedsl.diagnostics import fail
from spinedsl.ir.model import Block, ImageInput, StemBlock
from spinedsl.pipeline import Compilation
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.weights.published.layers import CONVOLUTION, DEPTHWISE

PARENTS = 2
"""Inputs of a block in the published code."""


@record
class Kind:
    """A block kind: its published name, and the types of its convolutions in order."""

    name: str
    convolutions: tuple[str, ...]


@record
class Family:
    """A published network class: its block kinds and its resampling rule, by their names here."""

    name: str
    kinds: Mapping[str, Kind]
    rule: str


SPINENET = Family(
    "SpineNet",
    {
        "bottleneck": Kind("bottleneck", 3 * (CONVOLUTION,)),
        "residual": Kind("residual", 2 * (CONVOLUTION,)),
    },
    "cross_scale",
)
MOBILE = Family(
    "SpineNetMobile",
    {"mbconv": Kind("inverted_bottleneck", (CONVOLUTION, DEPTHWISE, CONVOLUTION))},
    "depthwise_scale",
)


@record
class Group:
    """Layers that are created together.

    Attributes:
        part: what they belong to.
        name: of that, here; the names of its operators begin with it.
        convolutions: their types in order; a projection and a gate not counted.
        place: of the block, from 0, among those of the stem or among those of the network.
        number: of the connection or of the copy, from 0.
        kind: of the block, as published.
        projects: a projection stands before the convolutions.
        gated: two convolutions of squeeze-excitation stand after the depthwise one.
        kept: it leads to an endpoint.
        level: of an endpoint.
        span: where the spec says so.
    """

    part: Literal["stem", "stem block", "connection", "block", "endpoint"]
    name: str
    convolutions: tuple[str, ...]
    place: int = 0
    number: int = 0
    kind: str = ""
    projects: bool = False
    gated: bool = False
    kept: bool = True
    level: int = 0
    span: Span | None = None


@record
class Structure:
    """All groups of a network.

    Attributes:
        family: the class that builds such a network.
        groups: in order of creation.
        operators: dotted names of everything that has parameters, in running order.
    """

    family: Family
    groups: tuple[Group, ...]
    operators: tuple[str, ...]


def structure(compilation: Compilation) -> Structure:
    """The groups of a network.

    Raises:
        DiagnosticError: the published code builds no such network (SP051).
    """
    network = compilation.network
    if not isinstance(network.input, ImageInput):
        raise fail(
            "SP051",
            "the published networks read images, not features",
            network.span,
            help="give the network whose backbone the checkpoint holds",
        )
    mobile = any(block.kind.name in MOBILE.kinds for block in network.blocks)
    walk = _Walk(compilation, MOBILE if mobile else SPINENET)
    return Structure(walk.family, tuple(walk.groups()), tuple(walk.operators))


@dataclass
class _Walk:
    """Follows the order in which the published code creates layers.

    Attributes:
        levels: of the blocks so far.
        kept: the blocks that lead to an endpoint.
        operators: those of the network that have parameters; in the order of a dictionary.
    """

    compilation: Compilation
    family: Family
    levels: dict[str, int] = field(default_factory=dict)
    kept: set[str] = field(init=False)
    operators: dict[str, None] = field(init=False)

    def __post_init__(self) -> None:
        expanded = self.compilation.expanded
        self.kept = {block.base for block in (*expanded.stem_blocks(), *expanded.blocks)}
        parameters = self.compilation.inlined.parameters()
        self.operators = dict.fromkeys(name.rpartition(".")[0] for name in parameters)

    def groups(self) -> Iterator[Group]:
        network = self.compilation.network
        yield Group("stem", "stem", (CONVOLUTION,), span=network.span)
        stem = [item for item in network.stem if isinstance(item, StemBlock)]
        for place, item in enumerate(stem):
            yield from self._copies(item, place)
        for place, block in enumerate(network.blocks):
            yield from self._connections(block, place)
            yield from self._copies(block, place)
        for endpoint in self.compilation.program.endpoints:
            yield Group("endpoint", endpoint.name, (CONVOLUTION,), level=endpoint.level or 0)

    def _connections(self, block: Block, place: int) -> Iterator[Group]:
        """Resampling rules; a mobile one halves with a depthwise convolution for each step."""
        sources: list[str] = []
        for number, connection in enumerate(block.inputs):
            rule = (connection.via or self.compilation.network.resample).name
            if rule != self.family.rule:
                raise self._refusal(f"doesn't resample by “{rule}”", connection.span)
            steps = block.level - self.levels[connection.source]
            convolutions: tuple[str, ...]
            if self.family is SPINENET:
                convolutions = (3 if steps > 0 else 2) * (CONVOLUTION,)
            else:
                convolutions = (*(max(0, steps) * (DEPTHWISE,)), CONVOLUTION)
            again = sources.count(connection.source)
            sources.append(connection.source)
            name = f"{connection.source}_to_{block.name}" + (f"__{again + 1}" if again else "")
            kept = block.name in self.kept
            yield Group("connection", name, convolutions, place, number, kept=kept, span=connection.span)
        if len(block.inputs) != PARENTS:
            raise self._refusal(
                f"gives every block two inputs, and “{block.name}” has {len(block.inputs)}", block.span
            )

    def _copies(self, block: Block | StemBlock, place: int) -> Iterator[Group]:
        """All copies of a block."""
        kind = self.family.kinds.get(block.kind.name)
        if kind is None:
            raise self._refusal(f"has no block “{block.kind.name}”", block.span)
        self.levels[block.name] = block.level
        copies = block.repeat * self.compilation.network.repeat
        for copy in range(copies):
            name = block.name if copies == 1 else f"{block.name}.{copy}"
            yield Group(
                "stem block" if isinstance(block, StemBlock) else "block",
                name,
                kind.convolutions,
                place,
                copy,
                kind.name,
                projects=f"{name}.projection.conv1" in self.operators,
                gated=f"{name}.squeeze_excite.conv1" in self.operators,
                kept=block.name in self.kept,
                span=block.span,
            )

    def _refusal(self, what: str, span: Span | None) -> Exception:
        return fail(
            "SP051",
            f"the published {self.family.name} {what}",
            span,
            help="checkpoints exist for the networks of the SpineNet and the SpineNet-Mobile family",
        )
