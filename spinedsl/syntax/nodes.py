"""The syntax model: what was written, with spans, before any name is looked up.

Every node is frozen; its `span` doesn't take part in comparison, so two texts that differ in
layout alone have equal trees. Expressions and bodies of definitions are used unchanged by the
later stages: they mean the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from spinedsl.source import Span


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Name:
    """A name where it was written."""

    text: str
    span: Span = _span()

    def __str__(self) -> str:
        return self.text


# ---- expressions


@dataclass(frozen=True, slots=True)
class Number:
    """A literal such as `4`, `1e-3`, `28.5M` or `1%`; `text` is as written."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    value: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reference:
    """A name used as a value: `width`, `source.width`, `same`."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or function with operands: `4 * width` is `Apply("*", (4, width))`."""

    function: str
    operands: tuple[Expression, ...]
    span: Span = _span()
    depth: int = field(compare=False, repr=False, kw_only=True)


Expression: TypeAlias = Number | Boolean | Reference | Apply


@dataclass(frozen=True, slots=True)
class Argument:
    """`value` or `name = value` inside the parentheses of a call."""

    name: Name | None
    value: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """A definition or policy with arguments: `cross_scale(alpha = 0.5)`."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span = _span()


# ---- definitions


@dataclass(frozen=True, slots=True)
class Step:
    """One operator or part in a chain: `conv(bias = true) 3x3 / 2 -> 64`."""

    name: Name
    arguments: tuple[Argument, ...]
    kernel: tuple[int, int] | None
    stride: Expression | None
    result: Expression | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in sequence, each reading the one before."""

    steps: tuple[Step, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Let:
    """`name = chain`: a side branch with a name; the running value stays what it was."""

    name: Name
    chain: Chain
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class When:
    """`when condition { … } else { … }`, decided at compile time."""

    condition: Expression
    body: Body
    otherwise: Body | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Loop:
    """`repeat count { … }`, unrolled at compile time."""

    count: Expression
    body: Body
    span: Span = _span()


Statement: TypeAlias = Chain | Let | When | Loop


@dataclass(frozen=True, slots=True)
class Body:
    """Statements between braces."""

    statements: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a definition, with its default if it has one."""

    name: Name
    default: Expression | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Definition:
    """`block`, `resampling`, `merge` or `part`, written by operators.

    Attributes:
        kind: which of the four words introduced it.
        result: declared number of output channels, if it was declared.
        doc: the comment lines right above it.
    """

    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    result: Expression | None
    body: Body
    doc: str = field(compare=False)
    span: Span = _span()


# ---- networks


@dataclass(frozen=True, slots=True)
class Size:
    """`3 x 640 x 640` or `640 x 640`."""

    extents: tuple[int, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Levels:
    """`4` or `4..7`, both ends included."""

    first: int
    last: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Setting:
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
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Feature:
    """One external input of a graph over features: `c3 @3 -> 512`."""

    name: Name
    level: int
    channels: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FeatureInputs:
    """`input of 640 x 640 { … }`: features of an image of that size come in from outside."""

    size: Size
    features: tuple[Feature, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WidthEntry:
    """`4..7: 256` in a table of widths."""

    levels: Levels
    channels: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Widths:
    """`width { 2: 64, 4..7: 256 }`: base channels of a block at a level."""

    entries: tuple[WidthEntry, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class BlockOption:
    """`width 16`, `repeat 2` or `merge attention` behind a block's level."""

    key: str
    value: Expression | Call
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Connection:
    """An arrow into a block, with a resampling rule of its own if it has one."""

    source: Name
    via: Call | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Block:
    """`b12: bottleneck @4 <- b5, b10 => P4`; a stem block has no connections."""

    name: Name
    kind: Call
    level: Number
    options: tuple[BlockOption, ...]
    connections: tuple[Connection, ...]
    endpoint: Name | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stem:
    """A scale-decreasing sequence of operators and named blocks."""

    items: tuple[Chain | Block, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Without:
    """`without b11`: removes inherited blocks."""

    names: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`endpoints 3..7 via endpoint -> 256`."""

    levels: Levels | None
    via: Call | None
    channels: Expression | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect macs(640) = 85.4G within 1%`."""

    quantity: Name
    arguments: tuple[Argument, ...]
    target: Name | None
    value: Expression | Size
    within: Number | None
    span: Span = _span()


Declaration: TypeAlias = (
    Setting | FeatureInputs | Widths | Stem | Block | Without | Endpoints | Expect
)


@dataclass(frozen=True, slots=True)
class Network:
    """`network N extends M { … }`."""

    name: Name
    extends: Name | None
    declarations: tuple[Declaration, ...]
    doc: str = field(compare=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Conventions:
    """`conventions garden { … }`: a named bundle of settings."""

    name: Name
    settings: tuple[Setting, ...]
    doc: str = field(compare=False)
    span: Span = _span()


# ---- search spaces


@dataclass(frozen=True, slots=True)
class Permute:
    """`permute intermediate, output`."""

    groups: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Connect:
    """`connect 2 from last 5 for intermediate`; `last` is None for all earlier blocks."""

    count: Number
    last: Number | None
    group: Name | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AdjustLevel:
    """`adjust level by {-1, 0, 1, 2}`."""

    offsets: tuple[Expression, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AdjustKind:
    """`adjust kind to {bottleneck, residual}`."""

    kinds: tuple[Name, ...]
    span: Span = _span()


SpaceRule: TypeAlias = Permute | Connect | AdjustLevel | AdjustKind


@dataclass(frozen=True, slots=True)
class Space:
    """`space S of N { … }`."""

    name: Name
    seed: Name
    rules: tuple[SpaceRule, ...]
    doc: str = field(compare=False)
    span: Span = _span()


# ---- files


@dataclass(frozen=True, slots=True)
class Import:
    """`import "std/resnet.spine"`."""

    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Comment:
    """A `#` comment: its text with the sign, and where it stands."""

    text: str
    span: Span = _span()


Item: TypeAlias = Import | Network | Definition | Conventions | Space


@dataclass(frozen=True, slots=True)
class File:
    """A whole source text."""

    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    span: Span = _span()
