"""Generated modules, imported as a user would import them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spinedsl.emit.torch import emit
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec

torch = pytest.importorskip("torch")

NARROW = {"scale.width": "0.125", "input": "3 x 128 x 128", "endpoints": "3..7 -> 16"}
"""Overrides that make a SpineNet small enough to run in a moment."""


@dataclass(frozen=True)
class Generated:
    """A compilation with the module that was made of it."""

    compilation: Compilation
    text: str
    module: ModuleType

    @property
    def network(self) -> Any:
        """The public class."""
        return getattr(self.module, class_name(self.compilation.network))

    def example(self, batch: int = 1) -> Any:
        """Random input of the compiled size."""
        ports = self.compilation.program.main.inputs
        if self.compilation.network.input.kind == "image":
            return torch.randn(batch, *ports[0].shape)
        return {port.name: torch.randn(batch, *port.shape) for port in ports}


Generate = Callable[[Compilation], Generated]


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def generate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generate]:
    """Emit, write, import."""
    folder = tmp_path_factory.mktemp("generated")
    names: list[str] = []

    def make(compilation: Compilation) -> Generated:
        text = emit(compilation.network, compilation.program, compilation.inlined)
        name = f"generated_{len(names)}_{compilation.network.name}"
        path = folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        names.append(name)
        return Generated(compilation, text, _imported(name, path))

    yield make
    for name in names:
        sys.modules.pop(name, None)


def _imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def standard(generate: Generate) -> Callable[..., Generated]:
    """A network of the standard library, with overrides; each made once."""

    @cache
    def make(name: str, overrides: tuple[tuple[str, str], ...]) -> Generated:
        return generate(open_spec(f"std:{name}", dict(overrides)))

    return lambda name, overrides=NARROW: make(name, tuple(overrides.items()))


@pytest.fixture(scope="session")
def narrow(standard: Callable[..., Generated]) -> Generated:
    """SpineNet-49 at an eighth of its width."""
    return standard("spinenet49")
