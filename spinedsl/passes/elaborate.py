"""Make every implied choice of a network explicit.

1. A block without a width of its own takes the table's.
2. A connection without a rule takes the network's, a block without a merge the network's.
3. `repeat` of the network multiplies that of every block, stem blocks included.
4. Block i of n (from 1) gets its share of the drop-path rate: i / denominator, or all of it.

Requires: a validated network.
Ensures: blocks in the order of the spec, widths not yet scaled.
"""

from __future__ import annotations

from fractions import Fraction

from spinedsl.diagnostics import fail
from spinedsl.ir.expanded import Arrow, ExpandedBlock, ExpandedNetwork
from spinedsl.ir.expressions import check_number, evaluate
from spinedsl.ir.model import Block, FeatureInput, Network, StemBlock

MAX_EXPANDED = 20_000


def elaborate(network: Network) -> ExpandedNetwork:
    """The network with all its choices written out.

    Raises:
        DiagnosticError: more blocks than the limit, or a drop-path denominator below 1.
    """
    _limit(network)
    stem = tuple(_stem_block(network, item) if isinstance(item, StemBlock) else item for item in network.stem)
    count = len(network.blocks)
    denominator = _denominator(network, count)
    blocks = tuple(
        _block(network, block, _share(network, index, denominator))
        for index, block in enumerate(network.blocks, start=1)
    )
    return ExpandedNetwork(network, stem, blocks)


def _limit(network: Network) -> None:
    copies = sum(b.repeat for b in network.blocks) * network.stack
    copies += sum(b.repeat for b in network.stem if isinstance(b, StemBlock))
    if copies * network.repeat > MAX_EXPANDED:
        raise fail(
            "SP002",
            f"repeats make {copies * network.repeat:,} blocks of “{network.name}”, "
            f"more than the {MAX_EXPANDED:,} allowed",
            network.span,
            help="lower `repeat`",
        )


def _denominator(network: Network, count: int) -> Fraction:
    of = network.drop_path.of
    if of is None:
        return Fraction(count)
    value = check_number(evaluate(of, {"blocks": count}), of.span, {"blocks": count})
    if value < count:
        raise fail(
            "SP030",
            f"the drop-path denominator {value} is below the number of blocks, {count}",
            of.span,
            help="write `of blocks`",
        )
    return Fraction(value)


def _share(network: Network, index: int, denominator: Fraction) -> Fraction:
    return Fraction(1) if network.drop_path.schedule == "constant" else index / denominator


def _stem_block(network: Network, block: StemBlock) -> ExpandedBlock:
    return ExpandedBlock(
        name=block.name,
        kind=block.kind,
        level=block.level,
        width=block.width or network.widths[block.level],
        repeat=block.repeat * network.repeat,
        in_stem=True,
        span=block.span,
    )


def _block(network: Network, block: Block, share: Fraction) -> ExpandedBlock:
    return ExpandedBlock(
        name=block.name,
        kind=block.kind,
        level=block.level,
        width=block.width or network.widths[block.level],
        repeat=block.repeat * network.repeat,
        merge=block.merge or network.merge,
        arrows=tuple(Arrow(c.source, c.via or network.resample, c.span) for c in block.inputs),
        endpoint=block.endpoint,
        drop_path=share,
        span=block.span,
    )


def feature_levels(network: Network) -> dict[str, tuple[int, int]]:
    """Level and channels of every external feature, by name."""
    if not isinstance(network.input, FeatureInput):
        return {}
    return {f.name: (f.level, f.channels) for f in network.input.features}
