"""Heads in the published implementations.

RetinaNet's towers are convolutions that all levels share, each with a norm of its own for every level, and
one convolution that predicts. A separable one is a depthwise and a pointwise half in one layer.

1. Boxes are coded dy, dx, dh, dw in TensorFlow, and dx, dy, dw, dh here: output channels of the
   convolution that predicts boxes change places in pairs.
2. Anchors stand in the same order: octave by octave, and narrow before wide.
Source: tf-models-official 2.20.0, official/vision/modeling/heads/dense_prediction_heads.py and
ops/anchor.py; tensorflow/tpu at 7dc921f, models/official/detection/modeling/architecture/heads.py
and utils/box_utils.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spinedsl.graph.tasks import Detection
from spinedsl.ops import Parameter
from spinedsl.records import record
from spinedsl.weights.published.layers import CONVOLUTION, DEPTHWISE, NORM, POINTWISE, Layer

COORDINATES = (1, 0, 3, 2)
"""Where dx, dy, dw and dh stand among the published coordinates of an anchor."""

TPU_CLASSIFIER = "classification_head/dense"
"""The one layer of the first release's classifier."""


@record
class HeadNames:
    """What the layers of a head are called; `{tower}` is a name out of `towers`, `{index}` from 0.

    Attributes:
        towers: raw output → name of its tower.
        predictors: raw output → the layer that predicts.
        convolution, norm: the other layers; a norm has a `{level}` too.
    """

    towers: Mapping[str, str]
    predictors: Mapping[str, str]
    convolution: str
    norm: str


GARDEN_SCOPE = "retina_net_model/retina_net_head/"
"""What stands before the names of a head's layers in Model Garden, if nobody chose otherwise."""

GARDEN_HEAD = HeadNames(
    {"scores": "classnet", "boxes": "boxnet"},
    {"scores": f"{GARDEN_SCOPE}scores", "boxes": f"{GARDEN_SCOPE}boxes"},
    GARDEN_SCOPE + "{tower}-conv_{index}",
    GARDEN_SCOPE + "{tower}-conv-norm_{level}_{index}",
)
TPU_HEAD = HeadNames(
    {"scores": "class", "boxes": "box"},
    {"scores": "retinanet/class_net/class-predict", "boxes": "retinanet/box_net/box-predict"},
    "retinanet/{tower}_net/{tower}-{index}",
    "retinanet/{tower}_net/{tower}-{index}-{level}",
)


def retinanet_layers(
    parameters: Mapping[str, Parameter], head: str, task: Detection, names: HeadNames
) -> dict[str, Layer]:
    """Every operator of a head that has a published layer, by the operator's dotted name.

    Args:
        parameters: of the model.
        head: what stands before the names of the head's.
        task: what the head is for.
        names: whose layers.
    """
    levels = {
        name: stride.bit_length() - 1 for name, stride in zip(task.endpoints, task.strides, strict=True)
    }
    layers: dict[str, Layer] = {}
    for output, tower in names.towers.items():
        convolutions = list(_convolutions(parameters, f"{head}.{output}"))
        for index, operators in enumerate(convolutions):
            if index == len(convolutions) - 1:
                path = names.predictors[output]
                channels = _swapped(parameters[f"{operators[-1]}.weight"]) if output == "boxes" else ()
            else:
                path, channels = names.convolution.format(tower=tower, index=index), ()
            if len(operators) == 2:
                layers[operators[0]] = Layer(DEPTHWISE, path)
            layers[operators[-1]] = Layer(POINTWISE if len(operators) == 2 else CONVOLUTION, path, channels)
            for name, level in levels.items():
                norm = f"{head}.{output}.norm{index + 1}.{name}"
                if f"{norm}.weight" in parameters:
                    layers[norm] = Layer(NORM, names.norm.format(tower=tower, index=index, level=level))
    return layers


def _convolutions(parameters: Mapping[str, Parameter], tower: str) -> Iterator[tuple[str, ...]]:
    """The convolutions of a tower in order; a depthwise one, which has no bias, and the next are one."""
    waiting: tuple[str, ...] = ()
    number = 1
    while f"{tower}.conv{number}.weight" in parameters:
        waiting = (*waiting, f"{tower}.conv{number}")
        if f"{tower}.conv{number}.bias" in parameters or len(waiting) == 2:
            yield waiting
            waiting = ()
        number += 1
    if waiting:
        yield waiting


def _swapped(weight: Parameter) -> tuple[int, ...]:
    """For each output channel here, the published one."""
    return tuple(channel - channel % 4 + COORDINATES[channel % 4] for channel in range(weight.shape[0]))
