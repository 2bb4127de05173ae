"""How far a quantised model is from the float32 one: at every layer, and at the outputs.

A distance is a signal-to-noise ratio in decibels, 10 · log10(Σ x² / Σ (x - y)²), with x from the
float32 model and y from the quantised one, over all elements and images. 20 dB are a tenth of the
signal's size, 40 dB a hundredth. What a layer puts out carries the errors of all layers before it;
the weights' own ratio does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from spinedsl.records import record
from spinedsl.runtime.activations import Activations
from spinedsl.runtime.calibration_images import CalibrationFolder
from spinedsl.runtime.quantisation_placement import GraphView

MOST_IMAGES = 8
"""How many images are compared, evenly spread over those that were calibrated with."""


@record
class LayerError:
    """One layer, or one output.

    Attributes:
        name: of the layer or output.
        output: what it puts out, in decibels; infinite without any error, and None where the two can't
            be compared: a head on regions runs on those that the model before it proposes.
        weights: its weights, in decibels; None for an output.
    """

    name: str
    output: float | None
    weights: float | None = None


@record
class ErrorReport:
    """Every quantised layer, and every output; each worst first.

    Attributes:
        images: how many were compared.
    """

    layers: tuple[LayerError, ...]
    outputs: tuple[LayerError, ...]
    images: int


class _Ratio:
    """Powers of a signal and of its error, summed over images."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.seen = False

    def add(self, expected: NDArray[Any], actual: NDArray[Any]) -> None:
        self.seen = True
        self.signal += _power(expected)
        self.noise += _power(expected - actual)

    @property
    def decibels(self) -> float | None:
        if not self.seen:
            return None
        if self.noise == 0:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf


def _power(array: NDArray[Any]) -> float:
    flat = array.astype(np.float64).ravel()
    return float(flat @ flat)


def compare(
    reference: ModelProto,
    quantised: ModelProto,
    layers: Sequence[str],
    graph: GraphView,
    extents: Mapping[str, tuple[int, ...]],
    folder: CalibrationFolder,
    images: Sequence[Path],
) -> ErrorReport:
    """Run both models on some images.

    Args:
        reference: in float32; its nodes and outputs have the names of the quantised ones.
        layers: names of the quantised layers.
        graph: of the models; what the network hands over is compared too.
        extents: shapes of values, where known.
        images: what the calibration used.
    """
    made_by = {node.name: node.output[0] for node in reference.graph.node}
    outputs = graph.ends
    values = [value for value in (*(made_by[n] for n in layers), *outputs) if value not in graph.behind]
    models = [Activations(model, values, extents) for model in (reference, quantised)]
    chosen = _spread(images)
    ratios = {name: _Ratio() for name in (*made_by.values(), *outputs)}
    for path in chosen:
        inputs = folder.read(path)
        for (name, expected), (_, actual) in zip(*(model.of(inputs) for model in models), strict=True):
            ratios[name].add(expected, actual)
    weights = _weight_ratios(reference, quantised, layers)
    return ErrorReport(
        _worst_first(LayerError(name, ratios[made_by[name]].decibels, weights[name]) for name in layers),
        _worst_first(LayerError(name, ratios[name].decibels) for name in outputs),
        len(chosen),
    )


def _worst_first(errors: Iterable[LayerError]) -> tuple[LayerError, ...]:
    def place(error: LayerError) -> tuple[float, str]:
        return (math.inf if error.output is None else error.output, error.name)

    return tuple(sorted(errors, key=place))


def _spread(images: Sequence[Path]) -> list[Path]:
    count = min(len(images), MOST_IMAGES)
    return [images[index * len(images) // count] for index in range(count)]


def _weight_ratios(
    reference: ModelProto, quantised: ModelProto, layers: Sequence[str]
) -> dict[str, float | None]:
    before = {tensor.name: tensor for tensor in reference.graph.initializer}
    after = {tensor.name: tensor for tensor in quantised.graph.initializer}
    dequantised = {
        node.output[0]: node for node in quantised.graph.node if node.op_type == "DequantizeLinear"
    }
    nodes = {node.name: node for node in quantised.graph.node}
    originals = {node.name: node.input[1] for node in reference.graph.node if node.name in set(layers)}
    found = {}
    for name in layers:
        pair = dequantised[nodes[name].input[1]]
        integers, scales = (numpy_helper.to_array(after[pair.input[place]]) for place in (0, 1))
        axis = next((a.i for a in pair.attribute if a.name == "axis"), 0)
        spread = scales.reshape([-1 if i == axis else 1 for i in range(integers.ndim)])
        ratio = _Ratio()
        expected = numpy_helper.to_array(before[originals[name]])
        ratio.add(expected, integers.astype(np.float32) * spread)
        found[name] = ratio.decibels
    return found
