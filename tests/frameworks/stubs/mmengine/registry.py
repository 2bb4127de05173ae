"""A registry of classes that builds objects from configs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Registry:
    """Classes by name; `build` makes an object of a dict whose `type` is such a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module_dict: dict[str, type] = {}

    def get(self, key: str) -> type | None:
        """The class called `key`."""
        return self.module_dict.get(key)

    def register_module(
        self,
        name: str | list[str] | None = None,
        force: bool = False,
        module: type | None = None,
    ) -> Callable[[type], type] | type:
        """Register `module`, or the class that is decorated; under its own name by default."""

        def register(cls: type) -> type:
            names = [name] if isinstance(name, str) else name or [cls.__name__]
            for key in names:
                if key in self.module_dict and not force:
                    raise KeyError(f"{key} is already registered in {self.name}")
                self.module_dict[key] = cls
            return cls

        return register if module is None else register(module)

    def build(self, cfg: dict[str, Any]) -> Any:
        """What `cfg` describes: its `type`, called with the rest."""
        arguments = dict(cfg)
        key = arguments.pop("type")
        if key not in self.module_dict:
            raise KeyError(f"{key} is not in the {self.name} registry")
        return self.module_dict[key](**arguments)
