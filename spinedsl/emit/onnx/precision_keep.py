"""Which nodes of a model stay in float32: `--keep`, resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate

from onnx import NodeProto

from spinedsl.diagnostics import Diagnostics, suggestion
from spinedsl.graph.inline import Inlined


def kept_operators(patterns: Iterable[str], programs: Iterable[Inlined]) -> frozenset[str]:
    """Names of the operators that the patterns mean.

    Args:
        patterns: dotted names, in which `*`, `?` and `[…]` stand for what they do in a shell. A name
            means everything within it: `b2` a block, `b2.conv1` one layer of it, `s0_to_b2` an
            arrow, `retinanet.scores.conv5` a layer on all levels.
        programs: all parts of what is compiled, before norms are folded.

    Raises:
        DiagnosticError: nothing has such a name (SP020).
    """
    known: dict[str, set[str]] = {}
    for node in (node for inlined in programs for node in inlined.nodes):
        for name in {*_prefixes(node.name), *_prefixes(node.holder)}:
            known.setdefault(name, set()).add(node.name)
    diagnostics = Diagnostics()
    kept: set[str] = set()
    for pattern in patterns:
        matches = re.compile(translate(pattern)).match
        meant = [operators for name, operators in known.items() if matches(name)]
        kept.update(*meant)
        if not meant:
            diagnostics.add(
                "SP020",
                f"nothing is called “{pattern}”, so it can't be kept in float32",
                help=suggestion(
                    pattern, known, "`spinec show SPEC --stage graph` lists the names of blocks and layers"
                ),
            )
    diagnostics.stop_on_errors()
    return frozenset(kept)


def nodes_of(operators: frozenset[str], nodes: Iterable[NodeProto]) -> frozenset[str]:
    """Names of the ONNX nodes that operators became: their own, and those within their names."""
    return frozenset(node.name for node in nodes if not operators.isdisjoint(_prefixes(node.name)))


def _prefixes(name: str) -> Iterator[str]:
    """`b2.conv1.weight`: b2, b2.conv1 and itself."""
    end = name.find(".")
    while end != -1:
        yield name[:end]
        end = name.find(".", end + 1)
    yield name
