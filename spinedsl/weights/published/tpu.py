"""Names in the authors' first release, tensorflow/tpu.

Variables are named by TensorFlow 1's scopes: one for the network, one for each of its blocks in it,
and therein one for each connection and one for the copies of the block. Layers are numbered within a
scope; those of the stem and of the endpoints share the network's.
Source: tensorflow/tpu at 7dc921f, models/official/detection/modeling/architecture/spinenet.py,
spinenet_mbconv.py, nn_blocks.py and nn_ops.py; the variables of the released SpineNet-49S.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from spinedsl.weights.published.garden import next_name
from spinedsl.weights.published.layers import CONVOLUTION, DEPTHWISE, NORM, Layer
from spinedsl.weights.published.structure import MOBILE, Group, Structure


def tpu_layers(structure: Structure) -> dict[str, Layer]:
    """Every operator's published layer, by the operator's dotted name."""
    return dict(_layers(structure))


def _layers(structure: Structure) -> Iterator[tuple[str, Layer]]:
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    stem_blocks = sum(group.part == "stem block" and not group.number for group in structure.groups)
    for group in structure.groups:
        scope = _scope(group, structure, stem_blocks)
        for name, type in _operators(group):
            # A scope's name is unique among its siblings, a layer's among those of its type.
            layer = Layer(type, scope + next_name(numbers[scope], type))
            if group.kept:
                yield name, layer


def _scope(group: Group, structure: Structure, stem_blocks: int) -> str:
    mobile = structure.family is MOBILE
    network = "spinenet_mbconv/" if mobile else "spinenet/"
    if group.part == "connection":
        rule = "resample_with_sepconv" if mobile else "resample_with_alpha"
        return f"{network}sub_policy{group.place}/{rule}_resample_{group.place}_{group.number}/"
    if group.part == "block":
        block = f"scale_permuted_block_{group.place + stem_blocks}"
        return f"{network}sub_policy{group.place}/{block}/"
    return network


def _operators(group: Group) -> Iterator[tuple[str, str]]:
    """The operators of a group with the types of their layers, in order of creation."""
    if group.projects:
        yield f"{group.name}.projection.conv1", CONVOLUTION
        yield f"{group.name}.projection.norm1", NORM
    for index, convolution in enumerate(group.convolutions, start=1):
        yield f"{group.name}.conv{index}", convolution
        yield f"{group.name}.norm{index}", NORM
        if group.gated and convolution == DEPTHWISE:
            yield f"{group.name}.squeeze_excite.conv1", CONVOLUTION
            yield f"{group.name}.squeeze_excite.conv2", CONVOLUTION
