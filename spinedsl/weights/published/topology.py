"""Whether a network is wired as the one that a checkpoint holds, as far as that can be seen.

Published names are numbers or places in a list: they say what a layer is, not what it reads. Two
things show more:

1. A TensorFlow 2 checkpoint keeps its layers in an order in which everything stands behind what it
   reads. A spec whose arrows point the other way is another network.
2. The published code lists its blocks in one order. A spec with other blocks, or in another order,
   may still be what was trained, but nothing in a checkpoint can prove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from spinedsl.diagnostics import Diagnostic, Diagnostics, Label, Severity
from spinedsl.ir.expanded import ExpandedBlock
from spinedsl.ir.model import Network
from spinedsl.pipeline import Compilation
from spinedsl.source import Span
from spinedsl.specification import open_spec
from spinedsl.weights.published.structure import structure

PUBLISHED = ("std:spinenet49_p2", "std:spinenet49", "std:spinenet_mobile49")
"""The published lists of blocks; all networks of the families have one of them."""


def check_order(compilation: Compilation, ranks: Mapping[str, int], file: str) -> None:
    """See that the layers of a checkpoint stand in an order that the network's arrows allow (1).

    Args:
        compilation: the backbone.
        ranks: parameter → place of its layer in the checkpoint's model; those without one don't count.
        file: what the checkpoint is called in messages.

    Raises:
        DiagnosticError: an arrow points to what stands before its source (SP051).
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    units = {group.name for group in structure(compilation).groups}
    for parameter, rank in ranks.items():
        unit = _unit(parameter, units)
        first[unit] = min(rank, first.get(unit, rank))
        last[unit] = max(rank, last.get(unit, rank))
    diagnostics = Diagnostics()
    for source, target, span in _edges(compilation):
        if source in last and target in first and last[source] >= first[target]:
            diagnostics.add(
                "SP051",
                f"the network in “{file}” runs “{target}” before “{source}”, which it reads here",
                span,
                "the checkpoint's network is wired in another way",
                help="give the spec of the network that was trained; blocks stand in its order",
            )
    diagnostics.stop_on_errors()


def unlike_published(network: Network) -> Iterator[Diagnostic]:
    """A warning if the network's blocks are not listed as in any published network (2)."""
    mine = _list(network)
    lists = [_list(open_spec(spec).network) for spec in PUBLISHED]
    if mine not in lists:
        nearest = max(lists, key=lambda published: _common(mine, published))
        place = _common(mine, nearest)
        block = network.blocks[place] if place < len(network.blocks) else None
        span = block.span if block else network.span
        yield Diagnostic(
            "SP051",
            f"the blocks of “{network.name}” aren't those of a published network: its checkpoints "
            "name them by their place in the list, so that the spec's order is trusted",
            Severity.WARNING,
            Label(span, "the first difference") if span else None,
            help="list the blocks in the order of the network that was trained",
        )


def _unit(parameter: str, units: set[str]) -> str:
    """The block's copy, connection, stem or endpoint that a parameter belongs to."""
    unit, _, rest = parameter.partition(".")
    copy = f"{unit}.{rest.partition('.')[0]}"
    return copy if copy in units else unit


def _edges(compilation: Compilation) -> Iterator[tuple[str, str, Span | None]]:
    """Everything that reads something else, by the names of units."""
    expanded = compilation.expanded
    blocks: Iterable[ExpandedBlock] = (*expanded.stem_blocks(), *expanded.blocks)
    before = "stem"
    for block in blocks:
        if block.in_stem:
            yield before, block.name, block.span
            before = block.name
        elif block.after is not None:
            yield block.after, block.name, block.span
        sources: list[str] = []
        for arrow in block.arrows:
            again = sources.count(arrow.source)
            sources.append(arrow.source)
            base = arrow.source.partition(".")[0]
            connection = f"{base}_to_{block.base}" + (f"__{again + 1}" if again else "")
            yield arrow.source, connection, arrow.span
            yield connection, block.name, arrow.span
        for dangling in block.dangling:
            yield dangling, block.name, block.span
        if block.endpoint is not None:
            yield block.name, block.endpoint, block.span


def _list(network: Network) -> list[tuple[object, ...]]:
    """The blocks as the published code lists them: level, kind, inputs by place, output or not."""
    names = [item.name for item in network.stem if hasattr(item, "name")]
    names += [block.name for block in network.blocks]
    return [
        (
            block.level,
            block.kind.name,
            tuple(names.index(connection.source) for connection in block.inputs),
            block.endpoint is not None,
        )
        for block in network.blocks
    ]


def _common(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> int:
    """How many blocks at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
