"""Weights of TensorFlow Model Garden's SpineNets, under the names and in the layouts of spinec.

Keras calls a layer by its type and a number, which counts the layers of that type created before
it: `conv2d`, `conv2d_1`, … So the published names follow from the order of creation:

1. the stem's convolution, then its blocks;
2. for every block of the network in order: each connection's layers, then its repeated copies;
3. the endpoints, from the finest level up.

The network has counters of its own, and every copy of a block starts again at zero for the layers
inside of it. What is created but leads to no endpoint is no part of the published model, yet has
used up its numbers: blocks that were pruned, and the published list's last one, which feeds P2.

Nothing here looks at shapes to find a name; they are compared afterwards.
Source: tf-models-official 2.20.0, official/vision/modeling/backbones/spinenet.py and
spinenet_mobile.py, and official/vision/modeling/layers/nn_blocks.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.ir.model import Block, ImageInput, StemBlock
from spinedsl.pipeline import Compilation

Array = NDArray[np.float32]

CONVOLUTION, DEPTHWISE, NORM = "conv2d", "depthwise_conv2d", "batch_normalization"
"""Types of published layers, as Keras names them."""

VARIABLES = {
    CONVOLUTION: {"weight": "kernel", "bias": "bias"},
    DEPTHWISE: {"weight": "depthwise_kernel"},
    NORM: {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
}
"""What the parameters of each type are called here and there."""

AXES = {
    "kernel": (3, 2, 0, 1),  # height, width, in, out → out, in, height, width
    "depthwise_kernel": (2, 3, 0, 1),  # height, width, channel, 1 → channel, 1, height, width
}
"""The order in which the axes of a published variable are taken; others have one axis."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A block kind: its published layer type, and the types of its convolutions in order.

    Every convolution is followed by a norm. Around them, where the block has them: a projection,
    created before; two convolutions of squeeze-excitation, created after.
    """

    layer: str
    convolutions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A published network class: its block kinds and its resampling rule, by their names here."""

    name: str
    kinds: Mapping[str, Kind]
    rule: str


