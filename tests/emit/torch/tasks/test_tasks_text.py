"""The generated text: its form, and that it holds what its tasks need and no more."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tasks_support import (
    BOXES,
    CLASSIFIER,
    DETECTION,
    FASTER,
    MASK,
    MASKS,
    MODELS,
    PROPOSALS,
    RETINANET,
    file_text,
)
from tasks_support import Model as Made
from torch import nn

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.torch.tasks import TAKEN_ATTRIBUTES, TAKEN_NAMES, Part, model_parts
from spinedsl.graph.tasks import Anchors, Classification, Segmentation
from spinedsl.ir.titles import TAKEN_CLASSES
from spinedsl.source import Source, Span

BESIDE = Path(sys.executable).with_name("ruff")
RUFF = str(BESIDE) if BESIDE.exists() else shutil.which("ruff")
LONG = "h" * 64
STAND_INS = {"Network", "Backbone", "Neck", "AnchorHead", "DetectionHead", "ProposalHead", "BoxHead",
             "MaskHead", "ClassHead", "PixelHead"}  # fmt: skip


def with_levels(model, *tasks):
    return Made(model.name, model.parts, tasks)


def long_names(model):
    """The same with heads of the longest names."""
    names = {task.head: f"{LONG[:-1]}{index}" for index, task in enumerate(model.tasks)}
    parts = tuple(replace(part, attribute=names.get(part.attribute, part.attribute)) for part in model.parts)
    return Made(model.name, parts, tuple(replace(task, head=names[task.head]) for task in model.tasks))


def levels(first, last):
    return {
        "endpoints": tuple(f"P{level}" for level in range(first, last + 1)),
        "strides": tuple(1 << level for level in range(first, last + 1)),
    }


OTHERS = (
    long_names(RETINANET),
    long_names(MASK),
    with_levels(FASTER, replace(PROPOSALS, **levels(2, 6)), replace(BOXES, **levels(2, 5))),
    with_levels(FASTER, replace(PROPOSALS, **levels(3, 3)), replace(BOXES, **levels(3, 3))),
    with_levels(FASTER, replace(PROPOSALS, **levels(0, 14)), replace(BOXES, **levels(1, 14))),
    with_levels(
        RETINANET, replace(DETECTION, classes=100_000, anchors=Anchors(3.3, 16, (1.0,)), **levels(0, 15))
    ),
)
TEXTS = [file_text(model) for model in (*MODELS, *OTHERS)]


@pytest.mark.parametrize("text", TEXTS)
def test_imports_and_width(text):
    tree = ast.parse(text)
    imported = {
        alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= {
        "torch", "torch.nn", "torch.nn.functional", "functools.lru_cache", "typing.NamedTuple",
        "torchvision.ops.batched_nms", "torchvision.ops.roi_align",
    }  # fmt: skip
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_unused(text):
    tree = ast.parse(text)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    *defined, model = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert {node.name for node in defined} - STAND_INS <= read
    for method in model.body:
        if isinstance(method, ast.FunctionDef) and method.name not in ("__init__", "initialise", "forward"):
            assert method.name in read


@pytest.mark.parametrize("text", TEXTS)
def test_names_are_declared_as_taken(text):
    tree = ast.parse(text)
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
    names |= {a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names}
    model = tree.body[-1]
    assert names - STAND_INS - {model.name, "nn"} <= TAKEN_NAMES
    stored = {
        node.attr
        for node in ast.walk(model)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    stored |= {node.name for node in model.body if isinstance(node, ast.FunctionDef)} | {"classes"}
    parts = {"backbone", "neck", "retinanet", "rpn", "box_head", "mask_head", "top", "pixels"}
    assert {n for n in stored if not n.startswith(("_", "hh"))} - parts <= TAKEN_ATTRIBUTES | set(
        dir(nn.Module)
    )


def test_taken_names_are_all_used():
    assert {
        name for name in (*TAKEN_NAMES, *TAKEN_ATTRIBUTES) if not any(name in text for text in TEXTS)
    } == set()


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_ruff_has_nothing_to_say(tmp_path):
    for index, text in enumerate(TEXTS):
        (tmp_path / f"model{index}.py").write_text(text, encoding="utf-8")
    style = ["--isolated", "--line-length=100", "."]
    rules = "--select=E,F,W,I,UP,B,SIM,C4,RET,PIE"
    for command in (["check", rules, *style], ["format", "--diff", *style]):
        run = subprocess.run([str(RUFF), *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_free_text_stays_text():
    doc = ['Title""" + exit() + """', "second \\ line\nand\x00more"]
    model = model_parts("M", CLASSIFIER.parts, CLASSIFIER.tasks, doc).model
    (definition,) = ast.parse(model).body
    assert ast.get_docstring(definition).startswith("Title''' + exit() + '''\n\nsecond / line and more\n")


def test_drop_path_is_offered_only_where_something_drops():
    parts = (Part("backbone", "Backbone"), CLASSIFIER.parts[1])
    assert "drop_path" not in model_parts("M", parts, CLASSIFIER.tasks, ["M."]).model
    assert "drop_path: float = 0.2" in model_parts("M", CLASSIFIER.parts, CLASSIFIER.tasks, ["M."]).model


# ---- tasks that don't go together

SPAN = Span(Source("test.spine", "model"), 0, 5)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "the model has no head"),
        ([DETECTION, DETECTION], "heads “retinanet” and “retinanet” don't make one task"),
        ([DETECTION, Segmentation("pixels", 5, 8)], "heads “retinanet” and “pixels” don't make one task"),
        ([PROPOSALS], "heads “rpn” don't make"),
        ([BOXES], "heads “box_head” don't make"),
        ([PROPOSALS, MASKS], "heads “rpn” and “mask_head” don't make"),
        ([PROPOSALS, BOXES, Classification("top", 4)], "“rpn” and “box_head” and “top” don't make"),
    ],
)
def test_tasks_that_make_no_model(tasks, message):
    with pytest.raises(DiagnosticError) as caught:
        model_parts("M", MASK.parts, tasks, ["M."], SPAN)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP044"
    assert message in diagnostic.message
    assert diagnostic.primary.span == SPAN
    assert diagnostic.help


@pytest.mark.parametrize("name", sorted(TAKEN_ATTRIBUTES))
def test_parts_that_are_called_like_something_of_the_class(name):
    parts = (CLASSIFIER.parts[0], replace(CLASSIFIER.parts[1], attribute=name))
    with pytest.raises(DiagnosticError) as caught:
        model_parts("M", parts, [Classification(name, 5)], ["M."], SPAN)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.primary.span) == ("SP025", SPAN)
    assert f"“{name}”" in diagnostic.message


def test_order_of_heads_does_not_matter():
    assert model_parts("M", MASK.parts, MASK.tasks[::-1], ["M."]) == model_parts(
        "M", MASK.parts, MASK.tasks, ["M."]
    )


def test_no_class_is_called_like_what_stands_beside_it() -> None:
    """A class's name begins with a capital letter and has no underscore."""
    possible = {name for name in TAKEN_NAMES if name[0].isupper() and "_" not in name}
    assert possible and possible <= TAKEN_CLASSES
