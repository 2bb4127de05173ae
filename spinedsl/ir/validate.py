"""What a Network must satisfy beyond its types: names, order, levels, endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spinedsl.diagnostics import Diagnostics, Label, suggested
from spinedsl.ir.model import Block, FeatureInput, Network, StemBlock
from spinedsl.source import Span

_LEVELLED = re.compile(r"P(\d+)$")


def validate(network: Network, diagnostics: Diagnostics, removed: Mapping[str, Span]) -> None:
    """Record everything wrong with the graph the network describes.

    It is looked at even where parts of it couldn't be read; what would only repeat that is left out.

    Args:
        network: what was resolved.
        diagnostics: where problems go.
        removed: blocks that `without` took away, and where.
    """
    sound = not diagnostics.has_errors
    if sound and not readable(network):
        diagnostics.add(
            "SP032", f"“{network.name}” has nothing that its blocks could read", network.span,
            help="name a block in its stem: `stem { …  s0: bottleneck @2 }`",
        )  # fmt: skip
    _connections(network, diagnostics, removed)
    if sound:
        # A width that couldn't be read is not missing too.
        _levels(network, diagnostics)
    _endpoints(network, diagnostics, sound)


def readable(network: Network) -> dict[str, Span | None]:
    """What the first block may read: external features and stem blocks."""
    names: dict[str, Span | None] = {}
    if isinstance(network.input, FeatureInput):
        names.update((f.name, f.span) for f in network.input.features)
    names.update((b.name, b.span) for b in network.stem if isinstance(b, StemBlock))
    return names


def _connections(network: Network, diagnostics: Diagnostics, removed: Mapping[str, Span]) -> None:
    earlier = readable(network)
    declared = {b.name: b.span for b in network.blocks}
    for block in network.blocks:
        if block.name in earlier:
            first = earlier[block.name]
            diagnostics.add(
                "SP024",
                f"“{block.name}” is declared twice",
                block.span,
                secondary=[Label(first, "first declared here")] if first else [],
                help="rename one of them",
            )
        for connection in block.inputs:
            source = connection.source
            if source in earlier:
                continue
            if source == block.name:
                diagnostics.add(
                    "SP033", f"block “{block.name}” reads itself", connection.span,
                    help="let it read blocks above it",
                )  # fmt: skip
            elif source in declared:
                later = declared[source]
                diagnostics.add(
                    "SP033",
                    f"block “{block.name}” reads “{source}”, which comes later",
                    connection.span,
                    secondary=[Label(later, "declared here")] if later else [],
                    help=f"move “{source}” above “{block.name}”, or read an earlier block",
                )
            elif source in removed:
                diagnostics.add(
                    "SP020",
                    f"block “{block.name}” reads “{source}”, which is removed",
                    connection.span,
                    secondary=[Label(removed[source], "removed here")],
                    help=f"let “{block.name}” read another block: state it anew, or remove it too",
                )
            else:
                diagnostics.add(
                    "SP020",
                    f"unknown block “{source}”",
                    connection.span,
                    "not declared in this network",
                    **suggested(
                        connection.span,
                        source,
                        [*earlier, *declared],
                        f"blocks so far: {_few(list(earlier))}",
                    ),
                )
        earlier.setdefault(block.name, block.span)


def _few(names: list[str]) -> str:
    return ", ".join(names[-8:]) if names else "none"


def _levels(network: Network, diagnostics: Diagnostics) -> None:
    stem = [b for b in network.stem if isinstance(b, StemBlock)]
    known = ", ".join(map(str, network.widths)) or "none"
    blocks: list[StemBlock | Block] = [*stem, *network.blocks]
    for block in blocks:
        if block.width is None and block.level not in network.widths:
            diagnostics.add(
                "SP034",
                f"block “{block.name}” is at level {block.level}, which has no width",
                block.span,
                f"levels with a width: {known}",
                help=f"add it to the table, `width {{ {block.level}: … }}`, or give the block one: `@{block.level} width …`",
            )


def _endpoints(network: Network, diagnostics: Diagnostics, sound: bool) -> None:
    by_name: dict[str, Block] = {}
    by_level: dict[int, Block] = {}
    for block in network.blocks:
        if block.endpoint is None:
            continue
        levelled = _LEVELLED.match(block.endpoint)
        if levelled and int(levelled.group(1)) != block.level:
            diagnostics.add(
                "SP035",
                f"“{block.name}” is at level {block.level} but feeds endpoint “{block.endpoint}”",
                block.span,
                help=f"write `=> P{block.level}`, or put the block at level {levelled.group(1)}",
            )
        other = by_name.get(block.endpoint) or by_level.get(block.level)
        if other is not None:
            diagnostics.add(
                "SP035",
                f"“{other.name}” and “{block.name}” both feed the endpoint of level {block.level}"
                if other.level == block.level
                else f"“{other.name}” and “{block.name}” both feed “{block.endpoint}”",
                block.span,
                secondary=[Label(other.span, "the first one")] if other.span else [],
                help="let one of them end without an endpoint",
            )
        by_name.setdefault(block.endpoint, block)
        by_level.setdefault(block.level, block)
    names = {b.name for b in network.blocks} | set(readable(network))
    for name, block in by_name.items():
        if name in names:
            diagnostics.add(
                "SP024", f"“{name}” is both a block and an endpoint", block.span, help="rename one of them"
            )
    if sound and not by_name and network.blocks:
        diagnostics.add(
            "SP035", f"“{network.name}” has no endpoint", network.span,
            help="mark at least one block as an output: `b4: bottleneck @3 <- b2, b3 => P3`",
        )  # fmt: skip
    first, last = network.endpoints.first, network.endpoints.last
    if first is not None and last is not None:
        missing = [level for level in range(first, last + 1) if level not in by_level]
        if missing:
            diagnostics.add(
                "SP035",
                f"no block feeds {', '.join(f'P{level}' for level in missing)}",
                network.endpoints.span,
                f"levels {first} to {last} are declared here",
                help=f"mark a block of that level: `=> P{missing[0]}`",
            )
        for level, block in by_level.items():
            if not first <= level <= last:
                diagnostics.add(
                    "SP035", f"endpoint “{block.endpoint}” lies outside the declared levels {first}..{last}",
                    block.span, secondary=[Label(network.endpoints.span, "declared here")] if network.endpoints.span else [],
                    help="widen the range, or remove the endpoint",
                )  # fmt: skip
