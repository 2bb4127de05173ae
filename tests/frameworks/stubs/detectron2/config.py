"""The config of a model, as far as backbones read it."""

from __future__ import annotations

from types import SimpleNamespace


def get_cfg() -> SimpleNamespace:
    """The documented defaults."""
    backbone = SimpleNamespace(NAME="build_resnet_backbone", FREEZE_AT=2)
    return SimpleNamespace(MODEL=SimpleNamespace(BACKBONE=backbone, PIXEL_MEAN=[103.53, 116.28, 123.675]))
