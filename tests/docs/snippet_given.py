"""Making the files that a page's commands find: `<!-- given: photo.jpg, a photograph -->`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from repositories import Repository

from spinedsl.cli import run
from spinedsl.specification import open_spec
from spinedsl.weights import initial_weights
from spinedsl.weights.safetensors_writing import safetensors_bytes


def give(text: str, folder: Path) -> None:
    """Make the file or folder that a mark `given` names.

    Raises:
        ValueError: it says something else.
    """
    name, _, what = text.partition(", ")
    for pattern, make in KINDS.items():
        if found := re.fullmatch(pattern, what):
            make(folder / name, *found.groups())
            return
    raise ValueError(f"given is one of {', '.join(KINDS)}; not “{what}”")


def _weights(path: Path, spec: str) -> None:
    parameters = open_spec(spec).parameters
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    path.write_bytes(b"".join(safetensors_bytes(shapes, initial_weights(parameters), {})))


def _checkpoint(path: Path, origin: str, spec: str) -> None:
    weights = path.with_suffix(".given.safetensors")
    _weights(weights, spec)
    command = ["weights", "export", str(weights), "--to", origin, "--for", spec]
    assert run([*command, "--set", f"conventions={origin}", "-o", str(path)]) == 0
    weights.unlink()


def _photograph(path: Path) -> None:
    """Stands in for one: smooth, with edges, and always the same."""
    row, column = np.mgrid[:360, :640]
    pixels = np.stack([row / 2, column / 3, 99 + 99 * ((row // 60 + column // 60) % 2)], axis=-1)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def _repository(path: Path) -> None:
    """What is there, committed on a branch called main."""
    Repository(path).commit()


KINDS: dict[str, Callable[..., None]] = {
    r"a photograph": _photograph,
    r"a git repository": _repository,
    r"weights of (\S+)": _weights,
    r"a checkpoint as (\w+) writes it, of (\S+)": _checkpoint,
}
