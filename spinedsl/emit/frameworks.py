"""The frameworks that a generated module can be registered with."""

from __future__ import annotations

from typing import Literal, get_args

Framework = Literal["timm", "torchvision", "mmdet", "detectron2"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
"""In the order in which a file holds their sections."""
