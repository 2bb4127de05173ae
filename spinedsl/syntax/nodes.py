"""The syntax model: what was written, with spans, before any name is looked up.

Every node is frozen; its `span` doesn't take part in comparison, so two texts that differ in
layout alone have equal trees. Expressions and bodies of definitions are used unchanged by the
later stages: they mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TypeAlias

from spinedsl.records import record
from spinedsl.source import Span


@record(kw_only=True)
class Node:
    """What every node has: where it was written."""

    span: Span = field(compare=False, repr=False)


@record
class Name(Node):
    """A name where it was written."""

    text: str

    def __str__(self) -> str:
        return self.text


# ---- expressions


@record
class Number(Node):
    """A literal such as `4`, `1e-3`, `28.5M` or `1%`; `text` is as written."""

    text: str


@record
class Boolean(Node):
    """`true` or `false`."""

    value: bool


@record
class Reference(Node):
    """A name used as a value: `width`, `source.width`, `same`."""

    name: str


@record
class Apply(Node):
    """An operator or function with operands: `4 * width` is `Apply("*", (4, width))`."""

    function: str
    operands: tuple[Expression, ...]
    depth: int = field(compare=False, repr=False, kw_only=True)


Expression: TypeAlias = Number | Boolean | Reference | Apply


@record
class Argument(Node):
    """`value` or `name = value` inside the parentheses of a call."""

    name: Name | None
    value: Expression


@record
class Call(Node):
    """A definition or policy with arguments: `cross_scale(alpha = 0.5)`."""

    name: Name
    arguments: tuple[Argument, ...]


# ---- definitions


@record
class Step(Node):
    """One operator or part in a chain: `conv(bias = true) 3x3 / 2 -> 64`."""

    name: Name
    arguments: tuple[Argument, ...]
    kernel: tuple[int, int] | None
    stride: Expression | None
    result: Expression | None


@record
class Chain(Node):
    """Steps in sequence, each reading the one before."""

    steps: tuple[Step, ...]


@record
class Let(Node):
    """`name = chain`: a side branch with a name; the running value stays what it was."""

    name: Name
    chain: Chain


@record
class When(Node):
    """`when condition { … } else { … }`, decided at compile time."""

    condition: Expression
    body: Body
    otherwise: Body | None


@record
class Loop(Node):
    """`repeat count { … }`, unrolled at compile time."""

    count: Expression
    body: Body


@record
class Each(Node):
    """`each level { … }`: once for every level, all with the same parameters."""

    body: Body


@record
class Descend(Node):
    """`from coarsest { … }`: from one end of the pyramid to the other, the value carried along."""

    start: Name
    body: Body


@record
class Output(Node):
    """`chain => scores`: what a head puts out under a name; the running value stays what it was."""

    chain: Chain
    name: Name


Statement: TypeAlias = Chain | Let | When | Loop | Each | Descend | Output


@record
class Body(Node):
    """Statements between braces."""

    statements: tuple[Statement, ...]


def all_statements(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Statements in order, each followed by those in its bodies."""
    stack = list(reversed(list(statements)))
    while stack:
        statement = stack.pop()
        yield statement
        bodies = [] if isinstance(statement, Chain | Let | Output) else [statement.body]
        if isinstance(statement, When) and statement.otherwise is not None:
            bodies.append(statement.otherwise)
        for body in reversed(bodies):
            stack.extend(reversed(body.statements))


@record
class Parameter(Node):
    """A parameter of a definition, with its default if it has one."""

    name: Name
    default: Expression | None


@record
class Definition(Node):
    """`block`, `resampling`, `merge`, `part` or `head`, written by operators.

    Attributes:
        kind: which of the five words introduced it.
        result: declared number of output channels, if it was declared.
        task: what a head is for: `detection(classes, size = 4)`; None for the others.
        doc: the comment lines right above it.
    """

    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    result: Expression | None
    body: Body
    doc: str = field(compare=False)
    task: Call | None = None


# ---- networks


@record
class Size(Node):
    """`3 x 640 x 640` or `640 x 640`."""

    extents: tuple[int, ...]


@record
class Levels(Node):
    """`4` or `4..7`, both ends included."""

    first: int
    last: int


@record
class Setting(Node):
    """A declaration that holds one value and that a later one replaces.

    Attributes:
        key: the word (or two words) it starts with, e.g. `repeat`, `scale width`.
        value: expression, call, name, size or text, as the key demands.
        extra: what follows the value, e.g. the denominator of `drop_path … linear of …`.
        flag: a word that may follow, e.g. `linear`.
    """

    key: str
    value: Expression | Call | Name | Size | str
    extra: Expression | None = None
    flag: str | None = None


