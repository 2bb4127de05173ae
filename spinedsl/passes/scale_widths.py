"""Scale the width of every block, and find how many channels it puts out.

1. width = round(width · scale), by the network's rounding policy; at least 1.
2. channels = the result its kind declares.

Requires: widths explicit.
Ensures: `channels` is set on every block.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

from spinedsl.diagnostics import fail
from spinedsl.ir.binding import bind, value_of
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.expressions import Number, check_number, evaluate, exact, round_to_multiple
from spinedsl.ir.model import Call, Network
from spinedsl.ops.words import MAX_CHANNELS


def scaled(network: Network, width: Number) -> int:
    """A width under the network's scale and rounding policy."""
    value = width * exact(network.width_scale)
    policy = network.rounding.policy
    if policy == "multiple":
        return round_to_multiple(value, network.rounding.multiple)
    return max(1, floor(value + Fraction(1, 2)) if policy == "nearest" else floor(value))


def scale_widths(expanded: ExpandedNetwork) -> ExpandedNetwork:
    """The network with final widths and channels.

    Raises:
        DiagnosticError: a kind whose result is no whole number of channels.
    """
    network = expanded.network
    cache: dict[tuple[str, str, int, int], int] = {}

    def scale(block: ExpandedBlock) -> ExpandedBlock:
        width = scaled(network, block.width)
        key = (block.kind.name, repr(block.kind.arguments), width, block.level)
        if key not in cache:
            cache[key] = _channels(network, block.kind, width, block)
        return replace(block, width=width, channels=cache[key])

    stem = tuple(scale(i) if isinstance(i, ExpandedBlock) else i for i in expanded.stem)
    return replace(expanded, stem=stem, blocks=tuple(scale(b) for b in expanded.blocks))


def _channels(network: Network, kind: Call, width: int, block: ExpandedBlock) -> int:
    definition = network.definition(kind.name)
    assert definition.result is not None
    arguments = {name: value_of(v) for name, v in kind.arguments.items()}
    given = {"width": width, "level": block.level, "stride": 1}
    environment = bind(definition, arguments, network.defaults.get(kind.name, {}), given, block.span)
    result = definition.result
    channels = check_number(evaluate(result, environment), result.span, environment)
    if isinstance(channels, Fraction) or not 1 <= channels <= MAX_CHANNELS:
        raise fail(
            "SP030",
            f"“{kind.name}” would put out {float(channels):g} channels in block “{block.name}”",
            block.span,
            help=f"a whole number from 1 to {MAX_CHANNELS:,} is needed; use `floor(…)`",
        )
    return channels
