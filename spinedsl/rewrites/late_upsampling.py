"""Move nearest up-sampling behind the operators on single pixels that follow it.

1. It commutes with every operator that makes each pixel from the same pixel of its one input:
   convolutions 1x1, activations, scaling, drop path, norms.
2. Behind a norm it goes at inference only. In training a norm would see the same mean and variance,
   but the running variance, which is unbiased, depends on how many pixels there are.
3. It goes as far as the runtime's costs are lowest, and nowhere if that isn't less than before.
4. It stays where something else reads its value too.

Requires: nodes in running order.
Ensures: the same values; parameters keep their names and shapes.
Source: a nearest neighbour is a copy, and what treats all pixels alike treats copies alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spinedsl.graph.program import Call, Function, Node
from spinedsl.ops import Activation, BatchNorm, Convolution, DropPath, Operator, Scale, Shape, Upsample
from spinedsl.ops.types import FLOAT_BYTES
from spinedsl.profiles import Profile
from spinedsl.rewrites.decisions import Decisions


def late_upsampling(function: Function, profile: Profile, inference: bool, decisions: Decisions) -> Function:
    """The function with its up-sampling where it costs least."""
    if not any(isinstance(node.target, Upsample) for node in function.nodes):
        return function
    moving = _Moving(function, profile, inference, decisions)
    for node in function.nodes:
        if isinstance(node.target, Upsample):
            # As it is now: what stood before it may have moved.
            moving.look_at(moving.nodes[node.output])
    return moving.finish()


@dataclass
class _Moving:
    """A function that is being rewritten."""

    function: Function
    profile: Profile
    inference: bool
    decisions: Decisions

    def __post_init__(self) -> None:
        self.nodes: dict[str, Node] = {node.output: node for node in self.function.nodes}
        self.shapes = self.function.shapes()
        self.outputs = dict(self.function.outputs)
        self.readers: dict[str, list[str]] = defaultdict(list)
        for node in self.function.nodes:
            for value in node.inputs:
                self.readers[value].append(node.output)
        self.returned = set(self.outputs.values())
        self.behind: dict[str, str] = {}
        """Up-sampling that moved → the node that it stands behind now."""

    def look_at(self, node: Node) -> None:
        """Move one up-sampling, or say why not."""
        assert isinstance(node.target, Upsample)
        if node.target.method != "nearest":
            self.decisions.declined(self.function, node, f"it is {node.target.method}, no copy of pixels")
            return
        chain, obstacle = self._chain(node)
        if not chain:
            self.decisions.declined(self.function, node, obstacle)
            return
        times = self._nanoseconds(node, chain)
        best = min(range(len(times)), key=lambda count: (times[count], count))
        if best == 0:
            other = 1 + min(range(len(chain)), key=lambda count: times[count + 1])
            self.decisions.declined(
                self.function, node, f"{_shown(times[0])} would become {_shown(times[other])} "
                f"behind {chain[other - 1].output}",
            )  # fmt: skip
            return
        self._move(node, chain[:best])
        self.decisions.applied(
            self.function, node,
            f"behind {chain[best - 1].output}: {_shown(times[0])} became {_shown(times[best])}",
        )  # fmt: skip

    def _chain(self, node: Node) -> tuple[list[Node], str]:
        """What follows it, as far as it could go; and what ends that."""
        chain: list[Node] = []
        value = node.output
        while True:
            readers = self.readers[value]
            if value in self.returned:
                return chain, f"{value} is what the function returns"
            if len(readers) != 1:
                return chain, f"{value} is read {len(readers)} times"
            reader = self.nodes[readers[0]]
            if isinstance(reader.target, Call):
                return chain, f"{reader.output} is a call"
            if not _works_on_pixels(reader.target):
                return chain, f"{reader.output} is no operator on single pixels"
            if isinstance(reader.target, BatchNorm) and not self.inference:
                return chain, f"{reader.output} counts pixels in training; -O2 doesn't train"
            chain.append(reader)
            value = reader.output

    def _nanoseconds(self, node: Node, chain: Sequence[Node]) -> list[float]:
        """How long all of it takes with the up-sampling behind the first 0, 1, … of the chain."""
        costs = self.profile.costs
        low, high = self.shapes[node.inputs[0]], node.shape
        channels = [low.channels, *(follower.shape.channels for follower in chain)]

        def alone(index: int, extent: Shape) -> float:
            """What a follower takes that isn't part of a layer."""
            before, after = (extent._replace(channels=channels[place]) for place in (index, index + 1))
            operator = chain[index].target
            assert isinstance(operator, Operator)
            moved = (before.elements + after.elements) * FLOAT_BYTES
            return moved * costs.byte + operator.macs((before,), after) * costs.mac

        # In front of the up-sampling: from the first on.
        front, fused = [0.0], False
        for index, follower in enumerate(chain):
            free = fused and self._fuses(follower.target)
            front.append(front[-1] + (0.0 if free else alone(index, low)))
            fused = free or isinstance(follower.target, Convolution)
        # Behind it: from the last on; at first if a layer stands before, and if none does.
        size = high._replace(channels=channels[-1]).elements * FLOAT_BYTES
        # What follows the chain was part of the layer, or reads and writes by itself.
        fused_rest = 0.0
        alone_rest = 2 * size * costs.byte if self._would_fuse(chain[-1].output) else 0.0
        behind = [alone_rest]
        for index in range(len(chain) - 1, -1, -1):
            target = chain[index].target
            here = alone(index, high)
            after = fused_rest if isinstance(target, Convolution) else alone_rest
            fused_rest, alone_rest = (
                fused_rest if self._fuses(target) else here + after,
                here + after,
            )
            behind.append(alone_rest)
        enlarged = high.height * high.width * FLOAT_BYTES * costs.upsampled_byte
        return [f + c * enlarged + b for f, c, b in zip(front, channels, reversed(behind), strict=True)]

    def _would_fuse(self, value: str) -> bool:
        """Whether what reads the chain's last value could be part of a layer that made it."""
        if value in self.returned:
            # What is resampled gets added to something.
            return self.profile.fuses_add
        readers = [self.nodes[reader].target for reader in self.readers[value]]
        return self._fuses_norm() and any(isinstance(reader, BatchNorm) for reader in readers)

    def _fuses(self, operator: Operator | Call) -> bool:
        if isinstance(operator, BatchNorm):
            return self._fuses_norm()
        return isinstance(operator, Activation) and self.profile.fuses_activation

    def _fuses_norm(self) -> bool:
        return self.profile.fuses_norm or (self.inference and self.profile.folds_norms)

    def _move(self, node: Node, chain: Sequence[Node]) -> None:
        low = self.shapes[node.inputs[0]]
        value = node.inputs[0]
        for follower in chain:
            shape = Shape(follower.shape.channels, low.height, low.width)
            self.nodes[follower.output] = replace(follower, inputs=(value,), shape=shape)
            self.shapes[follower.output] = shape
            value = follower.output
        moved = replace(
            node, inputs=(value,), shape=node.shape._replace(channels=self.shapes[value].channels)
        )
        self.nodes[node.output] = moved
        self.shapes[node.output] = moved.shape
        for reader in self.readers[value]:
            self.nodes[reader] = _reading(self.nodes[reader], value, node.output)
        self.readers[node.output], self.readers[value] = self.readers[value], [node.output]
        self.readers[node.inputs[0]] = [
            chain[0].output if reader == node.output else reader for reader in self.readers[node.inputs[0]]
        ]
        self.outputs = {name: node.output if v == value else v for name, v in self.outputs.items()}
        self.returned = set(self.outputs.values())
        self.behind[node.output] = value

    def finish(self) -> Function:
        """The function, up-sampling in its new places."""
        following: dict[str, list[str]] = defaultdict(list)
        for moved, place in self.behind.items():
            following[place].append(moved)
        order: list[str] = []
        for node in self.function.nodes:
            if node.output in self.behind:
                continue
            waiting = [node.output]
            while waiting:
                value = waiting.pop()
                order.append(value)
                waiting += following[value]
        nodes = tuple(self.nodes[value] for value in order)
        return replace(self.function, nodes=nodes, outputs=tuple(self.outputs.items()))


def _works_on_pixels(operator: Operator) -> bool:
    if isinstance(operator, Convolution):
        return operator.kernel == (1, 1) and operator.stride == 1 and not any(operator.pads)
    return isinstance(operator, Activation | BatchNorm | DropPath | Scale)


def _reading(node: Node, value: str, instead: str) -> Node:
    return replace(node, inputs=tuple(instead if i == value else i for i in node.inputs))


def _shown(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.2f} ms" if nanoseconds >= 1e5 else f"{nanoseconds / 1e3:.1f} µs"
