"""The text of the sections: when they are there, how they read, whom they refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import timm
import torch
from click.testing import CliRunner
from support import compile_text, network_text
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator

import spinedsl
from spinedsl.api import torch_source
from spinedsl.cli import group
from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.frameworks import FRAMEWORKS
from spinedsl.emit.torch.register import SECTIONS
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec

BESIDE = Path(sys.executable).with_name("ruff")
RUFF = str(BESIDE) if BESIDE.exists() else shutil.which("ruff")
TINY = "b2: residual @3 <- s0 => P3  b3: residual @4 <- b2 => P4  endpoints 3..4 -> 8"


def tiny(name: str = "tiny", blocks: str = TINY, **parts: str) -> Compilation:
    """A small network called `name`."""
    return compile_text(network_text(blocks, **parts).replace("network tiny", f"network {name}"))


def refusals(compilation: Compilation, *frameworks: Any) -> list[Any]:
    """What is said against registering a network."""
    with pytest.raises(DiagnosticError) as caught:
        torch_source(compilation, frameworks)
    return list(caught.value.diagnostics)


def said(described: type) -> str:
    """A docstring without its line breaks."""
    return " ".join(described.__doc__.split())


# ---- what is in the file


def test_without_the_option_the_file_needs_torch_alone() -> None:
    source = torch_source(open_spec("std:spinenet49"))
    assert "nothing but torch" in source
    imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import torch", "import torch.nn.functional as F", "from torch import nn"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_section_follows_an_unchanged_network(framework: str) -> None:
    plain = torch_source(tiny())
    registered = torch_source(tiny(), (framework,))
    body = plain[plain.index("\n\n\n") :]
    assert body.rstrip("\n") in registered
    for other in set(FRAMEWORKS) - {framework}:
        assert not any(f"from {module}" in registered for module in SECTIONS[other].imports)


def test_order_and_repetition_change_nothing() -> None:
    expected = torch_source(tiny(), FRAMEWORKS)
    assert torch_source(tiny(), [*reversed(FRAMEWORKS), *FRAMEWORKS]) == expected


@pytest.mark.parametrize(
    ("frameworks", "needs"),
    [
        (("torchvision",), "nothing but torch"),
        (("timm",), "torch and timm"),
        (FRAMEWORKS, "torch, timm, mmdet and detectron2"),
    ],
)
def test_the_file_says_what_it_needs(frameworks, needs: str) -> None:
    assert f"module that needs {needs}." in torch_source(tiny(), frameworks)


def test_the_sections_say_what_they_were_tested_against() -> None:
    source = " ".join(torch_source(tiny(), FRAMEWORKS).replace("# ", "").split())
    assert "stubs of that interface, not against mmdetection." in source
    assert "stubs of that interface, not against detectron2." in source


# ---- how it reads

LONGEST = "a" * 64
WIDTHS = "b2: residual @3 <- s0 => P3  b3: bottleneck @4 <- b2 => P4"
STAGES = (
    "stem { conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2 "
    + " ".join(f"s{i}: residual @2" for i in range(20))
    + " }"
)
SHAPES = {
    "tiny": tiny(),
    "longest name": tiny(LONGEST),
    "one endpoint": tiny(blocks="b2: residual @3 <- s0 => P3"),
    "endpoints of several widths": tiny(blocks=WIDTHS),
    "drop path": tiny(declarations="drop_path 0.2"),
    "a title in the way": tiny(declarations='title "Module List"'),
    "a network called class": tiny("class"),
    "many stages": tiny(blocks=TINY, stem=STAGES),
}


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    for shape, compilation in SHAPES.items():
        for count in range(1, len(FRAMEWORKS) + 1):
            for chosen in combinations(FRAMEWORKS, count):
                if shape == "endpoints of several widths" and "torchvision" in chosen:
                    continue
                path = tmp_path / f"{shape.replace(' ', '_')}_{'_'.join(chosen)}.py"
                path.write_text(torch_source(compilation, chosen), encoding="utf-8")
    # The name of the spec stands in the first line whatever its length.
    select = ["--select", "E,F,W,I,UP,B", "--ignore", "E501", "--line-length", "100"]
    for command in (["check", "-q", *select], ["format", "-q", "--diff", "--line-length", "100"]):
        done = subprocess.run(
            [str(RUFF), *command, "--isolated", "--no-cache", "."],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


# ---- names


@pytest.mark.parametrize("name", ["class", "list", "Tiny", "torch", "register_model", "default_cfgs", "__x"])
def test_names_that_a_function_cannot_have_are_registered_all_the_same(
    name: str, generate: Callable[..., ModuleType]
) -> None:
    module = generate(tiny(name))
    assert timm.is_model(name)
    assert timm.create_model(name, features_only=True)(torch.rand(1, 3, 64, 64))[0].shape == (1, 8, 8, 8)
    assert all(hasattr(module, exported) for exported in module.__all__)


def test_block_kinds_named_like_what_a_section_imports(generate: Callable[..., ModuleType]) -> None:
    """A class of the file keeps its name; the import gets another."""
    names = ["backbone", "base_module", "classifier_head", "shape_spec", "ordered_dict"]
    kinds = "".join(
        f"block {name}(width) -> width {{ conv 3x3 / stride -> width, norm, act }}\n" for name in names
    )
    blocks = " ".join(f"b{i}: {name} @3 <- {'s0' if i == 0 else f'b{i - 1}'}" for i, name in enumerate(names))
    blocks += "  b9: residual @3 <- b4 => P3"
    module = generate(tiny("clashing", blocks, before=kinds))
    assert isinstance(module.Clashing().b0, module.Backbone)
    assert isinstance(module.ClashingForDetectron2(), module.Backbone_)
    assert isinstance(module.ClashingForMMDet(), module.BaseModule_)
    images = torch.rand(1, 3, 64, 64)
    assert type(module.ClashingForTorchvision()(images)).__name__ == "OrderedDict"
    assert timm.create_model("clashing", num_classes=3)(images).shape == (1, 3)


def test_class_names_that_are_taken(generate: Callable[..., ModuleType]) -> None:
    before = "block tiny_for_timm(width) -> width { conv 3x3 / stride -> width, norm, act }"
    module = generate(tiny(blocks="b2: tiny_for_timm @3 <- s0 => P3", before=before), ("timm",))
    assert isinstance(module.Tiny().b2, module.TinyForTimm)
    assert type(timm.create_model("tiny")) is module.TinyForTimm_


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_layers_may_not_be_called_what_a_model_of_the_framework_calls_something(
    framework: str, spinenet49: ModuleType
) -> None:
    """The table has every attribute that the framework's models have and the network has not."""
    make: dict[str, Callable[[], torch.nn.Module]] = {
        "timm": lambda: timm.create_model("spinenet49"),
        "torchvision": spinenet49.SpineNet49ForTorchvision,
        "mmdet": spinenet49.SpineNet49ForMMDet,
        "detectron2": spinenet49.SpineNet49ForDetectron2,
    }
    added = set(dir(make[framework]())) - set(dir(spinenet49.SpineNet49()))
    assert {name for name in added if not name.startswith("_")} <= set(SECTIONS[framework].attributes.split())


