"""What the published implementation recorded, and the spec that says the same.

See tools/oracle/make_fixture.py for the contents of a file.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec
from spinedsl.weights.files import Entry, TensorFile
from spinedsl.weights.importing import imported, match

Array = NDArray[np.float32]
Overrides = tuple[tuple[str, str], ...]

FOLDER = Path(__file__).parent / "fixtures"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


class Variables(TensorFile):
    """Variables in memory, as a checkpoint would hold them."""

    format = "variables in memory"

    def __init__(self, variables: dict[str, Array]) -> None:
        super().__init__(Path("variables"))
        self._variables = variables
        self.entries = {name: Entry("F32", a.shape, 0, a.nbytes) for name, a in variables.items()}

    def read(self, name: str) -> Array:
        return self._variables[name]

    def close(self) -> None:
        pass


def import_weights(compilation: Compilation, variables: dict[str, Array]) -> dict[str, Array]:
    """Every parameter out of the variables of Model Garden's network."""
    file = Variables(variables)
    return dict(imported(compilation, match(compilation, "garden", file), file))


@dataclass(frozen=True)
class Fixture:
    """One recorded run.

    Attributes:
        network: name of the published class.
        arguments: what it was constructed with.
        weights: by published name, in TensorFlow's layout.
        image, outputs: batch × channels × height × width.
    """

    network: str
    arguments: dict[str, Any]
    weights: dict[str, Array]
    image: Array
    outputs: dict[str, Array]

    def compilation(self, *changes: tuple[str, str]) -> Compilation:
        """The network in the language, under the conventions of the published code.

        Args:
            changes: further overrides; they come last, and so win.
        """
        return open_spec(f"std:{self._spec()}", (*self._overrides(), *changes))

    def _spec(self) -> str:
        if self.network == "SpineNetMobile":
            return "spinenet_mobile49"
        return "spinenet49_p2" if self.arguments["min_level"] == 2 else "spinenet49"

    def _overrides(self) -> Overrides:
        rest = dict(self.arguments)
        take = rest.pop
        _, channels, height, width = self.image.shape
        overrides: list[tuple[str, str]] = [
            ("conventions", "garden"),
            ("input", f"{channels} x {height} x {width}"),
            ("scale.width", f"{take('filter_size_scale')}"),
            ("repeat", f"{take('block_repeats')}"),
            ("act", take("activation")),
            ("norm", f"batch(eps = {take('norm_epsilon')}, momentum = {take('norm_momentum')})"),
            ("drop_path", f"{take('init_stochastic_depth_rate')} linear of max(blocks, 16)"),
            (
                "endpoints",
                f"{take('min_level')}..{take('max_level')} -> {take('endpoints_num_filters')}",
            ),
        ]
        if self.network == "SpineNet":
            overrides.append(("resample", f"cross_scale(alpha = {take('resample_alpha')})"))
        else:
            ratios = f"expand = {take('expand_ratio')}, ratio = {take('se_ratio')}"
            overrides.append(("default", f"mbconv({ratios})"))
        assert not rest, f"arguments of the published network that no override stands for: {rest}"
        return tuple(overrides)


@functools.cache
def load(name: str) -> Fixture:
    """A fixture by the name of its file."""
    with safe_open(FOLDER / f"{name}.safetensors", "np") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    return Fixture(
        network=metadata["network"],
        arguments=json.loads(metadata["arguments"]),
        weights=_below("weight/", tensors),
        image=_channels_first(tensors["input"]),
        outputs={key: _channels_first(value) for key, value in _below("output/", tensors).items()},
    )


def _below(prefix: str, tensors: dict[str, Array]) -> dict[str, Array]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _channels_first(value: Array) -> Array:
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2))