SPINENET = Family(
    "SpineNet",
    {
        "bottleneck": Kind("bottleneck_block", 3 * (CONVOLUTION,)),
        "residual": Kind("residual_block", 2 * (CONVOLUTION,)),
    },
    "cross_scale",
)
MOBILE = Family(
    "SpineNetMobile",
    {"mbconv": Kind("inverted_bottleneck_block", (CONVOLUTION, DEPTHWISE, CONVOLUTION))},
    "depthwise_scale",
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A published layer: its type, and its name with those of the layers around it."""

    type: str
    path: str


def published_names(compilation: Compilation) -> dict[str, str]:
    """Every parameter's published name, in running order; no two parameters share one.

    `b2.conv1.weight` is `bottleneck_block_2/conv2d/kernel`. The blocks must stand in the order in
    which the published network lists them: their names are numbers and say nothing else.

    Raises:
        DiagnosticError: the published code builds no such network (SP051).
    """
    layers = _Creation(compilation).layers
    names: dict[str, str] = {}
    without: list[str] = []
    operators: set[str] = set()
    for parameter in compilation.inlined.parameters():
        operator, _, last = parameter.rpartition(".")
        operators.add(operator)
        layer = layers.get(operator)
        if layer is None or last not in VARIABLES[layer.type]:
            without.append(parameter)
        else:
            names[parameter] = f"{layer.path}/{VARIABLES[layer.type][last]}"
    diagnostics = Diagnostics()
    if without:
        diagnostics.add("SP051", f"the published network has no counterpart of {_listed(without)}")
    if unmet := [layer.path for operator, layer in layers.items() if operator not in operators]:
        diagnostics.add("SP051", f"the network has no counterpart of the published {_listed(unmet)}")
    diagnostics.stop_on_errors()
    return names


def import_weights(compilation: Compilation, published: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every parameter with its published value, in running order and in torch's layout.

    Args:
        compilation: the network.
        published: variables by published name, in TensorFlow's layout; all of them are used.

    Raises:
        DiagnosticError: variables that are missing, left over, or of another shape (SP051).
    """
    names = published_names(compilation)
    parameters = compilation.inlined.parameters()
    arrays = {n: _arranged(v, published[v]) for n, v in names.items() if v in published}
    diagnostics = Diagnostics()
    if missing := [variable for variable in names.values() if variable not in published]:
        diagnostics.add("SP051", f"the published weights lack {_listed(missing)}")
    if unused := sorted(published.keys() - set(names.values())):
        diagnostics.add("SP051", f"the network has no place for the published {_listed(unused)}")
    for name, array in arrays.items():
        if array.shape != parameters[name].shape:
            shapes = f"{_shape(array.shape)}, not {_shape(parameters[name].shape)}"
            diagnostics.add("SP051", f"“{names[name]}” for “{name}” is {shapes}")
    diagnostics.stop_on_errors()
    return iter(arrays.items())


@dataclass
class _Creation:
    """Follows the order in which the published code creates layers.

    Attributes:
        family: the class that builds such a network.
        layers: operators of the network by dotted name, each with its published layer.
        numbers: how many layers of each type the network has so far.
        levels: of the blocks so far.
        kept: the blocks that lead to an endpoint.
        operators: those of the network that have parameters.
    """

    compilation: Compilation
    family: Family = SPINENET
    layers: dict[str, Layer] = field(default_factory=dict)
    numbers: Counter[str] = field(default_factory=Counter)
    levels: dict[str, int] = field(default_factory=dict)
    kept: set[str] = field(init=False)
    operators: set[str] = field(init=False)

    def __post_init__(self) -> None:
        network, expanded = self.compilation.network, self.compilation.expanded
        if not isinstance(network.input, ImageInput):
            raise fail("SP051", "the published networks read images, not features", network.span)
        if any(block.kind.name in MOBILE.kinds for block in network.blocks):
            self.family = MOBILE
        self.kept = {block.base for block in (*expanded.stem_blocks(), *expanded.blocks)}
        self.operators = {name.rpartition(".")[0] for name in self.compilation.inlined.parameters()}
        self._chain("stem", (CONVOLUTION,), self.numbers)
        for item in network.stem:
            if isinstance(item, StemBlock):
                self._block(item)
        for block in network.blocks:
            self._connections(block)
            self._block(block)
        if self.family is SPINENET:
            self._block_for_p2()
        for endpoint in self.compilation.program.endpoints:
            self._chain(endpoint.name, (CONVOLUTION,), self.numbers)

    def _connections(self, block: Block) -> None:
        """Resampling rules; a mobile one halves with a depthwise convolution for each step."""
        sources: list[str] = []
        for connection in block.inputs:
            steps = block.level - self.levels[connection.source]
            rule = (connection.via or self.compilation.network.resample).name
            if rule != self.family.rule:
                problem = f"the published {self.family.name} doesn't resample by “{rule}”"
                raise fail("SP051", problem, connection.span)
            convolutions: tuple[str, ...]
            if self.family is SPINENET:
                convolutions = (3 if steps > 0 else 2) * (CONVOLUTION,)
            else:
                convolutions = (*(max(0, steps) * (DEPTHWISE,)), CONVOLUTION)
            again = sources.count(connection.source)
            sources.append(connection.source)
            name = f"{connection.source}_to_{block.name}" + (f"__{again + 1}" if again else "")
            self._chain(name, convolutions, self.numbers, block.name in self.kept)

    def _block(self, block: Block | StemBlock) -> None:
        """All copies of a block."""
        kind = self.family.kinds.get(block.kind.name)
        copies = block.repeat * self.compilation.network.repeat
        if kind is None:
            problem = f"the published {self.family.name} has no block “{block.kind.name}”"
            raise fail("SP051", problem, block.span)
        if self.family is MOBILE and copies > 1:
            # Each copy would read what the first one reads, and so fail at the first stride.
            raise fail("SP051", "the published code can't repeat inverted bottlenecks", block.span)
        self.levels[block.name] = block.level
        for copy in range(copies):
            path = _next(self.numbers, kind.layer)
            if block.name in self.kept:
                self._inside(block.name if copies == 1 else f"{block.name}.{copy}", kind, path)

    def _inside(self, name: str, kind: Kind, path: str) -> None:
        """The layers of one copy."""
        numbers: Counter[str] = Counter()
        if f"{name}.projection.conv1" in self.operators:
            self._chain(f"{name}.projection", (CONVOLUTION,), numbers, scope=f"{path}/")
        self._chain(name, kind.convolutions, numbers, scope=f"{path}/")
        gate = f"{name}.squeeze_excite"
        if f"{gate}.conv1" in self.operators:
            for index in (1, 2):
                layer = f"{path}/squeeze_excitation/{_next(numbers, CONVOLUTION)}"
                self.layers[f"{gate}.conv{index}"] = Layer(CONVOLUTION, layer)

    def _block_for_p2(self) -> None:
        """SpineNet's list always ends with `bottleneck @2 <- b2, b13 => P2`: two convolutions for
        the parent of level 2, two for the one of level 3."""
        if any(block.level == 2 and block.endpoint for block in self.compilation.network.blocks):
            return
        self._chain("", 4 * (CONVOLUTION,), self.numbers, kept=False)

    def _chain(
        self,
        name: str,
        convolutions: Sequence[str],
        numbers: Counter[str],
        kept: bool = True,
        scope: str = "",
    ) -> None:
        """Convolutions, each with a norm; if they aren't kept, only their numbers are used up."""
        for index, convolution in enumerate(convolutions, start=1):
            layers = {
                f"{name}.conv{index}": Layer(convolution, scope + _next(numbers, convolution)),
                f"{name}.norm{index}": Layer(NORM, scope + _next(numbers, NORM)),
            }
            if kept:
                self.layers.update(layers)


def _next(numbers: Counter[str], layer: str) -> str:
    """The name of the next layer of a type; the first has no number."""
    number = numbers[layer]
    numbers[layer] += 1
    return f"{layer}_{number}" if number else layer


def _arranged(variable: str, array: Array) -> Array:
    axes = AXES.get(variable.rpartition("/")[2])
    if axes is None or array.ndim != len(axes):
        return array
    return np.ascontiguousarray(array.transpose(axes))


def _listed(names: Iterable[str], shown: int = 20) -> str:
    names = list(names)
    rest = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(f"“{name}”" for name in names[:shown]) + rest


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