@pytest.mark.parametrize(
    ("framework", "name"),
    [("timm", "head"), ("mmdet", "norm_eval"), ("detectron2", "output_shape"), ("timm", "num_classes")],
)
def test_such_a_layer_is_refused_with_its_place(framework: str, name: str) -> None:
    compilation = tiny(blocks=f"{name}: residual @3 <- s0 => P3")
    torch_source(compilation)
    (found,) = refusals(compilation, framework)
    assert found.code == "SP058"
    assert f"“{name}”" in found.message
    assert found.primary is not None
    assert found.help == "choose another name"


# ---- whom it refuses


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_network_over_features_is_refused(framework: str) -> None:
    found = refusals(open_spec("std:nas_fpn"), framework)
    assert [d.code for d in found] == ["SP058"]
    assert "reads features" in found[0].message
    assert SECTIONS[framework].title in found[0].message
    assert found[0].primary is not None
    assert "image as its input" in found[0].help


def test_torchvision_wants_one_width() -> None:
    compilation = SHAPES["endpoints of several widths"]
    (found,) = refusals(compilation, "torchvision", "timm")
    assert found.code == "SP058"
    assert "P3: 8, P4: 32" in found.message
    assert "endpoints 3..7 -> 256" in found.help


def test_timm_classifies_by_the_coarsest_of_several_widths(generate: Callable[..., ModuleType]) -> None:
    module = generate(tiny("widths", WIDTHS), ("timm",))
    images = torch.rand(1, 3, 64, 64)
    model = timm.create_model("widths").eval()
    assert model.num_features == 32
    assert torch.equal(model.forward_features(images), module.Widths.forward(model, images)["P4"])
    features = timm.create_model("widths", features_only=True)
    assert features.feature_info.channels() == [8, 32]


