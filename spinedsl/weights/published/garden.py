"""Names in TensorFlow Model Garden.

Keras calls a layer by its type and a number, which counts the layers of that type created before it:
`conv2d`, `conv2d_1`, … So the published names follow from the order of creation. The network has
counters of its own, and every copy of a block starts again at zero for the layers inside of it. What
leads to no endpoint has used up its numbers, and so has the published list's last block, which feeds
P2 where that is asked for.

Nothing here looks at shapes to find a name; they are compared afterwards.
Source: tf-models-official 2.20.0, official/vision/modeling/backbones/ and layers/nn_blocks.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from spinedsl.diagnostics import fail
from spinedsl.weights.published.layers import CONVOLUTION, NORM, Layer
from spinedsl.weights.published.structure import MOBILE, SPINENET, Group, Structure

BLOCK_FOR_P2 = 4
"""Convolutions between `bottleneck @2 <- b2, b13 => P2`, with which SpineNet's list always ends, and
its parents: two for the one of level 2, two for the one of level 3."""


def garden_layers(structure: Structure) -> dict[str, Layer]:
    """Every operator's published layer, by the operator's dotted name.

    Raises:
        DiagnosticError: the published code can't build the network (SP051).
    """
    return dict(_layers(structure))


def _layers(structure: Structure) -> Iterator[tuple[str, Layer]]:
    numbers: Counter[str] = Counter()
    feeds_p2 = any(group.part == "endpoint" and group.level == 2 for group in structure.groups)
    before_endpoints = structure.family is SPINENET and not feeds_p2
    for group in structure.groups:
        if group.part == "endpoint" and before_endpoints:
            list(_chain("", BLOCK_FOR_P2 * (CONVOLUTION,), numbers))
            before_endpoints = False
        if not group.kind:
            layers = _chain(group.name, group.convolutions, numbers)
        elif structure.family is MOBILE and group.number:
            # Each copy would read what the first one reads, and so fail at the first stride.
            raise fail(
                "SP051",
                "the published code can't repeat inverted bottlenecks",
                group.span,
                help="checkpoints exist for networks whose blocks stand once",
            )
        else:
            layers = _block(group, next_name(numbers, f"{group.kind}_block"))
        yield from (layer for layer in list(layers) if group.kept)


def _block(group: Group, path: str) -> Iterator[tuple[str, Layer]]:
    """The layers of one copy; those of squeeze-excitation are created last."""
    numbers: Counter[str] = Counter()
    scope = f"{path}/"
    if group.projects:
        yield from _chain(f"{group.name}.projection", (CONVOLUTION,), numbers, scope)
    yield from _chain(group.name, group.convolutions, numbers, scope)
    if group.gated:
        for index in (1, 2):
            layer = f"{scope}squeeze_excitation/{next_name(numbers, CONVOLUTION)}"
            yield f"{group.name}.squeeze_excite.conv{index}", Layer(CONVOLUTION, layer)


def _chain(
    name: str, convolutions: Sequence[str], numbers: Counter[str], scope: str = ""
) -> Iterator[tuple[str, Layer]]:
    """Convolutions, each with a norm."""
    for index, convolution in enumerate(convolutions, start=1):
        yield f"{name}.conv{index}", Layer(convolution, scope + next_name(numbers, convolution))
        yield f"{name}.norm{index}", Layer(NORM, scope + next_name(numbers, NORM))


def next_name(numbers: Counter[str], layer: str) -> str:
    """The name of the next layer of a type; the first has no number."""
    number = numbers[layer]
    numbers[layer] += 1
    return f"{layer}_{number}" if number else layer
