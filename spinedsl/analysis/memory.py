"""How much memory a network's values need at once, if each is freed behind its last use.

Inputs are held by whoever gave them, endpoints by whoever gets them. Every result has memory of its
own, but for activations and sums that write over an input (`-O1` for torch); training keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.graph.program import Program
from spinedsl.ops import Shape
from spinedsl.ops.types import FLOAT_BYTES
from spinedsl.records import record


@record
class Peak:
    """The moment at which most is held.

    Attributes:
        bytes: of all values, for one image in float32.
        owner: the stem, block, endpoint or head that runs then.
        held: the values that are there, largest first: names, and bytes of each.
    """

    bytes: int
    owner: str
    held: tuple[tuple[str, int], ...]


def peak_of(program: Program, inlined: Inlined) -> Peak:
    """The peak of a program, in its order of running."""
    sizes = {port.name: _bytes(port.shape) for port in program.main.inputs}
    freed = _freed(inlined, sizes)
    now = highest = sum(sizes.values())
    place = -1
    for index, node in enumerate(inlined.nodes):
        sizes[node.name] = _bytes(node.shape)
        now += sizes[node.name] - _reused(node)
        if now > highest:
            highest, place = now, index
        now -= sum(sizes[value] for value in freed.get(index, ())) - _reused(node)
    if place >= 0 and _reused(inlined.nodes[place]):
        freed.setdefault(place - 1, []).append(inlined.nodes[place].inputs[0])
    gone = {value for index, values in freed.items() if index < place for value in values}
    made = (*(port.name for port in program.main.inputs), *(n.name for n in inlined.nodes[: place + 1]))
    held = [(value, sizes[value]) for value in made if value not in gone]
    owner = inlined.nodes[place].owner if place >= 0 else ""
    return Peak(highest, owner, tuple(sorted(held, key=lambda each: -each[1])))


def _reused(node: InlinedNode) -> int:
    """Bytes of the input that a node writes over."""
    return _bytes(node.input_shapes[0]) if node.operator.overwrites else 0


def _freed(inlined: Inlined, inputs: Iterable[str]) -> dict[int, list[str]]:
    """Index of a node → the values that nothing needs behind it; a result that nobody reads among them."""
    last = {node.name: index for index, node in enumerate(inlined.nodes)}
    for index, node in enumerate(inlined.nodes):
        last.update(dict.fromkeys(node.inputs, index))
    for value in (*inputs, *inlined.outputs.values()):
        last.pop(value, None)
    freed: dict[int, list[str]] = {}
    for value, index in last.items():
        freed.setdefault(index, []).append(value)
    return freed


def _bytes(shape: Shape) -> int:
    return shape.elements * FLOAT_BYTES
