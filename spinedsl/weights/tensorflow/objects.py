"""What a TensorFlow 2 checkpoint says of the objects its variables belong to.

Keys of such a checkpoint are paths through Python's objects (`model/_backbone/layer_with_weights-7/…`)
and differ with whoever saved it. Beside them it keeps a graph of the objects, which gives every
variable the name it had in Keras (`bottleneck_block_2/conv2d/kernel`), says which variables belong to
an optimizer, and in which order a model holds its layers.
Source: tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from spinedsl.records import record
from spinedsl.weights.files import FileProblem
from spinedsl.weights.tensorflow.wire import WireProblem, fields, message, signed, text

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"
"""What objects call the value of a variable; they may keep other things too."""

_LAYER = re.compile(r"layer-(\d{1,9})")


@record
class Variable:
    """A variable of a checkpoint.

    Attributes:
        name: in Keras, with the names of the layers around it.
        key: under which the checkpoint holds its value.
        slot: what an optimizer keeps it for (`momentum`, `average`), or an empty text.
        owner: name of the variable that an optimizer keeps it for, or an empty text.
        rank: the place of its layer among the layers of its model, or None if it says none. A layer
            stands behind all layers that it reads.
    """

    name: str
    key: str
    slot: str = ""
    owner: str = ""
    rank: int | None = None


@dataclass
class _Object:
    """A node of the graph."""

    children: list[tuple[str, int]] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)
    slots: list[tuple[int, str, int]] = field(default_factory=list)


def read_objects(graph: bytes) -> list[Variable]:
    """Every variable of a serialized object graph.

    Raises:
        FileProblem: the graph is damaged.
    """
    try:
        objects = [_object(message(value)) for number, value in fields(graph) if number == 1]
    except WireProblem as problem:
        raise FileProblem(f"its object graph is damaged: {problem}") from None
    slots = {slot: (owner, purpose) for item in objects for owner, purpose, slot in item.slots}
    ranks = _ranks(objects)
    variables = []
    for index, item in enumerate(objects):
        owner, purpose = slots.get(index, (-1, ""))
        owners = objects[owner].variables if 0 <= owner < len(objects) else []
        for name, key in item.variables:
            of = owners[0][0] if owners else ""
            variables.append(Variable(name, key, purpose, of, ranks.get(index)))
    return variables


def _object(node: bytes) -> _Object:
    """A TrackableObject."""
    item = _Object()
    for number, part in fields(node):
        match number:
            case 1:
                child = dict(fields(message(part)))
                item.children.append((text(child.get(2, b"")), signed(child.get(1, 0))))
            case 2:
                value = dict(fields(message(part)))
                if text(value.get(1, b"")) == VALUE:
                    item.variables.append((text(value.get(2, b"")), text(value.get(3, b""))))
            case 3:
                slot = dict(fields(message(part)))
                owner, kept_in = signed(slot.get(1, 0)), signed(slot.get(3, 0))
                item.slots.append((owner, text(slot.get(2, b"")), kept_in))
    return item


def _ranks(objects: list[_Object]) -> dict[int, int]:
    """For every object below a layer of a model, the place of that layer in the model.

    The model with most layers counts: it is the backbone. An object below two layers, as a shared
    one is, gets the first.
    """
    layers = max((_layers(item) for item in objects), key=len, default={})
    ranks: dict[int, int] = {}
    for place in sorted(layers):
        waiting = [layers[place]]
        while waiting:
            index = waiting.pop()
            if 0 <= index < len(objects) and index not in ranks:
                ranks[index] = place
                waiting += [child for _, child in objects[index].children]
    return ranks


def _layers(item: _Object) -> dict[int, int]:
    """The layers of a model, by their place in it."""
    found = ((_LAYER.fullmatch(name), index) for name, index in item.children)
    return {int(match[1]): index for match, index in found if match}
