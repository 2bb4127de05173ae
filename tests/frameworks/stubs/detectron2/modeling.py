"""Backbones and their registry."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import nn

from detectron2.layers import ShapeSpec


class Backbone(nn.Module, metaclass=ABCMeta):
    """The base of all backbones."""

    @abstractmethod
    def forward(self) -> Any:
        """A dict from names of features to tensors."""

    @property
    def size_divisibility(self) -> int:
        """What height and width of the input must be a multiple of; 0 for anything."""
        return 0

    @property
    def padding_constraints(self) -> dict[str, int]:
        """What padding must heed: `size_divisibility`, `square_size`."""
        return {}

    def output_shape(self) -> dict[str, ShapeSpec]:
        """A dict from names of features to what they are like; a subclass says it."""
        raise NotImplementedError


class _Registry:
    """Functions by their own names."""

    def __init__(self) -> None:
        self._objects: dict[str, Callable[..., Any]] = {}

    def register(self) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator."""

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            assert function.__name__ not in self._objects, f"{function.__name__} was already registered"
            self._objects[function.__name__] = function
            return function

        return add

    def get(self, name: str) -> Callable[..., Any]:
        """The function called `name`."""
        if name not in self._objects:
            raise KeyError(f"{name} was not registered")
        return self._objects[name]


BACKBONE_REGISTRY = _Registry()


def build_backbone(cfg: Any, input_shape: ShapeSpec | None = None) -> Backbone:
    """The backbone `cfg.MODEL.BACKBONE.NAME`; by default, for as many channels as the mean has."""
    if input_shape is None:
        input_shape = ShapeSpec(channels=len(cfg.MODEL.PIXEL_MEAN))
    backbone = BACKBONE_REGISTRY.get(cfg.MODEL.BACKBONE.NAME)(cfg, input_shape)
    assert isinstance(backbone, Backbone)
    return backbone
