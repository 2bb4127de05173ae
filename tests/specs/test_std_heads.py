"""What the heads of specs/std/ do, operator by operator, against the published implementations."""

from __future__ import annotations

from support import compile_model, model_text

from spinedsl.graph.inline import InlinedNode, inline
from spinedsl.graph.tasks import Classification, Detection, Proposals, RegionBoxes, RegionMasks, Segmentation
from spinedsl.ops import (
    Activation,
    BatchNorm,
    Convolution,
    Deconvolution,
    Dense,
    Operator,
    Scale,
    Upsample,
)


def parts(body: str) -> dict[str, tuple[list[InlinedNode], object]]:
    """The operators of each head of a model, and what it is for."""
    found = {}
    for part in compile_model(model_text(body)).assembly.parts:
        if part.role == "head":
            found[part.name] = list(inline(part.program).nodes), part.task
    return found


def shown(operator: Operator) -> str:
    """An operator in the words of the language, with how it is drawn."""
    match operator:
        case Convolution() if operator.groups == operator.in_channels > 1:
            return f"depthwise {operator.kernel[0]}x{operator.kernel[1]} {drawn(operator)}"
        case Convolution():
            return (
                f"conv {operator.kernel[0]}x{operator.kernel[1]} -> {operator.out_channels} {drawn(operator)}"
            )
        case Deconvolution():
            return f"deconv / {operator.stride} -> {operator.out_channels} {drawn(operator)}"
        case Dense():
            return f"dense -> {operator.out_channels} {drawn(operator)}"
        case Upsample():
            return f"{operator.method} {operator.factor}"
        case Scale():
            return f"scale {operator.factor:g}"
        case Activation():
            return operator.function
        case BatchNorm():
            return "norm"
        case _:
            return operator.label


def drawn(operator: Operator) -> str:
    weight, *bias = operator.parameters()
    laws = [
        f"{p.initial.law} {p.initial.value:g}" if p.initial.value else p.initial.law for p in (weight, *bias)
    ]
    return f"({', '.join(laws)})"


def chain(nodes: list[InlinedNode], name: str, level: str = "") -> list[str]:
    """The operators whose names begin so, at one level."""
    return [
        shown(n.operator) for n in nodes if n.name.startswith(name) and (not level or f".{level}" in n.name)
    ]


NORMED = ["norm", "relu"]


def test_retinanet() -> None:
    """Lin et al. 2017, section 4: deviation 0.01, and a first answer of 0.01."""
    nodes, task = parts("head retinanet(classes = 3, width = 5, depth = 2)")["retinanet"]
    hidden = ["conv 3x3 -> 5 (normal 0.01, zeros)", *NORMED]
    assert chain(nodes, "scores.P3") == [*hidden, *hidden, "conv 3x3 -> 27 (normal 1e-05, logit 0.01)"]
    assert chain(nodes, "boxes.P4") == [*hidden, *hidden, "conv 3x3 -> 36 (normal 1e-05, zeros)"]
    assert isinstance(task, Detection)
    assert (task.classes, task.anchors.count, task.anchors.size) == (3, 9, 4.0)


def test_separable_retinanet() -> None:
    nodes, _ = parts("head retinanet(classes = 3, width = 5, depth = 1, separable = true)")["retinanet"]
    assert chain(nodes, "scores.P3") == [
        "depthwise 3x3 (normal 0.01)", "conv 1x1 -> 5 (normal 0.01, zeros)", *NORMED,
        "depthwise 3x3 (normal 1e-05)", "conv 1x1 -> 27 (normal 1e-05, logit 0.01)",
    ]  # fmt: skip


def test_retinanet_without_hidden_layers() -> None:
    nodes, _ = parts("head retinanet(classes = 1, depth = 0, octaves = 1, aspects = 1)")["retinanet"]
    assert chain(nodes, "", "P3") == [
        "conv 3x3 -> 1 (normal 1e-05, logit 0.01)", "conv 3x3 -> 4 (normal 1e-05, zeros)",
    ]  # fmt: skip


def test_classifier() -> None:
    """tensorflow/tpu, heads.py: from the coarsest level down, averaged over the levels, pooled."""
    nodes, task = parts("head classifier(classes = 5)")["classifier"]
    assert chain(nodes, "") == ["nearest 2", "add", "scale 0.5", "pool", "dense -> 5 (normal 0.01, zeros)"]
    assert task == Classification("classifier", 5)


def test_mask_rcnn() -> None:
    """tf-models-official, official/vision/modeling/heads/: all three, with a norm behind every hidden layer."""
    found = parts("""
        head rpn(width = 5, depth = 2)
        head fast_rcnn(classes = 3, width = 5, depth = 1, features = 7)
        head mask_fcn(classes = 3, width = 5, depth = 1)""")
    nodes, task = found["rpn"]
    hidden = ["conv 3x3 -> 5 (normal 0.01, zeros)", *NORMED]
    assert chain(nodes, "", "P3") == [
        *hidden, *hidden, "conv 1x1 -> 3 (normal 1e-05, zeros)", "conv 1x1 -> 12 (normal 1e-05, zeros)",
    ]  # fmt: skip
    assert isinstance(task, Proposals)
    assert (task.anchors.size, task.anchors.octaves, len(task.anchors.aspects)) == (8.0, 1, 3)
    nodes, task = found["fast_rcnn"]
    assert chain(nodes, "") == [
        "conv 3x3 -> 5 (truncated_normal, zeros)", *NORMED, "dense -> 7 (truncated_normal, zeros)", *NORMED,
        "dense -> 3 (normal 0.01, zeros)", "dense -> 12 (normal 0.001, zeros)",
    ]  # fmt: skip
    assert isinstance(task, RegionBoxes)
    assert (task.pool, task.classes) == (7, 3)
    nodes, task = found["mask_fcn"]
    assert chain(nodes, "") == [
        "conv 3x3 -> 5 (truncated_normal, zeros)", *NORMED, "deconv / 2 -> 5 (truncated_normal, zeros)",
        *NORMED, "conv 1x1 -> 3 (truncated_normal, zeros)",
    ]  # fmt: skip
    assert isinstance(task, RegionMasks)
    assert (task.pool, nodes[-1].shape.height) == (14, 28)


def test_semantic() -> None:
    nodes, task = parts("head semantic(classes = 3, width = 5, depth = 2)")["semantic"]
    hidden = ["conv 3x3 -> 5 (normal 0.01)", *NORMED]
    assert chain(nodes, "") == ["nearest 2", "add", *hidden, *hidden, "conv 1x1 -> 3 (normal 0.01, zeros)"]
    assert task == Segmentation("semantic", 3, 8)


def test_norms_of_first_stages_are_every_levels_own_and_those_behind_regions_are_not() -> None:
    names = compile_model(
        model_text("""
        head rpn(width = 8)
        head fast_rcnn(classes = 3, width = 8, depth = 1, features = 8)
        head mask_fcn(classes = 3, width = 8, depth = 1)""")
    ).parameters
    scales = [n for n in names if "norm" in n and n.endswith("weight") and not n.startswith("backbone")]
    assert scales == [
        "rpn.region_subnet.norm1.P3.weight", "rpn.region_subnet.norm1.P4.weight",
        "fast_rcnn.norm1.weight", "fast_rcnn.norm2.weight", "mask_fcn.norm1.weight", "mask_fcn.norm2.weight",
    ]  # fmt: skip
