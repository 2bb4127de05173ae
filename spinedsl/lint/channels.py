"""Rules about numbers of channels: SP104, SP105."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from spinedsl.diagnostics import Label
from spinedsl.graph.program import Call, Node
from spinedsl.ir.model import Block, Network, StemBlock
from spinedsl.lint.rule import Finding, Found, Part, declaration_of, few


def unaligned_channels(part: Part, multiple: int) -> Found:
    """SP104: blocks whose channels are no multiple of 8, once they are scaled.

    Tensor cores take half-precision channels in eights (int8: sixteens), and kernels of CPUs work on
    groups of as many: the last group is then partly padding.
    Source: https://docs.nvidia.com/deeplearning/performance/dl-performance-convolutional (Channels In And Out)
    """
    network = part.compilation.network
    blocks = (*part.expanded.stem_blocks(), *part.expanded.blocks)
    odd = {block.base: block for block in blocks if block.width % multiple or block.channels % multiple}
    if odd:
        numbers = sorted({n for b in odd.values() for n in (b.width, b.channels) if n % multiple})
        places = [odd[name].span for name in _with_own_width(network) if name in odd]
        scale = declaration_of(part.declared, "scale width")
        table = declaration_of(part.declared, "width")
        yield Finding(
            f"{_numbers(numbers)} channels, in {few(odd)}: no multiple{'s' * (len(numbers) > 1)} of {multiple}",
            Label(part.place(scale, *places, table, *(block.span for block in odd.values()))),
            help=f"write `rounding multiple {multiple}`, or choose other widths"
            if network.width_scale != 1
            else f"choose widths that are multiples of {multiple}",
            facts=frozenset((b.base, b.width, b.channels) for b in odd.values()),
        )
    channels = network.endpoints.channels
    if channels is not None and channels % multiple:
        yield Finding(
            f"endpoints of {channels:,} channels: no multiple of {multiple}",
            Label(part.place(network.endpoints.span)),
            help=f"write `endpoints -> {-(-channels // multiple) * multiple}`",
            facts=frozenset({("endpoints", channels)}),
        )


def _with_own_width(network: Network) -> Iterator[str]:
    """Names of the blocks that don't take the table's width."""
    for item in (*network.stem, *network.blocks):
        if isinstance(item, StemBlock | Block) and item.width is not None:
            yield item.name


def _numbers(numbers: list[int]) -> str:
    shown = [f"{number:,}" for number in numbers[:6]]
    if len(numbers) > len(shown):
        return f"{', '.join(shown)}, …"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def narrow_reductions(part: Part, least: int) -> Found:
    """SP105: connections whose rule reduces their source to fewer than 16 channels on the way.

    What the source knows has to pass through these channels. SpineNet's `cross_scale` reduces to
    `alpha` times the source's width.
    """
    program = part.compilation.program
    kinds = {d.name.text: d.kind for d in part.compilation.network.definitions}
    fewest = {
        function.name: min((node.shape.channels for node in function.nodes), default=0)
        for function in program.functions.values()
        if kinds.get(function.definition) == "resampling" and function.nodes
    }
    narrow: dict[str, list[tuple[int, Node]]] = defaultdict(list)
    for node in program.main.nodes:
        if isinstance(node.target, Call) and node.target.function in fewest:
            function = program.functions[node.target.function]
            left = fewest[function.name]
            if left < min(least, function.inputs[0].shape.channels, node.shape.channels):
                narrow[function.definition].append((left, node))
    stated = declaration_of(part.declared, "resample", "scale width", "width")
    usual = part.compilation.network.resample.name
    for rule, cases in narrow.items():
        lowest, highest = min(left for left, _ in cases), max(left for left, _ in cases)
        number = f"{lowest} to {highest}" if lowest < highest else f"{lowest}"
        where = f"{len(cases)} connections" if len(cases) > 1 else "one connection"
        yield Finding(
            f"“{rule}” leaves {number} channel{'s' * (highest != 1)} in {where}: {few(n.name for _, n in cases)}",
            Label(part.place(stated if rule == usual else None, *(node.span for _, node in cases))),
            help=f"reduce less, or widen the blocks, until at least {least} are left",
            facts=frozenset((node.name, left) for left, node in cases),
        )
