"""Checkpoints that the published code wrote, and what its networks compute.

See tools/oracle/make_checkpoint.py for the contents of an archive.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from spinedsl.pipeline import AnyCompilation
from spinedsl.specification import open_spec
from spinedsl.weights import Array

FOLDER = Path(__file__).parent / "fixtures"
SPEC = FOLDER / "narrow.spine"


def unpacked(name: str, folder: Path) -> Path:
    """The prefix of a checkpoint, unpacked into a folder."""
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as archive:
        archive.extractall(folder)
    return folder / "ckpt"


def recorded(name: str) -> tuple[Array, dict[str, Array]]:
    """The image, and the published outputs by the names here; channels first, boxes as published."""
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as archive:
        tensors = load(archive.read("outputs.safetensors"))
    image = (tensors.pop("input").astype(np.float32) - 128) / 32
    outputs = {key: _channels_first(value) for key, value in tensors.items()}
    return _channels_first(image), outputs


def narrow(network: str, *overrides: tuple[str, str]) -> AnyCompilation:
    """A network or model of narrow.spine."""
    return open_spec(f"{SPEC}:{network}", overrides)


def relative_errors(expected: Mapping[str, Array], actual: Mapping[str, Array]) -> dict[str, float]:
    """Largest difference over largest value, by output."""
    assert actual.keys() == expected.keys()
    assert all(actual[name].shape == value.shape for name, value in expected.items())
    return {n: float(np.abs(actual[n] - value).max() / np.abs(value).max()) for n, value in expected.items()}


def _channels_first(value: Array) -> Array:
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2))
