"""The Network IR.

What a network means after imports, `extends`, conventions and names are resolved: levels, stem,
blocks, connections, endpoints, search space. It knows nothing of operators: definitions and the
operators of a stem travel as the canonical text of the language, which is their serialisation.

    .spine ⇄ Network ⇄ JSON        `spinec schema` prints the JSON Schema

Every model is frozen. `span` says where a thing was written; it takes part in neither comparison
nor JSON.
"""

# Annotations are evaluated here: pydantic would compile each of them from text.

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema

from spinedsl.ir import text
from spinedsl.source import Span
from spinedsl.syntax import nodes

Definition = nodes.Definition
"""A block kind, rule, part or head: read by what never looks at other syntax."""

Symbol = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$", max_length=64)]
Scalar = bool | int | float | Symbol
"""The value of an argument: true or false, a number, or the name of a choice."""

QuotedText = Annotated[str, Field(pattern=r'^[^"\x00-\x1f\x7f-\x9f]*$', max_length=2000)]
LevelNumber = Annotated[int, Field(ge=0, le=62)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]


def _written(kind: str, types: Any, parse: Any, show: Any) -> Any:
    """A field that is a syntax node in Python and its canonical text in JSON."""

    def check(value: Any) -> Any:
        node = parse(value) if isinstance(value, str) else value
        if not isinstance(node, types):
            raise ValueError(f"{kind} expected")
        return node

    return (
        PlainValidator(check),
        PlainSerializer(show, return_type=str),
        WithJsonSchema({"type": "string", "description": f"{kind}, in the language"}),
    )


DefinitionText = Annotated[
    nodes.Definition,
    *_written("a definition", nodes.Definition, text.parse_definition, text.show_definition),
]
ChainText = Annotated[nodes.Chain, *_written("operators", nodes.Chain, text.parse_chain, text.show_chain)]
ExpressionText = Annotated[
    nodes.Expression,
    *_written("an expression", nodes.Expression, text.parse_expression, text.show_expression),
]


