"""Rules about who reads whom: SP101, SP102, SP103."""

from __future__ import annotations

from spinedsl.diagnostics import Edit, Fix, Label
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import StemBlock
from spinedsl.lint.rule import Finding, Found, Part
from spinedsl.passes import elaborate, merge_dangling, scale_widths
from spinedsl.passes.elaborate import feature_levels
from spinedsl.source import Span
from spinedsl.syntax import nodes, printer


def unread_blocks(part: Part, _: int) -> Found:
    """SP101: a block, or an input, that nobody reads, and that joins an output block all the same.

    Blocks that join nothing are SP036 or SP043, which `spinec check` reports.
    """
    network = part.compilation.network
    # As the network is written: `stack` and `repeat` make copies of it.
    expanded = merge_dangling(scale_widths(elaborate(network)))
    spans = {block.name: block.span for block in (*expanded.stem_blocks(), *expanded.blocks)}
    inputs = {feature.name: feature.span for feature in getattr(network.input, "features", ())}
    for block in expanded.blocks:
        for name in block.dangling:
            what = "input" if name in inputs else "block"
            place = part.place(inputs.get(name) or spans.get(name))
            joins = Label(block.span, "joins this one") if block.span else None
            yield Finding(
                f"nobody reads {what} “{name}”: it joins the output block “{block.name}” as it is",
                Label(place),
                (joins,) if joins and joins.span != place else (),
                f"let a later block read “{name}”, or remove it",
                facts=frozenset({(name, block.name)}),
            )


def repeated_inputs(scope: Scope) -> Found:
    """SP102: a block that reads the same block twice, in the same way."""
    for network in scope.networks():
        for block in network.declarations:
            if isinstance(block, nodes.Block):
                yield from _repeated(block)


def _repeated(block: nodes.Block) -> Found:
    seen: dict[tuple[str, str], nodes.Connection] = {}
    for index, connection in enumerate(block.connections):
        via = printer.call(connection.via) if connection.via else ""
        first = seen.setdefault((connection.source.text, via), connection)
        if first is not connection:
            yield Finding(
                f"“{block.name}” reads “{connection.source}” twice, in the same way",
                Label(connection.span),
                (Label(first.span, "read here first"),),
                "let it read another block, or leave this one out",
                _leave_out(block.connections[index - 1].span, connection.span),
            )


def _leave_out(before: Span, span: Span) -> Fix | None:
    """Without the connection, and the comma before it; None if a comment would go with them."""
    whole = Span(span.source, before.end, span.end)
    if "#" in whole.text:
        return None
    # Which of two equal inputs was a slip, and of what, can't be known: the network changes.
    return Fix(f"leave out “{span.text}”", (Edit(whole, ""),), safe=False)


def long_connections(part: Part, most: int) -> Found:
    """SP103: a connection over more than `most` levels: 2 to that power, of every row and column."""
    network = part.compilation.network
    levels = {name: level for name, (level, _) in feature_levels(network).items()}
    levels |= {block.name: block.level for block in network.stem if isinstance(block, StemBlock)}
    levels |= {block.name: block.level for block in network.blocks}
    for block in network.blocks:
        for connection in block.inputs:
            start = levels[connection.source]
            steps = abs(block.level - start)
            if steps <= most:
                continue
            pixels = f"{4**steps:,}"
            yield Finding(
                f"the connection from “{connection.source}” to “{block.name}” crosses {steps} levels: "
                + (
                    f"of {pixels} pixels it leaves one"
                    if block.level > start
                    else f"it makes {pixels} pixels of one"
                ),
                Label(part.place(connection.span, block.span)),
                help=f"read a block that is nearer, or one between, at level {(start + block.level) // 2}",
                facts=frozenset({(connection.source, start, block.name, block.level)}),
            )
