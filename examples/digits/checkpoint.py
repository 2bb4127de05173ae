"""The state of a training as one safetensors file, replaced as a whole.

A kill at any moment leaves the last state or the one before it, never half of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

Tensors = dict[str, Tensor]


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and what is said about them, on disk before the old file is gone.

    Args:
        about: JSON values by name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()},
            beside,
            {name: json.dumps(value) for name, value in about.items()},
        )
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `write` wrote."""
    with safe_open(path, "pt") as file:
        about = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
        return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118


def under(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """The same tensors with a prefix before their names."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def beneath(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors whose names have a prefix, without it."""
    return {
        name.removeprefix(f"{prefix}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}/")
    }


def moments(module: nn.Module, optimizer: torch.optim.Optimizer) -> Tensors:
    """What an optimizer keeps for each parameter, as `parameter/quantity`."""
    return {
        f"{name}/{quantity}": value
        for name, parameter in module.named_parameters()
        for quantity, value in optimizer.state[parameter].items()
    }


def load_moments(module: nn.Module, optimizer: torch.optim.Optimizer, saved: Mapping[str, Tensor]) -> None:
    """Put back what `moments` returned, in the parameters' own order of memory.

    The order doesn't change what the numbers are, but which kernel adds them, and so the last bit.
    """
    for name, parameter in module.named_parameters():
        for quantity, value in beneath(name, saved).items():
            same = value if value.ndim == 0 else torch.empty_like(parameter).copy_(value)
            optimizer.state[parameter][quantity] = same