class IrModel(BaseModel):
    """Base of the IR: frozen, closed, with a span that doesn't count."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False, strict=True)

    span: SkipJsonSchema[InstanceOf[Span] | None] = Field(default=None, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        mine, theirs = self.__dict__, other.__dict__
        return all(mine[name] == theirs[name] for name in mine if name != "span")

    __hash__ = None  # type: ignore[assignment]


M = TypeVar("M", bound=IrModel)


def trusted(model: type[M]) -> type[M]:
    """The constructor of `model` for values that the compiler has checked itself.

    Resolution looks at every value with its span at hand, and mypy at every call; a second look by
    pydantic would build 16 validators first, a seventh of the time of `spinec check`. JSON from
    outside always goes through `Network.model_validate_json`. A test validates what resolution makes.
    """
    return model.model_construct  # type: ignore[return-value]


class Call(IrModel):
    """A definition or policy by name, with the arguments that were stated."""

    name: Identifier
    arguments: dict[Identifier, Scalar] = {}


class ImageInput(IrModel):
    """The network reads one image of `channels` × `height` × `width`."""

    kind: Literal["image"] = "image"
    channels: int = Field(ge=1)
    height: int = Field(ge=1)
    width: int = Field(ge=1)


class Feature(IrModel):
    """One feature that comes in from outside, at a level of the image it was made from."""

    name: Identifier
    level: LevelNumber
    channels: int = Field(ge=1)


class FeatureInput(IrModel):
    """The network reads features of an image of `height` × `width`."""

    kind: Literal["features"] = "features"
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    features: tuple[Feature, ...]


class Rounding(IrModel):
    """How a scaled width becomes whole: cut, nearest, or a multiple (never below 90 %)."""

    policy: Literal["floor", "nearest", "multiple"] = "floor"
    multiple: int = Field(default=1, ge=1)


class DropPath(IrModel):
    """Stochastic depth (Huang et al. 2016) on the residual branches.

    With `linear`, block i of the scale-permuted part (from 1) drops at rate·i/denominator; the
    expression `of` gives the denominator and may use `blocks`, their number.
    """

    rate: float = Field(default=0.0, ge=0.0, lt=1.0)
    schedule: Literal["constant", "linear"] = "linear"
    of: ExpressionText | None = None


class StemStep(IrModel):
    """Operators of the stem, up to the next named block."""

    operators: ChainText


class StemBlock(IrModel):
    """A named block of the stem; it reads what stands before it, and strides to its level."""

    name: Identifier
    kind: Call
    level: LevelNumber
    width: int | None = Field(default=None, ge=1)
    repeat: int = Field(default=1, ge=1)


class Connection(IrModel):
    """A cross-scale connection: whose output is read, and the resampling rule if it has its own."""

    source: Identifier
    via: Call | None = None


class Block(IrModel):
    """A scale-permuted block.

    Attributes:
        width: base width of its own, before scaling; the table's if None.
        inputs: one or more connections, in the order they were written.
        endpoint: the endpoint it feeds, if it is an output block.
    """

    name: Identifier
    kind: Call
    level: LevelNumber
    width: int | None = Field(default=None, ge=1)
    repeat: int = Field(default=1, ge=1)
    merge: Call | None = None
    inputs: tuple[Connection, ...] = Field(min_length=1)
    endpoint: Identifier | None = None


class Endpoints(IrModel):
    """How output blocks become endpoints.

    Attributes:
        first, last: the levels that must be covered, if they were declared.
        rule: the part that is applied to each, or None: the blocks' outputs as they are.
        channels: what the part is told to put out.
    """

    first: LevelNumber | None = None
    last: LevelNumber | None = None
    rule: Call | None = None
    channels: int | None = Field(default=None, ge=1)


Group = Literal["intermediate", "output"]


class Window(IrModel):
    """How many inputs a block takes, from how many blocks before it (None: from all)."""

    count: int = Field(ge=1)
    last: int | None = Field(default=None, ge=1)
    group: Group | None = None


class Adjustment(IrModel):
    """What may be adjusted in a block, each block for itself.

    Attributes:
        attribute: `level`, `kind`, `width`, `repeat`, `merge`, `resample`, or a parameter of the kinds.
        relative: the values are added to the seed's level, or multiply its width.
        values: what there is to choose from; the first is no better than the others.
        group: of which blocks; None: of all.
        default: of a parameter, what it is where a block doesn't state it.
    """

    attribute: Identifier
    relative: bool = False
    values: tuple[Call | Scalar, ...] = Field(min_length=1)
    group: Group | None = None
    default: Scalar | None = None


class Choice(IrModel):
    """What may be chosen for the whole network.

    Attributes:
        setting: its first words in the language: `scale width`.
        field: of `Network`.
        values: of that field.
    """

    setting: str
    field: Identifier
    values: tuple[ImageInput | Endpoints | Call | int | float, ...] = Field(min_length=1)


class Requirement(IrModel):
    """What every member must meet, such as `macs(640) <= 30G`."""

    condition: ExpressionText


class Space(IrModel):
    """A search space: the networks that a seed network becomes by choices.

    Attributes:
        seed: name of the network it starts from.
        sources: what stands before that network's blocks and may be read: features, blocks of the stem.
        blocks: the seed's.
        permute: groups whose blocks stand in any order, in the places of the group.
        connect: which blocks a block reads; where no window speaks of a block, the seed's places.
        adjustments, choices: what else there is to choose, of a block, of the whole network.
        requirements: what excludes members.
    """

    name: Identifier
    seed: Identifier
    sources: tuple[Identifier, ...] = ()
    blocks: tuple[Block, ...]
    permute: tuple[Group, ...] = ()
    connect: tuple[Window, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    choices: tuple[Choice, ...] = ()
    requirements: tuple[Requirement, ...] = ()


class Expectation(IrModel):
    """A published fact that `spinec check` proves.

    Attributes:
        quantity: `params`, `macs`, `output` or `channels`.
        arguments: what it is asked of, e.g. the input size of `macs(640)` or an endpoint's name.
        expected: a number, or the extents of a tensor.
        tolerance: largest relative difference; 0 for exact.
    """

    quantity: Identifier
    arguments: tuple[Scalar, ...] = ()
    expected: int | float | tuple[int, ...]
    tolerance: float = Field(default=0.0, ge=0.0)


class Network(IrModel):
    """One validated network."""

    name: Identifier
    title: QuotedText | None = None
    published: tuple[QuotedText, ...] = ()
    doc: str = ""
    input: Annotated[ImageInput | FeatureInput, Field(discriminator="kind")]
    widths: dict[LevelNumber, int] = {}
    width_scale: float = Field(default=1.0, gt=0.0)
    rounding: Rounding = Rounding.model_construct()
    repeat: int = Field(default=1, ge=1)
    stack: int = Field(default=1, ge=1)
    conventions: Identifier = "torch"
    norm: Call
    act: Call
    padding: Literal["symmetric", "same"] = "symmetric"
    pool_padding: Literal["symmetric", "same"] = "symmetric"
    resample: Call
    merge: Call
    drop_path: DropPath = DropPath.model_construct()
    dangling: Literal["merge", "prune", "error"] = "merge"
    sizes: Literal["exact", "any"] = "exact"
    defaults: dict[Identifier, dict[Identifier, Scalar]] = {}
    stem: tuple[StemStep | StemBlock, ...] = ()
    blocks: tuple[Block, ...]
    endpoints: Endpoints
    space: Space | None = None
    expectations: tuple[Expectation, ...] = ()
    definitions: tuple[DefinitionText, ...] = ()

    def definition(self, name: str) -> nodes.Definition:
        """The definition called `name`; it exists, resolution saw to that."""
        return next(d for d in self.definitions if d.name.text == name)


class Model(IrModel):
    """A network with heads: what is trained and deployed.

    Attributes:
        backbone: reads the image; its settings are those of the heads too.
        necks: networks over features, each over what the part before it puts out.
        heads: definitions of heads, each over the last neck, or the backbone.
        pixels: how an image's pixels become numbers: see `spinedsl.graph.tasks.PIXELS`.
        defaults, definitions: as in a network; for the heads.
    """

    name: Identifier
    title: QuotedText | None = None
    published: tuple[QuotedText, ...] = ()
    doc: str = ""
    backbone: Network
    necks: tuple[Network, ...] = ()
    heads: tuple[Call, ...] = Field(min_length=1)
    pixels: Identifier = "imagenet"
    defaults: dict[Identifier, dict[Identifier, Scalar]] = {}
    expectations: tuple[Expectation, ...] = ()
    definitions: tuple[DefinitionText, ...] = ()
