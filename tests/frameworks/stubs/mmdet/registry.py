"""The registry that backbones are in."""

from mmengine.registry import Registry

MODELS = Registry("model")
