"""What is drawn: the blocks of a network or model, in running order, and what connects them.

Copies that `repeat` makes are one block. A neck's features are no blocks in a model: its blocks read
the output blocks of the part below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from spinedsl.analysis.summary import Summary
from spinedsl.graph.assembly import Part
from spinedsl.graph.tasks import RegionBoxes, RegionMasks
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.model import FeatureInput, ImageInput
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record
from spinedsl.source import Span

Role = Literal["input", "stem", "feature", "block", "head"]


@record
class Block:
    """One block, or what stands for one: the input, the stem's operators, an external feature, a head.

    Attributes:
        name: what the summary calls it; "" for the input.
        label: what is written in it.
        level: None where it has none.
        channels: of its output; 0 where there is no one number.
        repeat: copies in sequence.
        endpoint: what it feeds, if it is an output block.
        part: of a model, with its title: `backbone · SpineNet-49`, …, `heads`; "" in a network.
        span: where it is declared.
    """

    name: str
    label: str
    kind: str
    role: Role = "block"
    level: int | None = None
    channels: int = 0
    repeat: int = 1
    endpoint: str | None = None
    part: str = ""
    span: Span | None = None

    @property
    def words(self) -> str:
        """What it is, as the language writes it: `c4 @4 repeat 6 => P4`."""
        level = "" if self.level is None else f" @{self.level}"
        repeat = f" repeat {self.repeat}" if self.repeat > 1 else ""
        return self.label + level + repeat + (f" => {self.endpoint}" if self.endpoint else "")


@record
class Connection:
    """Who reads whom, as places in `Diagram.blocks`.

    Attributes:
        dangling: an unread block that joins the merge as it is.
    """

    source: int
    target: int
    dangling: bool = False


@record
class Level:
    """A level that has blocks.

    Attributes:
        size: height and width of its features.
        channels: all that its blocks put out, ascending.
    """

    number: int
    size: tuple[int, int]
    channels: tuple[int, ...]


@record
class Diagram:
    """A network or model as it is drawn.

    Attributes:
        facts: parameters, multiply-adds and input, in a line.
        blocks: in running order; each connection's source stands before its target.
        kinds: of block, in order of appearance.
        removed: blocks that pruning took away.
    """

    title: str
    facts: str
    blocks: tuple[Block, ...]
    connections: tuple[Connection, ...]
    levels: tuple[Level, ...]
    kinds: tuple[str, ...]
    removed: tuple[str, ...] = ()


def diagram_of(compilation: AnyCompilation, summary: Summary) -> Diagram:
    """The diagram of a network or model, and its summary's totals.

    Raises:
        DiagnosticError: it doesn't compile.
    """
    collected = _Collected()
    if isinstance(compilation, Compilation):
        expanded = compilation.expanded
        sources = dict(collected.inputs(expanded))
        collected.network(expanded, sources, stem=any(row.kind == "stem" for row in summary.rows))
    else:
        _collect_model(compilation, collected)
    given = compilation.network.input
    blocks = tuple(collected.blocks)
    return Diagram(
        title=summary.title,
        facts=_facts(summary, given),
        blocks=blocks,
        connections=tuple(collected.connections),
        levels=_levels(blocks, given.height, given.width),
        kinds=tuple(dict.fromkeys(block.kind for block in blocks if block.role == "block")),
        removed=summary.removed,
    )


@dataclass(slots=True)
class _Collected:
    """Blocks and connections so far."""

    blocks: list[Block] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def add(self, block: Block, *sources: int) -> int:
        """Its place; connections from those of `sources`."""
        self.blocks.append(block)
        place = len(self.blocks) - 1
        self.connections += (Connection(source, place) for source in sources)
        return place

    def inputs(self, expanded: ExpandedNetwork, part: str = "") -> Iterator[tuple[str, int]]:
        """The image, called "", or every external feature."""
        given = expanded.network.input
        if isinstance(given, ImageInput):
            label = f"{given.channels} × {given.height} × {given.width}"
            yield "", self.add(Block("", label, "image", "input", None, given.channels, part=part))
            return
        for one in given.features:
            feature = Block(one.name, one.name, "feature", "feature", one.level, one.channels, part=part)
            yield one.name, self.add(feature)

    def network(
        self,
        expanded: ExpandedNetwork,
        sources: dict[str, int],
        *,
        stem: bool,
        part: str = "",
        prefix: str = "",
    ) -> dict[str, int]:
        """Add a network; the place of the output block of every endpoint.

        Args:
            sources: the places of what it reads, by name.
            stem: whether its stem has operators of its own.
            part: what it is in a model.
            prefix: what the summary puts before the names of its blocks.
        """
        previous = sources.get("")
        if stem:
            previous = self.add(Block("stem", "stem", "stem", "stem", part=part), *_known(previous))
        places = dict(sources)
        fed: dict[str, int] = {}
        for copies in _grouped((*expanded.stem_blocks(), *expanded.blocks)):
            first, last = copies[0], copies[-1]
            place = self.add(
                Block(
                    prefix + first.base, first.base, first.kind.name, "block", first.level, first.channels,
                    len(copies), last.endpoint, part, first.span,
                )
            )  # fmt: skip
            read = [places[_base(arrow.source)] for arrow in first.arrows]
            if first.in_stem:
                read, previous = list(_known(previous)), place
            self.connections += (Connection(source, place) for source in read)
            self.connections += (Connection(places[_base(n)], place, dangling=True) for n in first.dangling)
            places[first.base] = place
            if last.endpoint is not None:
                fed[last.endpoint] = place
        return fed


def _collect_model(compilation: ModelCompilation, collected: _Collected) -> None:
    networks = dict(zip((p.name for p in compilation.assembly.parts), compilation.parts, strict=False))
    fed: dict[str, dict[str, int]] = {}
    spans = {call.name: call.span for call in compilation.model.heads}
    for part in compilation.assembly.parts:
        if part.role == "head":
            head = Block(part.name, part.name, "head", "head", part="heads", span=spans.get(part.name))
            collected.add(head, *(fed[part.reads][endpoint] for endpoint in _read(part)))
            continue
        network = networks[part.name]
        sources = {port: fed[part.reads][endpoint] for port, endpoint in part.sources}
        title = f"{part.name} · {network.subject.title or network.subject.name}"
        if not part.reads:
            sources = dict(collected.inputs(network.expanded, title))
        stem = any(node.owner == "stem" for node in network.program.main.nodes)
        prefix = f"{part.name}." if part.role == "neck" else ""
        fed[part.name] = collected.network(network.expanded, sources, stem=stem, part=title, prefix=prefix)


def _read(part: Part) -> Iterable[str]:
    """The endpoints that a head reads, or cuts regions out of."""
    if isinstance(part.task, RegionBoxes | RegionMasks):
        return part.task.endpoints
    return dict.fromkeys(endpoint for _, endpoint in part.sources)


def _grouped(blocks: Iterable[ExpandedBlock]) -> Iterator[list[ExpandedBlock]]:
    """Each block with its further copies, which follow it."""
    group: list[ExpandedBlock] = []
    for block in blocks:
        if group and group[0].base != block.base:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _base(name: str) -> str:
    return name.partition(".")[0]


def _known(place: int | None) -> tuple[int, ...]:
    return () if place is None else (place,)


def _facts(summary: Summary, given: ImageInput | FeatureInput) -> str:
    size = f"{given.height} × {given.width}"
    return f"{summary.parameters / 1e6:,.2f}M parameters · {summary.macs / 1e9:,.2f} GMACs at {size}"


def _levels(blocks: Iterable[Block], height: int, width: int) -> tuple[Level, ...]:
    channels: dict[int, set[int]] = {}
    for block in blocks:
        if block.level is not None:
            channels.setdefault(block.level, set()).add(block.channels)
    return tuple(
        Level(number, (-(-height >> number), -(-width >> number)), tuple(sorted(channels[number])))
        for number in sorted(channels)
    )
