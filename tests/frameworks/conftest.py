"""A narrow SpineNet-49 compiled for every framework, imported as a user would import it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType

import pytest

from spinedsl.api import torch_source
from spinedsl.emit.frameworks import FRAMEWORKS, Framework
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("torchvision")

STUBS = Path(__file__).with_name("stubs")
NARROW = {"scale.width": "0.25", "input": "3 x 128 x 128", "endpoints": "3..7 -> 32"}

# A stub stands in only where the package can't be imported.
for package in ("mmengine", "mmdet", "detectron2"):
    if importlib.util.find_spec(package) is None:
        sys.path.append(str(STUBS))
        break

Generate = Callable[..., ModuleType]


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def generate(tmp_path_factory: pytest.TempPathFactory) -> Generate:
    """`generate(compilation, frameworks)`: the generated file, written and imported."""
    folder = tmp_path_factory.mktemp("generated")

    def make(compilation: Compilation, frameworks: Collection[Framework] = FRAMEWORKS) -> ModuleType:
        path = folder / f"generated_{compilation.network.name}.py"
        path.write_text(torch_source(compilation, frameworks), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        # timm looks a model's module up here.
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module

    return make


@pytest.fixture(scope="session")
def spinenet49(generate: Generate) -> ModuleType:
    """The file of the narrow SpineNet-49, with a section for each framework."""
    return generate(open_spec("std:spinenet49", NARROW))


@pytest.fixture
def images() -> torch.Tensor:
    """Two images of random numbers."""
    return torch.rand(2, 3, 128, 128)


@pytest.fixture(scope="session")
def weights(
    spinenet49: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, torch.Tensor]]:
    """Weights of the bare network, statistics of the norms too, in a file and as a dict."""
    network = spinenet49.SpineNet49().train()
    with torch.no_grad():
        network(torch.rand(4, 3, 128, 128))
    path = tmp_path_factory.mktemp("weights") / "spinenet49.pth"
    torch.save(network.state_dict(), path)
    return path, network.state_dict()
