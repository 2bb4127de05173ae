"""Small search spaces, and what stands for brute force: enumeration by the words of the rules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spinedsl.ir.loading import load
from spinedsl.source import Source
from spinedsl.spaces.opening import search_space
from spinedsl.spaces.search_space import SearchSpace
from spinedsl.syntax import nodes

SEED = """import "std/resnet.spine"
network seed {{
  input 3 x 64 x 64
  width {{ 1..6: {width} }}
  stem {{ conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 }}
  {blocks}
}}
space small of seed {{
  {rules}
}}
"""


def small(
    rules: str, intermediate: tuple[int, ...] = (2, 3, 3), outputs: tuple[int, ...] = (3, 4), width: int = 8
) -> SearchSpace:
    """A space of blocks at some levels, each of which reads the two before it."""
    names, lines = ["s0", "s1"], []
    for number, level in enumerate((*intermediate, *outputs)):
        endpoint = f" => P{level}" if number >= len(intermediate) else ""
        lines.append(f"b{number}: residual @{level} <- {names[-2]}, {names[-1]}{endpoint}")
        names.append(f"b{number}")
    return space_of(SEED.format(width=width, blocks="\n  ".join(lines), rules=rules))


def space_of(text: str, path: Path | None = None) -> SearchSpace:
    """The last space of a text."""
    scope = load(Source("small.spine", text, path))
    node = [item for item in scope.own if isinstance(item, nodes.Space)][-1]
    return search_space(node, scope)


Row = tuple[Any, ...]
"""What a network is as far as a space goes: of each block its level, kind and parents."""


def rows_of(space: SearchSpace) -> list[Row]:
    """The networks of all encodings, one for each."""
    found = []
    for rank in range(space.size):
        blocks = space.network(space.unrank(rank)).blocks
        found.append(
            tuple((b.level, b.kind.name, frozenset(c.source for c in b.inputs), b.endpoint) for b in blocks)
        )
    return found


def enumerated(
    intermediate: tuple[int, ...],
    outputs: tuple[int, ...],
    *,
    permute: tuple[str, ...],
    window: int | None,
    offsets: tuple[int, ...],
    kinds: tuple[str, ...],
) -> Iterator[Row]:
    """Every way of choosing, as the rules say it in words; equal networks as often as they come about."""
    orders = itertools.permutations(intermediate) if "intermediate" in permute else [intermediate]
    ends = list(itertools.permutations(outputs)) if "output" in permute else [outputs]
    count = len(intermediate) + len(outputs)
    names = ["s0", "s1", *(f"b{i}" for i in range(count))]
    parents = [
        list(itertools.combinations(names[: i + 2][-window:] if window else names[: i + 2], 2))
        for i in range(count)
    ]
    for order, end in itertools.product(orders, ends):
        for moves in itertools.product(offsets, repeat=len(intermediate)):
            levels = [*(level + move for level, move in zip(order, moves, strict=True)), *end]
            for chosen in itertools.product(kinds, repeat=count):
                for read in itertools.product(*parents):
                    yield tuple(
                        (level, kind, frozenset(pair), f"P{level}" if i >= len(intermediate) else None)
                        for i, (level, kind, pair) in enumerate(zip(levels, chosen, read, strict=True))
                    )
