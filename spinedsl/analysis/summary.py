"""Parameters, multiply-adds and activation memory, per block and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from spinedsl.analysis.memory import Peak, peak_of
from spinedsl.analysis.roofline import Bound, Device, bound
from spinedsl.graph.inline import InlinedNode
from spinedsl.ops import Shape
from spinedsl.ops.types import FLOAT_BYTES
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record

_NONE = Shape(0, 0, 0)


@dataclass(slots=True)
class Row:
    """What belongs to one stem, block or endpoint; a block's connections and merge are its own.

    Attributes:
        inputs: names of what it reads; unread blocks that join its merge stand with a `+`.
        shape: channels, height and width of its output.
        parameters: trained ones.
        macs: multiply-adds for one image.
        activation_bytes: float32 bytes of every result it makes, which training keeps.
        bound: the least time on a device, if there is one.
    """

    name: str
    kind: str
    level: int | None = None
    inputs: tuple[str, ...] = ()
    endpoint: str | None = None
    shape: Shape = _NONE
    parameters: int = 0
    macs: int = 0
    activation_bytes: int = 0
    bound: Bound | None = None


@record
class Summary:
    """A network in numbers, at one input size.

    Attributes:
        input_shapes: channels, height and width of each input, by name.
        rows: in running order.
        untrained: numbers that are counted rather than trained (norm statistics).
        removed: blocks that pruning took away.
        peak: what inference needs at once; of what runs on the whole image.
        device: what the rows' bounds are for.
        bound: the least time of the whole there.
    """

    name: str
    title: str
    input_shapes: dict[str, Shape]
    rows: tuple[Row, ...]
    untrained: int
    removed: tuple[str, ...] = field(default=())
    peak: Peak = field(default=Peak(0, "", ()))
    device: Device | None = field(default=None)
    bound: Bound | None = field(default=None)

    @property
    def parameters(self) -> int:
        """Trained parameters in all."""
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds in all."""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all results in float32."""
        return sum(row.activation_bytes for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Everything, with the totals."""
        totals = {
            "parameters": self.parameters,
            "untrained": self.untrained,
            "macs": self.macs,
            "activation_bytes": self.activation_bytes,
        }
        return {**asdict(self), "totals": totals}


def summarise(compilation: AnyCompilation, device: Device | None = None) -> Summary:
    """The summary of a network or model at its own input size.

    A head on regions counts as often as it runs for an image: 1,000 proposals, 100 detections.

    Args:
        compilation: the network or model.
        device: bounds the time on it, too.

    Raises:
        DiagnosticError: it doesn't compile.
    """
    if isinstance(compilation, Compilation):
        rows = {row.name: row for row in _empty_rows(compilation)}
        parts: Sequence[Compilation] = (compilation,)
    else:
        rows = dict(_model_rows(compilation))
        parts = compilation.parts
    untrained = _count(compilation, rows)
    _pass_shapes_on(rows)
    whole = None if device is None else _bound(compilation, rows, device)
    subject = compilation.subject
    return Summary(
        name=subject.name,
        title=subject.title or subject.name,
        input_shapes={p.name: p.shape for p in compilation.program.main.inputs},
        rows=tuple(rows.values()),
        untrained=untrained,
        removed=tuple(r.name for part in parts for r in part.expanded.removed),
        peak=peak_of(compilation.program, compilation.inlined),
        device=device,
        bound=whole,
    )


def _bound(compilation: AnyCompilation, rows: dict[str, Row], device: Device) -> Bound:
    """Give every row its bound; return that of the whole."""
    operators: dict[str, list[tuple[InlinedNode, int]]] = {}
    for node, times in _operators(compilation):
        operators.setdefault(node.owner, []).append((node, times))
    for name, row in rows.items():
        row.bound = bound(operators.get(name, ()), device)
    return bound((each for own in operators.values() for each in own), device)


def _count(compilation: AnyCompilation, rows: dict[str, Row]) -> int:
    """Add every operator to its row; return how many numbers are counted rather than trained."""
    counted: set[str] = set()
    untrained = 0
    for node, times in _operators(compilation):
        row = rows[node.owner]
        row.macs += node.macs * times
        row.activation_bytes += node.shape.elements * FLOAT_BYTES * times
        row.shape = node.shape
        for parameter in node.operator.parameters():
            name = f"{node.holder}.{parameter.name}"
            if name in counted:
                continue
            counted.add(name)
            if parameter.trainable:
                row.parameters += parameter.elements
            else:
                untrained += parameter.elements
    return untrained


def _pass_shapes_on(rows: dict[str, Row]) -> None:
    """Give rows that have no operators the shape of their input: endpoints without a rule, joins of one."""
    for key, row in rows.items():
        if not row.shape.elements and row.inputs:
            part, dot, _ = key.rpartition(".")
            source = rows.get(f"{part}{dot}{row.inputs[0]}", row)
            row.shape = source.shape


def _operators(compilation: AnyCompilation) -> Iterator[tuple[InlinedNode, int]]:
    """Every operator, and how often it runs for an image."""
    yield from ((node, 1) for node in compilation.inlined.nodes)
    if isinstance(compilation, ModelCompilation):
        # Imported where there are tasks: networks have none, and start sooner.
        from spinedsl.graph.tasks import regions_of

        for part, inlined in compilation.regions:
            yield from ((node, regions_of(part.task)) for node in inlined.nodes)


def _model_rows(compilation: ModelCompilation) -> Iterator[tuple[str, Row]]:
    """A row for every block of the backbone and of the necks, by its owner's name; one for each head."""
    parts = compilation.assembly.parts
    networks = dict(zip((part.name for part in parts), compilation.parts, strict=False))
    for part in parts:
        if part.role == "head":
            inputs = tuple(endpoint.name for endpoint in compilation.parts[-1].program.endpoints)
            yield part.name, Row(part.name, "head", inputs=inputs)
            continue
        for row in _empty_rows(networks[part.name]):
            name = row.name
            if part.role == "neck":
                row.name = f"{part.name}.{name}"
            yield f"{part.name}.{name}", row


def _empty_rows(compilation: Compilation) -> Iterator[Row]:
    expanded = compilation.expanded
    endpoints = []
    previous: tuple[str, ...] = ()
    if any(node.owner == "stem" for node in compilation.program.main.nodes):
        yield Row("stem", "stem")
        previous = ("stem",)
    seen: dict[str, Row] = {}
    for block in (*expanded.stem_blocks(), *expanded.blocks):
        if block.base in seen:
            # A further copy of a repeated block: the group is one row.
            seen[block.base].endpoint = block.endpoint
        else:
            inputs = tuple(a.source.partition(".")[0] for a in block.arrows)
            inputs += tuple(f"+{name.partition('.')[0]}" for name in block.dangling)
            if block.in_stem:
                inputs, previous = previous, (block.base,)
            seen[block.base] = Row(block.base, block.kind.name, block.level, inputs, block.endpoint)
            yield seen[block.base]
        if block.endpoint is not None:
            endpoints.append(Row(block.endpoint, "endpoint", block.level, (block.base,)))
    yield from sorted(endpoints, key=lambda row: row.level or 0)
