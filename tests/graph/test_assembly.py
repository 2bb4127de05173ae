"""Joined parts: one Program for what runs on the image, names by part, heads on regions apart."""

from __future__ import annotations

import pytest
from support import compile_model, model_text

from spinedsl.diagnostics import DiagnosticError
from spinedsl.graph.inline import inline
from spinedsl.graph.program import Call
from spinedsl.ops import Shape
from spinedsl.pipeline import ModelCompilation
from spinedsl.specification import open_spec

NECKS = """
network first {
  input of 64 x 64 {
    c3 @3 -> 99
    c4 @4 -> 99
  }
  width { 3..5: 6 }
  n3: residual @3 <- c3, c4 => P3
  n4: residual @4 <- c4, n3 => P4
  n5: residual @5 <- n4 => P5
}
network second {
  input of 64 x 64 { p5 @5 -> 99 }
  width { 5: 4 }
  endpoints -> 5
  m5: residual @5 <- p5 => P5
}
"""
SMALL = "head retinanet(classes = 3, width = 8, depth = 1)"
REGIONS = """
  head rpn(width = 8)
  head fast_rcnn(classes = 3, width = 8, depth = 1, features = 8)
  head mask_fcn(classes = 3, width = 8, depth = 1)
"""


def model(body: str, **parts: str) -> ModelCompilation:
    return compile_model(model_text(body, **parts))


def parts_of(names: list[str]) -> list[str]:
    """First parts of dotted names, each once, in order."""
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def test_parameters_are_named_after_their_parts() -> None:
    compilation = model(f"neck first neck second {SMALL}", before=NECKS)
    names = list(compilation.parameters)
    assert parts_of(names) == ["backbone", "neck", "neck2", "retinanet"]
    assert {"backbone.s0.conv1.weight", "neck.n5.conv1.weight", "neck2.P5.conv1.weight"} <= set(names)
    assert "retinanet.scores.norm1.P5.weight" in names


def test_parts_keep_what_they_have_alone() -> None:
    """A model's parameters are those of its parts, no more and no less."""
    compilation = model(f"neck first {SMALL}", before=NECKS)
    expected = {}
    for part in compilation.assembly.parts:
        alone = inline(part.program).parameters()
        expected |= {f"{part.name}.{name}": parameter for name, parameter in alone.items()}
    assert compilation.parameters == expected


def test_functions_of_one_name_stay_apart() -> None:
    """Backbone and neck both have a `residual.1`, of other shapes."""
    compilation = model(f"neck first {SMALL}", before=NECKS)
    functions = compilation.program.functions
    assert functions["backbone/residual.1"] != functions["neck/residual.1"]
    for function in (compilation.program.main, *functions.values()):
        for node in function.nodes:
            if isinstance(node.target, Call):
                assert node.target.function in functions
    assert all(name == function.name for name, function in functions.items())


@pytest.mark.parametrize("body", [SMALL, f"neck first neck second {SMALL}", "head classifier", REGIONS])
def test_every_value_is_made_once_before_it_is_read(body: str) -> None:
    compilation = model(body, before=NECKS)
    inlined = compilation.inlined
    known = {"image"}
    for node in inlined.nodes:
        assert known.issuperset(node.inputs)
        assert node.name not in known
        known.add(node.name)
    assert known.issuperset(inlined.outputs.values())
    assert known.issuperset(inlined.values[value] for value in compilation.assembly.features.values())


def test_each_part_reads_the_one_before_by_level() -> None:
    parts = model(f"neck first neck second {SMALL}", before=NECKS).assembly.parts
    assert [(p.name, p.role, p.reads, p.sources) for p in parts] == [
        ("backbone", "backbone", "", ()),
        ("neck", "neck", "backbone", (("c3", "P3"), ("c4", "P4"))),
        ("neck2", "neck", "neck", (("p5", "P5"),)),
        ("retinanet", "head", "neck2", (("P5", "P5"),)),
    ]


def test_a_neck_takes_the_channels_and_the_size_it_is_given() -> None:
    compilation = model(f"input 3 x 128 x 192 neck first {SMALL}", before=NECKS)
    neck = compilation.assembly.parts[1].program
    assert [port.shape for port in neck.main.inputs] == [Shape(8, 16, 24), Shape(8, 8, 12)]
    # The neck goes one level deeper than the backbone: so does what the image must divide by.
    assert (compilation.parts[0].program.stride, compilation.program.stride) == (16, 32)


