"""Run what frees memory first, so that less is held at once.

1. What leaves no more memory in use than before it runs next; what frees most of it first.
2. Otherwise what was written first.
3. The written order stays where that needs no less.

A call needs what its function holds at its worst, beside its inputs, which the caller holds.

Requires: nodes in running order; the runtime runs them as they stand (`Profile.keeps_order`), and nothing
is random, as in training, where another order would draw other numbers.
Ensures: the same values, bit for bit.
Source: list scheduling with the written order as priority; on the published networks a search that
keeps the best 60 of all partial orders finds nothing better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import pairwise

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops.types import FLOAT_BYTES
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import with_functions


def running_order(program: Program, decisions: Decisions) -> Program:
    """The program with all functions in the order that holds less."""
    needs: dict[str, int] = {}
    functions = {}
    for name, function in program.functions.items():
        functions[name], needs[name] = _ordered(function, needs, decisions)
    main, _ = _ordered(program.main, needs, decisions)
    return with_functions(program, functions, main)


def _ordered(function: Function, needs: Mapping[str, int], decisions: Decisions) -> tuple[Function, int]:
    """The function, and the bytes that it holds at its worst beside its inputs."""
    values = _Values(function, needs)
    written = values.peak(function.nodes)
    if _is_chain(function):
        return function, written
    nodes = values.scheduled()
    peak = values.peak(nodes)
    if peak >= written:
        return function, written
    moved = next(new for new, old in zip(nodes, function.nodes, strict=True) if new is not old)
    decisions.applied(
        function, moved, f"and what follows: {written / 2**20:.3g} MiB at once became {peak / 2**20:.3g}"
    )
    return replace(function, nodes=tuple(nodes)), peak


def _is_chain(function: Function) -> bool:
    """Whether each node reads the one before it, so that there is one order only."""
    return all(before.output in node.inputs for before, node in pairwise(function.nodes))


@dataclass
class _Values:
    """Sizes of a function's values, and who reads them."""

    function: Function
    needs: Mapping[str, int]

    def __post_init__(self) -> None:
        function = self.function
        self.bytes = {value: shape.elements * FLOAT_BYTES for value, shape in function.shapes().items()}
        self.read = {node.output: tuple(dict.fromkeys(node.inputs)) for node in function.nodes}
        self.readers: dict[str, list[str]] = defaultdict(list)
        for node in function.nodes:
            for value in self.read[node.output]:
                self.readers[value].append(node.output)
        self.kept = {port.name for port in function.inputs} | {value for _, value in function.outputs}

    def peak(self, nodes: Sequence[Node]) -> int:
        """Bytes that are held at once, in this order."""
        left = {value: len(readers) for value, readers in self.readers.items()}
        held = highest = 0
        for node in nodes:
            highest = max(highest, held + self._during(node))
            for value in self.read[node.output]:
                left[value] -= 1
            held += self._growth(node, left, 0)
        return highest

    def _during(self, node: Node) -> int:
        """Bytes that a node needs beside what it reads."""
        made = self.bytes[node.output]
        if isinstance(node.target, Call):
            return max(made, self.needs[node.target.function])
        return 0 if node.target.overwrites else made

    def _growth(self, node: Node, left: Mapping[str, int], last: int) -> int:
        """Bytes held behind a node more than before it, if `last` readers are left of what it frees."""
        made = (
            0 if node.output not in self.readers and node.output not in self.kept else self.bytes[node.output]
        )
        freed = (
            self.bytes[value]
            for value in self.read[node.output]
            if left[value] == last and value not in self.kept
        )
        return made - sum(freed)

    def scheduled(self) -> list[Node]:
        """All nodes, by the rules above; linear but for the heaps."""
        position = {node.output: index for index, node in enumerate(self.function.nodes)}
        left = {value: len(readers) for value, readers in self.readers.items()}
        waiting = {output: sum(value in position for value in read) for output, read in self.read.items()}
        freeing: list[tuple[int, int]] = []
        others: list[int] = []
        done: set[int] = set()

        def ready(output: str) -> None:
            index = position[output]
            growth = self._growth(self.function.nodes[index], left, 1)
            heappush(others, index)
            if growth <= 0:
                heappush(freeing, (growth, index))

        for output, count in waiting.items():
            if not count:
                ready(output)
        order: list[Node] = []
        while len(order) < len(self.function.nodes):
            index = heappop(freeing)[1] if freeing else heappop(others)
            if index in done:
                continue
            done.add(index)
            node = self.function.nodes[index]
            order.append(node)
            for reader in self.readers[node.output]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready(reader)
            for value in self.read[node.output]:
                left[value] -= 1
                if left[value] == 1:
                    # Whoever reads it last frees it.
                    (reader,) = (r for r in self.readers[value] if position[r] not in done)
                    if not waiting[reader]:
                        ready(reader)
        return order
