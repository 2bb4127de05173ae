"""The base of all modules."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import torch
from torch import nn


class BaseModule(nn.Module, metaclass=ABCMeta):
    """A module whose weights are initialised by a config."""

    def __init__(self, init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None) -> None:
        super().__init__()
        self._is_init = False
        self.init_cfg = init_cfg

    @property
    def is_init(self) -> bool:
        """Whether `init_weights` has run."""
        return self._is_init

    def init_weights(self) -> None:
        """What `init_cfg` says; of the initialisers, the stub knows `Pretrained` only."""
        configs = [self.init_cfg] if isinstance(self.init_cfg, dict) else self.init_cfg or []
        for config in configs:
            assert config["type"] == "Pretrained", "the stub knows no other initialiser"
            state = torch.load(config["checkpoint"], map_location="cpu", weights_only=True)
            self.load_state_dict(state, strict=False)
        self._is_init = True
