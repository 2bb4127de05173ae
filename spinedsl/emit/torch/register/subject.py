"""What is registered, and the texts that sections have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.prose import docstring, plain, wrapped
from spinedsl.graph.program import Program
from spinedsl.ir.model import ImageInput, Network
from spinedsl.ir.titles import class_name


@dataclass(frozen=True)
class Subject:
    """What is registered.

    Attributes:
        layers: attributes of the generated class that are layers.
        drops_path: its constructor takes a rate of stochastic depth.
        taken: names that the file uses already.
    """

    network: Network
    program: Program
    extents: Extents
    layers: Collection[str]
    drops_path: bool
    taken: frozenset[str] = frozenset()

    def among(self, taken: Collection[str]) -> Subject:
        """The same, in a file that uses these names."""
        return replace(self, taken=frozenset(taken))

    @property
    def key(self) -> str:
        """What it is registered as."""
        return self.network.name

    @property
    def public(self) -> str:
        """The generated class."""
        return class_name(self.network)

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return plain(self.network.title or "") or self.network.name

    @property
    def channels(self) -> int:
        """Of the image."""
        given = self.network.input
        assert isinstance(given, ImageInput)
        return given.channels

    def named(self, ending: str) -> str:
        """A free name for a class that begins with the network's."""
        name = f"{self.public}{ending}"
        while name in self.taken:
            name += "_"
        return name


@dataclass(frozen=True)
class Fields:
    """Values of a template's fields, and the public names that the section defines."""

    values: dict[str, Any]
    exports: list[str] = field(default_factory=list)


def common(subject: Subject, model: str, bases: list[str], lines: list[str]) -> dict[str, Any]:
    """What every template wants; `lines` document the class `model`."""
    return {
        "key": subject.key,
        "model": model,
        "model_head": bracketed(0, f"class {model}(", bases, "):"),
        "model_docstring": docstring(lines, 4),
        "in_chans": subject.channels,
        "endpoints": len(subject.program.endpoints),
    }


def rate_of(subject: Subject, called: str) -> dict[str, str]:
    """The rate of stochastic depth: its default, and how it is handed on; "" if there is none."""
    if not subject.drops_path:
        return {"drop_path": "", "drop_path_rate": ""}
    return {"drop_path": repr(subject.program.drop_path), "drop_path_rate": f"drop_path={called}"}


def argument(name: str, text: str) -> list[str]:
    """A line under “Args:”."""
    return [f"    {line}" for line in wrapped(f"{name}: {text}", 8, hanging=4)]


def indices(subject: Subject) -> str:
    """Numbers of all endpoints, as a tuple."""
    numbers = [str(index) for index in range(len(subject.program.endpoints))]
    return f"({', '.join(numbers)}{',' if len(numbers) == 1 else ''})"