@record
class Feature(Node):
    """One external input of a graph over features: `c3 @3 -> 512`."""

    name: Name
    level: int
    channels: Expression


@record
class FeatureInputs(Node):
    """`input of 640 x 640 { … }`: features of an image of that size come in from outside."""

    size: Size
    features: tuple[Feature, ...]


@record
class WidthEntry(Node):
    """`4..7: 256` in a table of widths."""

    levels: Levels
    channels: Expression


@record
class Widths(Node):
    """`width { 2: 64, 4..7: 256 }`: base channels of a block at a level."""

    entries: tuple[WidthEntry, ...]


@record
class BlockOption(Node):
    """`width 16`, `repeat 2` or `merge attention` behind a block's level."""

    key: str
    value: Expression | Call


@record
class Connection(Node):
    """An arrow into a block, with a resampling rule of its own if it has one."""

    source: Name
    via: Call | None


@record
class Block(Node):
    """`b12: bottleneck @4 <- b5, b10 => P4`; a stem block has no connections."""

    name: Name
    kind: Call
    level: Number
    options: tuple[BlockOption, ...]
    connections: tuple[Connection, ...]
    endpoint: Name | None


@record
class Stem(Node):
    """A scale-decreasing sequence of operators and named blocks."""

    items: tuple[Chain | Block, ...]


@record
class Without(Node):
    """`without b11`: removes inherited blocks."""

    names: tuple[Name, ...]


@record
class Endpoints(Node):
    """`endpoints 3..7 via endpoint -> 256`."""

    levels: Levels | None
    via: Call | None
    channels: Expression | None


@record
class Expect(Node):
    """`expect macs(640) = 85.4G within 1%`."""

    quantity: Name
    arguments: tuple[Argument, ...]
    target: Name | None
    value: Expression | Size
    within: Number | None


Declaration: TypeAlias = Setting | FeatureInputs | Widths | Stem | Block | Without | Endpoints | Expect


@record
class Network(Node):
    """`network N extends M { … }`."""

    name: Name
    extends: Name | None
    declarations: tuple[Declaration, ...]
    doc: str = field(compare=False)


@record
class Part(Node):
    """`backbone spinenet49` or `neck nas_fpn`: a network of a model."""

    role: str
    network: Name


@record
class UseHead(Node):
    """`head retinanet(classes = 91)`."""

    call: Call


ModelDeclaration: TypeAlias = Setting | Expect | Part | UseHead


@record
class Model(Node):
    """`model M { backbone N  head … }`."""

    name: Name
    extends: Name | None
    declarations: tuple[ModelDeclaration, ...]
    doc: str = field(compare=False)


@record
class Conventions(Node):
    """`conventions garden { … }`: a named bundle of settings."""

    name: Name
    settings: tuple[Setting, ...]
    doc: str = field(compare=False)


# ---- search spaces


@record
class Permute(Node):
    """`permute intermediate, output`."""

    groups: tuple[Name, ...]


@record
class Connect(Node):
    """`connect 2 from last 5 for intermediate`; `last` is None for all earlier blocks."""

    count: Number
    last: Number | None
    group: Name | None


SpaceValue: TypeAlias = Number | Boolean | Apply | Call | Size
"""What can be chosen: a number (perhaps negative), `bottleneck`, `cross_scale(alpha = 0.5)`, `3 x 512 x 512`."""


@record
class Adjust(Node):
    """`adjust level by {-1, 0, 1, 2} for intermediate`.

    Attributes:
        relative: whether it says `by`.
    """

    attribute: Name
    relative: bool
    values: tuple[SpaceValue, ...]
    group: Name | None


@record
class Choose(Node):
    """`choose scale width from {0.65, 1}`; the setting is `scale width`."""

    setting: Name
    values: tuple[SpaceValue, ...]


@record
class Freeze(Node):
    """`freeze order, connections`."""

    parts: tuple[Name, ...]


@record
class Require(Node):
    """`require macs(640) <= 30G`."""

    condition: Expression


SpaceRule: TypeAlias = Permute | Connect | Adjust | Choose | Freeze | Require


@record
class Space(Node):
    """`space S of N extends T { … }`."""

    name: Name
    seed: Name
    extends: Name | None
    rules: tuple[SpaceRule, ...]
    doc: str = field(compare=False)


# ---- files


@record
class Import(Node):
    """`import "std/resnet.spine"`."""

    path: str


Item: TypeAlias = Import | Network | Definition | Model | Conventions | Space


@record
class File(Node):
    """A whole source text."""

    items: tuple[Item, ...]
