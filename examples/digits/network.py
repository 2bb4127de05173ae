"""The detector as a torch module, compiled from digits.spine when it is needed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

import spinedsl

SPEC = Path(__file__).with_name("digits.spine")
WEIGHTS = Path(__file__).with_name("digits.safetensors")
MODEL = "digits"
BUILD = Path("build") / "digits"

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in the range 0 to 1."""
ENLARGED = 2
"""Pixels of the network's input to a pixel of a scene: the finest level has one pixel for eight."""


def detector(model: str = MODEL, overrides: Mapping[str, str] | None = None, seed: int = 0) -> nn.Module:
    """A freshly initialised detector of digits.spine.

    Args:
        overrides: declarations laid over its own, as `--set` does: `{"scale.width": "0.2"}`.
        seed: of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    made: nn.Module = compiled(model, overrides).DigitDetector(generator=generator)
    return made


def compiled(model: str, overrides: Mapping[str, str] | None) -> ModuleType:
    """The generated module, written to build/digits/ and imported."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"{model}.py"
    spinedsl.compile(f"{SPEC}:{model}", output=path, overrides=overrides, force=True)
    return imported(path)


def imported(path: Path) -> ModuleType:
    """A generated file as a module."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def load_weights(module: nn.Module, path: Path) -> None:
    """Weights of any floating type into a module's own; every name has to be there."""
    module.load_state_dict(load_file(path))


def to_input(images: NDArray[np.uint8]) -> Tensor:
    """Images as the detector takes them, which is what an ONNX pipeline does with them too.

    From (N, H, W, 3) of 0 to 255 to (N, 3, 2 H, 2 W) float32, normalised; channels stay last in memory.
    """
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    normal = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return nn.functional.interpolate(normal, scale_factor=ENLARGED, mode="bilinear")
