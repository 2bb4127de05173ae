"""The snippets of docs/frameworks.md run; what a comment says of an expression holds."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from mmdet.registry import MODELS

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
NOT_RUN = re.compile(r"<!-- not run: .+ -->\n$")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))


@pytest.fixture(autouse=True)
def _importable(spinenet49: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`import spinenet49` finds the narrow one, whose endpoints have 32 channels instead of 256."""
    monkeypatch.setitem(sys.modules, "spinenet49", spinenet49)
    monkeypatch.chdir(tmp_path)


def blocks(section: str, language: str = "python") -> list[str]:
    """The blocks of a section that are run."""
    parts = re.split(rf"```{language}\n(.+?)```", SECTIONS[section], flags=re.S)
    return [code for before, code in zip(parts[::2], parts[1::2], strict=False) if not NOT_RUN.search(before)]


def run(section: str) -> dict[str, Any]:
    """All blocks of a section, one after the other; every `expression  # value` is compared."""
    names: dict[str, Any] = {}
    for code in blocks(section):
        lines = code.splitlines()
        for statement in ast.parse(code).body:
            text = ast.unparse(statement)
            if not isinstance(statement, ast.Expr):
                exec(text, names)
                continue
            value = eval(text, names)
            _, _, said = lines[statement.end_lineno - 1].partition("  # ")
            if said:
                compare(value, said.replace("256", "32"))
    return names


def compare(value: object, said: str) -> None:
    """A value with what a comment says of it, where … stands for anything."""
    shown = repr(tuple(value) if isinstance(value, torch.Size) else value)
    assert re.fullmatch(".+".join(re.escape(part) for part in said.split("…")), shown), (shown, said)


def test_torchvision() -> None:
    names = run("torchvision")
    assert names["levels"] == ["P3", "P4", "P5", "P6", "P7"]
    assert type(names["model"]).__name__ == "MaskRCNN"
    assert names["model"].transform.size_divisible == 128


def test_timm() -> None:
    names = run("timm")
    assert names["p3"].shape == (2, 32, 32, 32)
    assert names["p5"].shape == (2, 32, 8, 8)


def test_mmdetection_against_stub(weights) -> None:
    names = run("mmdetection")
    assert names["custom_imports"]["imports"] == ["spinenet49"]
    config = dict(names["model"]["backbone"])
    assert config.pop("_delete_")
    backbone = MODELS.build(config)
    backbone.init_cfg["checkpoint"] = str(weights[0])
    backbone.init_weights()
    assert all(torch.equal(value, weights[1][name]) for name, value in backbone.state_dict().items())


def test_detectron2_against_stub() -> None:
    backbone = run("detectron2")["backbone"]
    (code,) = blocks("detectron2", "yaml")
    model = yaml.safe_load(code)["MODEL"]
    assert model.pop("BACKBONE") == {"NAME": "build_spinenet49_backbone", "FREEZE_AT": 0}
    for part in model.values():
        assert part["IN_FEATURES"] == list(backbone.output_shape())


def test_only_lightning_is_not_run() -> None:
    for section, text in SECTIONS.items():
        assert text.count("```python") == len(blocks(section)) + (section == "Lightning")
