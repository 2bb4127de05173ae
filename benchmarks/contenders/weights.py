"""spinec's weights in a module that was written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn


def take_weights(parts: Iterable[tuple[str, nn.Module]], state: Mapping[str, torch.Tensor]) -> None:
    """Copy every tensor of a state dict into the module that has its place.

    Args:
        parts: a module's layers, `conv` with its `norm` or alone, by the names they have in `state`.

    Raises:
        ValueError: tensors are left over: the networks aren't the same.
    """
    left = dict(state)
    for name, part in parts:
        beside, _, last = name.rpartition(".")
        holders = {"conv": name, "norm": f"{beside}.{last.replace('conv', 'norm')}"}
        for key, tensor in part.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            kind, _, rest = key.partition(".")
            tensor.copy_(left.pop(f"{holders[kind]}.{rest}" if rest else f"{name}.{key}"))
    if left:
        raise ValueError(f"nobody takes {', '.join(list(left)[:5])}")