def test_the_image_must_divide_for_every_part() -> None:
    with pytest.raises(DiagnosticError, match="SP038"):
        _ = model(f"input 3 x 48 x 48 neck first {SMALL}", before=NECKS).assembly
    assert model(f"input 3 x 48 x 48 {SMALL}").assembly.program.stride == 16
    assert model(f"input 3 x 48 x 48 sizes any neck first {SMALL}", before=NECKS).assembly.parts


def test_endpoints_are_what_the_heads_put_out() -> None:
    single = model(SMALL).program
    assert [e.name for e in single.endpoints] == ["scores_P3", "scores_P4", "boxes_P3", "boxes_P4"]
    double = model(f"head classifier(classes = 5) {SMALL}").program
    assert [e.name for e in double.endpoints][:2] == ["classifier_logits", "retinanet_scores_P3"]
    assert [e.name for e in double.endpoints] == [name for name, _ in double.main.outputs]


def test_features_are_what_the_heads_read() -> None:
    assembly = model(f"neck first {SMALL}", before=NECKS).assembly
    assert assembly.features == {"P3": "neck.n3", "P4": "neck.n4", "P5": "neck.n5"}
    # Three more blocks read them, so that they are looked up in `main` by these names.
    made = {node.output for node in assembly.program.main.nodes}
    assert made.issuperset(assembly.features.values())


def test_heads_on_regions_are_programs_of_their_own() -> None:
    compilation = model(REGIONS)
    assembly = compilation.assembly
    programs = {part.name: program for part, program in assembly.region_programs()}
    assert list(programs) == ["fast_rcnn", "mask_fcn"]
    assert [port.shape for port in programs["mask_fcn"].main.inputs] == [Shape(8, 14, 14)]
    assert [e.name for e in programs["fast_rcnn"].endpoints] == ["scores", "boxes"]
    assert not any(node.name.startswith(("fast", "mask")) for node in compilation.program.main.nodes)
    assert [e.name for e in compilation.program.endpoints] == [
        "scores_P3", "scores_P4", "boxes_P3", "boxes_P4",
    ]  # fmt: skip
    # Their parameters are the model's.
    names = list(compilation.parameters)
    assert parts_of(names) == ["backbone", "rpn", "fast_rcnn", "mask_fcn"]
    (boxes, _), *_ = [(inlined, part) for part, inlined in compilation.regions]
    assert set(boxes.parameters()) <= set(names)


def test_owners_are_blocks_by_part_and_heads() -> None:
    owners = parts_of([n.owner for n in model(f"neck first {SMALL}", before=NECKS).inlined.nodes])
    assert owners == ["backbone", "neck", "retinanet"]
    assert {n.owner for n in model(SMALL).inlined.nodes if n.owner.startswith("backbone.")} == {
        "backbone.stem", "backbone.s0", "backbone.a", "backbone.b",
    }  # fmt: skip


def test_a_head_may_not_be_called_like_another_part() -> None:
    before = (
        NECKS + "head neck2 -> classification(2) { from finest { level } global_pool, dense -> 2 => logits }"
    )
    assert model("neck first head neck2", before=before).assembly.parts
    with pytest.raises(DiagnosticError, match="SP024 “neck2” is what another part of the model is called"):
        _ = model("neck first neck second head neck2", before=before).assembly


def test_drop_path_is_the_backbones() -> None:
    compilation = model(f"drop_path 0.25 neck first {SMALL}", before=NECKS)
    rates = [part.program.drop_path for part in compilation.assembly.parts]
    assert (compilation.program.drop_path, rates) == (0.25, [0.25, 0.0, 0.0])


def test_the_same_model_at_another_size() -> None:
    compilation = model(f"neck first {SMALL}", before=NECKS)
    larger = compilation.resized(128, 256)
    assert larger.program.endpoints[0].shape == Shape(27, 16, 32)
    assert list(larger.parameters) == list(compilation.parameters)
    assert [p.shape for p in larger.parameters.values()] == [p.shape for p in compilation.parameters.values()]


def test_retinanet_of_the_paper_part_by_part() -> None:
    """Backbone and head, each counted alone, are what the published total is made of."""
    compilation = open_spec("std:spinenet49_retinanet")
    trained: dict[str, int] = {}
    for name, parameter in compilation.parameters.items():
        part = name.partition(".")[0]
        trained[part] = trained.get(part, 0) + parameter.elements * parameter.trainable
    assert trained == {"backbone": 21_831_488, "retinanet": 28_543_383 - 21_831_488}
