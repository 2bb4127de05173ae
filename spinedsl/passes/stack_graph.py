"""Run the whole graph several times, one after the other.

1. Copy k (from 1) of block b is called `b_k`.
2. Copy k > 1 reads, instead of an external feature, the block of copy k-1 that fed the endpoint of
   that feature's level.
3. Only the last copy feeds endpoints.

Requires: features as input; an endpoint at the level of every feature that is read; edges of unread
blocks found for one copy (merge_dangling).
Ensures: one graph, without `stack`.
Source: NAS-FPN (arXiv 1904.07392), figure 4; BiFPN layers of EfficientDet (arXiv 1911.09070).
"""

from __future__ import annotations

from dataclasses import replace

from spinedsl.diagnostics import fail
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.passes.elaborate import feature_levels


def stack_graph(expanded: ExpandedNetwork) -> ExpandedNetwork:
    """The network with `stack n` written out.

    Raises:
        DiagnosticError: it has no features as input, or an endpoint is missing for one.
    """
    network = expanded.network
    if network.stack == 1:
        return expanded
    features = feature_levels(network)
    if not features:
        raise fail(
            "SP030",
            "only a graph over features can be stacked",
            network.span,
            help="declare `input of 640 x 640 { … }`, or use `repeat`",
        )
    fed = {b.level: b.name for b in expanded.blocks if b.endpoint is not None}
    taken = {b.name for b in expanded.blocks} | set(features)
    blocks: list[ExpandedBlock] = []
    for copy in range(1, network.stack + 1):
        names = {b.name: f"{b.name}_{copy}" for b in expanded.blocks}
        clash = taken & set(names.values())
        if clash:
            raise fail(
                "SP024",
                f"a copy of the stack would be called “{min(clash)}” too",
                network.span,
                help="rename that block",
            )
        for name, (level, _) in features.items():
            if copy == 1:
                names[name] = name
            elif level in fed:
                names[name] = f"{fed[level]}_{copy - 1}"
        for block in expanded.blocks:
            for arrow in block.arrows:
                if arrow.source not in names:
                    raise fail(
                        "SP035",
                        f"“{arrow.source}” can't be read by a second copy: no block feeds an endpoint of its level",
                        arrow.span,
                        help="mark a block of that level with `=>`",
                    )
            blocks.append(
                replace(
                    block,
                    name=names[block.name],
                    arrows=tuple(replace(a, source=names[a.source]) for a in block.arrows),
                    dangling=tuple(names[name] for name in block.dangling),
                    endpoint=block.endpoint if copy == network.stack else None,
                )
            )
    return replace(expanded, blocks=tuple(blocks))
