"""What the published implementation recorded, in torch's layouts.

See tools/oracle/make_task_fixture.py for the contents of the file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

PATH = Path(__file__).parent / "fixtures" / "published.safetensors"
SIZE = (96, 128)
Tensor = Any


@cache
def _recorded() -> dict[str, Tensor]:
    return load_file(PATH)


def recorded(subject: str) -> dict[str, Tensor]:
    """The tensors of one subject, by name; copies, which a test may change."""
    return {
        key.removeprefix(f"{subject}/"): value.clone()
        for key, value in _recorded().items()
        if key.startswith(f"{subject}/")
    }


def swapped(boxes: Tensor) -> Tensor:
    """y0, x0, y1, x1 as x0, y0, x1, y1; dy, dx, dh, dw as dx, dy, dw, dh; also of many in a row."""
    return boxes.unflatten(-1, (-1, 4))[..., [1, 0, 3, 2]].flatten(-2)


def raw_outputs(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a head puts out: `scores_P3`, `boxes_P3`, … with channels first."""
    outputs = {}
    for name, value in found.items():
        kind, _, level = name.partition("_P")
        if kind == "scores":
            outputs[name] = value.permute(0, 3, 1, 2)
        elif kind == "codes":
            outputs[f"boxes_P{level}"] = swapped(value).permute(0, 3, 1, 2)
    return outputs


def targets(found: dict[str, Tensor], label: int | None = None) -> list[dict[str, Tensor]]:
    """Of the two images; all of one label, or with those that were recorded."""
    made = []
    for index in range(2):
        boxes = swapped(found[f"boxes{index}"])
        labels = torch.full((len(boxes),), label) if label is not None else found[f"labels{index}"]
        made.append({"boxes": boxes, "labels": labels})
    return made