def test_one_size_and_one_channel(generate: Callable[..., ModuleType]) -> None:
    """A network that takes one size has nothing to pad to, and says what detectors must be told."""
    text = network_text(TINY, declarations="sizes any").replace("3 x 64 x 64", "1 x 50 x 70")
    module = generate(compile_text(text.replace("network tiny", "network one_size")))
    images = torch.rand(1, 1, 50, 70)
    assert timm.create_model("one_size", num_classes=3)(images).shape == (1, 3)
    with pytest.raises(ValueError, match="images must have 1 channels, not 3"):
        timm.create_model("one_size", in_chans=3)
    assert list(module.OneSizeForTorchvision()(images)) == ["P3", "P4"]
    assert module.OneSizeForDetectron2().size_divisibility == 0
    assert "fixed_size=(70, 50) and size_divisible=1" in said(module.OneSizeForTorchvision)
    assert "50 x 70, and stay as they are: pad_size_divisor=1" in said(module.OneSizeForMMDet)
    images = [torch.rand(1, 90, 80)]
    options = {"fixed_size": (70, 50), "size_divisible": 1, "image_mean": [0.5], "image_std": [0.2]}
    sizes = AnchorGenerator(((32,), (64,)), ((1.0,),) * 2)
    model = RetinaNet(module.OneSizeForTorchvision(), 2, anchor_generator=sizes, **options).eval()
    assert model(images)[0]["boxes"].shape[1] == 4


def test_everything_is_said_at_once() -> None:
    blocks = "head: residual @3 <- s0 => P3  init_cfg: bottleneck @4 <- head => P4"
    found = refusals(tiny(blocks=blocks), *FRAMEWORKS)
    assert [d.code for d in found] == ["SP058"] * 3


@pytest.mark.parametrize(
    ("frameworks", "suggested"),
    [(("tim",), "“timm”"), ("timm", "there are timm"), (("keras",), "there are timm")],
)
def test_unknown_frameworks_from_python(frameworks, suggested: str, tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError) as caught:
        spinedsl.compile("std:spinenet49", output=tmp_path / "n.py", register=frameworks)
    (found,) = caught.value.diagnostics
    assert found.code == "SP020"
    assert suggested in found.help
    assert not (tmp_path / "n.py").exists()


# ---- the command


def run(*arguments: str) -> Any:
    """`spinec compile`."""
    return CliRunner().invoke(group, ["compile", "std:spinenet49", *arguments])


def test_the_option_may_stand_several_times() -> None:
    printed = run("-o", "-", "--register", "timm", "--register", "torchvision")
    assert printed.exit_code == 0
    assert printed.output == torch_source(open_spec("std:spinenet49"), ("timm", "torchvision"))


def test_an_unknown_framework_is_a_wrong_choice() -> None:
    result = run("-o", "-", "--register", "keras")
    assert result.exit_code == 2
    assert "'timm', 'torchvision', 'mmdet', 'detectron2'" in result.output


def test_onnx_registers_nothing(tmp_path: Path) -> None:
    result = run("-o", str(tmp_path / "n.onnx"), "--register", "timm")
    assert result.exit_code == 2
    assert "--register: only for --target torch" in result.output
    assert not (tmp_path / "n.onnx").exists()
