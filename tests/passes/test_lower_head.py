"""Lowering of heads: the numbered rules of the pass, sharing among levels, tasks, what is refused."""

from __future__ import annotations

import pytest
from support import compile_model, model_text, problems

from spinedsl.graph.assembly import Part
from spinedsl.graph.program import Call, Node
from spinedsl.graph.tasks import (
    Anchors,
    Classification,
    Detection,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
)
from spinedsl.ops import Shape

PREDICT = "conv 1x1 -> 18 => scores  conv 1x1 -> 36 => boxes"
"""What a detector of two classes puts out at a level."""
DETECTION = "detection(2)"
SUMMED = "from coarsest { upsample(nearest, level), add(level) }"
CLASSIFY = "global_pool, dense -> 2 => logits"
WIDE = "a: residual @3 <- s0 => P3  b: residual @4 width 12 <- a => P4"
"""Levels of two widths."""


def text_of(task: str, body: str, before: str = "", **parts: str) -> str:
    """A model with one head, `h`."""
    return model_text("head h", before=f"{before} head h -> {task} {{ {body} }}", **parts)


def head(task: str, body: str, before: str = "", **parts: str) -> Part:
    """That head, lowered, over P3 (8 x 8 x 8) and P4 (8 x 4 x 4)."""
    return compile_model(text_of(task, body, before, **parts)).assembly.parts[-1]


def parameters(task: str, body: str, before: str = "") -> list[str]:
    """Names of its parameters, without the head's own and without norm statistics."""
    names = compile_model(text_of(task, body, before)).parameters
    return [n.removeprefix("h.") for n in names if n.startswith("h.") and "running" not in n]


def message(task: str, body: str, before: str = "", **parts: str) -> str:
    """The one thing that is wrong with it."""
    (found,) = problems(text_of(task, body, before, **parts))
    assert found.help
    return f"{found.code}: {found.message}"


def shown(part: Part) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Name, level, value and inputs of every node."""
    return [(n.name, n.instance, n.output, n.inputs) for n in part.program.main.nodes]


# ---- rule 1: every level


def test_lower_head_1_levels_have_values_of_their_own_and_share_names() -> None:
    part = head(DETECTION, f"each level {{ conv 3x3, act  {PREDICT} }}")
    assert shown(part) == [
        ("conv1", "P3", "conv1.P3", ("P3",)),
        ("act1", "P3", "act1.P3", ("conv1.P3",)),
        ("scores", "P3", "scores.P3", ("act1.P3",)),
        ("boxes", "P3", "boxes.P3", ("act1.P3",)),
        ("conv1", "P4", "conv1.P4", ("P4",)),
        ("act1", "P4", "act1.P4", ("conv1.P4",)),
        ("scores", "P4", "scores.P4", ("act1.P4",)),
        ("boxes", "P4", "boxes.P4", ("act1.P4",)),
    ]
    assert [name for name, _ in part.program.main.outputs] == [
        "scores_P3", "scores_P4", "boxes_P3", "boxes_P4",
    ]  # fmt: skip


def test_lower_head_1_shared_parameters_are_counted_once() -> None:
    assert parameters(DETECTION, f"each level {{ conv 3x3  norm  {PREDICT} }}") == [
        "conv1.weight", "norm1.weight", "norm1.bias", "scores.weight", "boxes.weight",
    ]  # fmt: skip


def test_lower_head_1_per_level_parameters_are_named_after_their_level() -> None:
    assert parameters(DETECTION, f"each level {{ norm(per_level = true)  {PREDICT} }}") == [
        "norm1.P3.weight", "norm1.P3.bias", "scores.weight", "boxes.weight", "norm1.P4.weight", "norm1.P4.bias",
    ]  # fmt: skip


def test_lower_head_1_levels_reach_into_parts() -> None:
    before = "part inner { norm(per_level = true), act } part outer { conv 3x3, inner }"
    assert parameters(DETECTION, f"each level {{ outer  {PREDICT} }}", before) == [
        "outer.conv1.weight",
        "outer.inner.norm1.P3.weight", "outer.inner.norm1.P3.bias",
        "scores.weight", "boxes.weight",
        "outer.inner.norm1.P4.weight", "outer.inner.norm1.P4.bias",
    ]  # fmt: skip


def test_lower_head_1_one_function_serves_levels_of_one_size_only() -> None:
    part = head(DETECTION, f"each level {{ p  {PREDICT} }}", "part p { conv 3x3, act }")
    called = {n.output: n.target.function for n in part.program.main.nodes if isinstance(n.target, Call)}
    assert called == {"p.P3": "h/p.1", "p.P4": "h/p.2"}


def test_lower_head_1_what_is_named_in_a_level_stays_there() -> None:
    part = head(DETECTION, f"each level {{ side = conv 1x1 -> 3  side, norm  {PREDICT} }}")
    assert ("norm1", "P4", "norm1.P4", ("conv1.P4",)) in shown(part)
    text = text_of(DETECTION, f"each level {{ side = conv 1x1 -> 3  {PREDICT} }}  side, act")
    assert [d.message for d in problems(text)] == ["“side” has nothing to work on"]


def test_lower_head_1_a_level_knows_its_number_channels_and_place() -> None:
    part = head(
        DETECTION,
        f"each level {{ when level.number == 4 {{ p }}  conv 1x1 -> level.channels + input.channels  {PREDICT} }}",
        "part p { conv 1x1 }",
    )
    assert [n.instance for n in part.program.main.nodes if n.name == "p"] == ["P4"]
    assert {n.shape.channels for n in part.program.main.nodes if n.name == "conv1"} == {16}


def test_lower_head_1_names_behind_levels_are_those_no_level_has() -> None:
    """Level 3 has a convolution that level 4 lacks; what follows must not be taken for it."""
    body = f"each level {{ when level.number == 3 {{ side = conv 3x3 }} }} {SUMMED} conv 3x3, {CLASSIFY}"
    names = [n for n in parameters("classification(2)", body) if n.startswith("conv")]
    assert names == ["conv1.weight", "conv2.weight"]
    called = f"each level {{ when level.number == 3 {{ side = p }} }} {SUMMED} p, {CLASSIFY}"
    names = parameters("classification(2)", called, "part p { conv 3x3 }")
    assert names[:2] == ["p.conv1.weight", "p2.conv1.weight"]
    twice = f"each level {{ when level.number == 3 {{ conv 3x3 }} }}  each level {{ conv 3x3  {PREDICT} }}"
    assert parameters(DETECTION, twice)[:2] == ["conv1.weight", "conv2.weight"]


def test_lower_head_1_two_walks_do_not_share() -> None:
    names = parameters(
        DETECTION,
        "each level { conv 3x3, conv 1x1 -> 18 => scores } each level { conv 3x3, conv 1x1 -> 36 => boxes }",
    )
    assert names == ["conv1.weight", "scores.weight", "conv2.weight", "boxes.weight"]


# ---- rule 2: from one end to the other


@pytest.mark.parametrize(("start", "reads"), [("coarsest", ("P4", "P3")), ("finest", ("P3", "P4"))])
def test_lower_head_2_a_walk_starts_with_the_level_at_its_end(start: str, reads: tuple[str, str]) -> None:
    step = "upsample(nearest, level)" if start == "coarsest" else "maxpool 2x2 / 2"
    part = head("classification(2)", f"from {start} {{ {step}, add(level) }} {CLASSIFY}")
    walked = [n for n in part.program.main.nodes if n.name in ("upsample1", "pool1", "add1")]
    assert walked[0].inputs == (reads[0],)
    assert walked[1].inputs == (walked[0].output, reads[1])


def test_lower_head_2_steps_of_a_walk_are_layers_of_their_own() -> None:
    blocks = "a: residual @3 <- s0 => P3  b: residual @4 <- a => P4  c: residual @5 <- b => P5"
    text = text_of("classification(2)", f"from finest {{ conv 3x3 / 2 }} {CLASSIFY}", blocks=blocks)
    names = [n for n in compile_model(text).parameters if n.startswith("h.")]
    assert names == ["h.conv1.weight", "h.conv2.weight", "h.logits.weight", "h.logits.bias"]


def test_lower_head_2_one_level_is_not_walked() -> None:
    part = head("classification(2)", f"{SUMMED} {CLASSIFY}", blocks="a: residual @3 <- s0 => P3")
    assert [n.name for n in part.program.main.nodes] == ["pool1", "logits"]


def test_lower_head_2_all_levels_are_a_list() -> None:
    part = head("classification(2)", f"concat(features), {CLASSIFY}", blocks="a: residual @3 <- s0 => P3")
    assert [n.name for n in part.program.main.nodes] == ["pool1", "logits"]
    (found,) = problems(text_of("classification(2)", f"concat(features), {CLASSIFY}"))
    assert (found.code, found.message) == ("SP041", "a concatenation needs features of one height and width")


# ---- rule 3: outputs


def test_lower_head_3_outputs_name_what_makes_them() -> None:
    before = "part tower { conv 3x3, conv 1x1 -> 18 }"
    assert parameters(DETECTION, "each level { tower => scores  act, conv 1x1 -> 36 => boxes }", before) == [
        "scores.conv1.weight", "scores.conv2.weight", "boxes.weight",
    ]  # fmt: skip


def test_lower_head_3_an_output_leaves_the_running_value() -> None:
    part = head(DETECTION, f"each level {{ {PREDICT} }}")
    inputs = {n.output: n.inputs for n in part.program.main.nodes}
    assert inputs["boxes.P3"] == inputs["scores.P3"] == ("P3",)


def test_lower_head_3_a_value_may_be_put_out_as_it_is() -> None:
    part = head(DETECTION, "each level { all = conv 1x1 -> 36  all => boxes  conv 1x1 -> 18 => scores }")
    assert dict(part.program.main.outputs)["boxes_P3"] == "conv1.P3"


# ---- tasks


def test_tasks_say_what_they_are_told() -> None:
    levels = {"endpoints": ("P3", "P4"), "strides": (8, 16)}
    predict = "conv 1x1 -> 2 * anchors => scores  conv 1x1 -> 4 * anchors => boxes"
    detector = head("detection(2, size = 3, octaves = 2, aspects = 1)", f"each level {{ {predict} }}")
    assert detector.task == Detection("h", **levels, classes=2, anchors=Anchors(3.0, 2, (1.0,)))
    assert head("proposals", "each level { conv 1x1 -> anchors => scores  conv 1x1 -> 4 * anchors => boxes }"
                ).task == Proposals("h", **levels, anchors=Anchors(8.0, 1))  # fmt: skip
    assert head("region_boxes(3, pool = 5)", "dense -> 3 => scores  dense -> 12 => boxes"
                ).task == RegionBoxes("h", **levels, classes=3, pool=5)  # fmt: skip
    assert head("region_masks(3)", "conv 1x1 -> 3 => masks").task == RegionMasks("h", **levels, classes=3)
    assert head("classification(2)", f"{SUMMED} {CLASSIFY}").task == Classification("h", 2)


@pytest.mark.parametrize(
    ("step", "stride"), [("act", 8), ("upsample(bilinear, 8)", 1), ("maxpool 2x2 / 2", 16)]
)
def test_a_segmentation_has_the_stride_of_its_logits(step: str, stride: int) -> None:
    part = head("segmentation(2)", f"{SUMMED} {step}, conv 1x1 -> 2 => logits")
    assert part.task == Segmentation("h", 2, stride)
    (endpoint,) = part.program.endpoints
    assert endpoint.stride == stride


@pytest.mark.parametrize(("size", "stride"), [("64 x 64", 8), ("5 x 5", 8), ("1 x 1", 8), ("3 x 200", 8)])
def test_the_stride_of_a_level_that_was_rounded_up_is_the_levels(size: str, stride: int) -> None:
    """Of 5 x 5 pixels, one is left at level 3, as at level 4."""
    text = text_of("segmentation(2)", f"{SUMMED} conv 1x1 -> 2 => logits", declarations="sizes any")
    task = compile_model(text.replace("64 x 64", size)).assembly.tasks[0]
    assert task == Segmentation("h", 2, stride)


def test_sizes_may_be_fractions() -> None:
    task = head("detection(2, size = 5 / 2)", f"each level {{ {PREDICT} }}").task
    assert isinstance(task, Detection)
    assert task.anchors.size == 2.5


def test_rows_are_flat_and_levels_have_theirs() -> None:
    flat = head("classification(2)", f"{SUMMED} {CLASSIFY}").program.endpoints
    assert [(e.name, e.level, e.flat) for e in flat] == [("logits", None, True)]
    levelled = head(DETECTION, f"each level {{ {PREDICT} }}").program.endpoints
    assert [(e.name, e.level, e.flat) for e in levelled] == [
        ("scores_P3", 3, False), ("scores_P4", 4, False), ("boxes_P3", 3, False), ("boxes_P4", 4, False),
    ]  # fmt: skip


def test_a_head_on_regions_reads_one_region() -> None:
    part = head(
        "region_boxes(3, pool = 5)",
        "conv 3x3 -> input.channels + 1  dense -> 3 => scores  dense -> 12 => boxes",
    )
    assert part.regions
    (port,) = part.program.main.inputs
    assert port.shape == Shape(8, 5, 5)
    assert [e.shape for e in part.program.endpoints] == [Shape(3, 1, 1), Shape(12, 1, 1)]


# ---- arguments and settings


def test_arguments_come_before_the_models_defaults_before_their_own() -> None:
    def width(call: str, declarations: str = "") -> int:
        before = f"head h(wide = 3) -> classification(2) {{ {SUMMED} conv 1x1 -> wide, {CLASSIFY} }}"
        compilation = compile_model(model_text(f"head {call} {declarations}", before=before))
        return compilation.parameters["h.conv1.weight"].shape[0]

    assert width("h") == 3
    assert width("h", "default h(wide = 5)") == 5
    assert width("h(wide = 7)", "default h(wide = 5)") == 7


def test_defaults_of_parts_hold_in_heads() -> None:
    before = (
        f"part p(wide = 3) {{ conv 1x1 -> wide }} head h -> classification(2) {{ {SUMMED} p, {CLASSIFY} }}"
    )
    text = model_text("head h default p(wide = 5)", before=before)
    assert compile_model(text).parameters["h.p.conv1.weight"].shape[0] == 5


def test_operators_follow_the_models_settings() -> None:
    before = f"head h -> classification(2) {{ {SUMMED} norm, act, {CLASSIFY} }}"
    text = model_text("head h act swish norm batch(eps = 0.5)", before=before)
    nodes: list[Node] = list(compile_model(text).assembly.parts[-1].program.main.nodes)
    found = {n.name: n.target for n in nodes}
    assert found["norm1"].eps == 0.5  # type: ignore[union-attr]
    assert found["act1"].function == "swish"  # type: ignore[union-attr]


def test_heads_know_how_many_levels_there_are() -> None:
    part = head("classification(2)", f"{SUMMED} scale(1 / levels), {CLASSIFY}")
    (scale,) = [n.target for n in part.program.main.nodes if n.name == "scale1"]
    assert scale.factor == 0.5  # type: ignore[union-attr]


# ---- what levels share, they share wholly


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("conv(dilation = level.number) 3x3", "conv1"),
        ("when level.number == 3 { depthwise 3x3 } else { conv(groups = 8, bias = true) 3x3 }", "conv1"),
        ("dilated(level.number)", "dilated.conv1"),
        ("repeated(level.number)", "repeated"),
        ("either(level.number)", "either"),
        ("picked(level.number)", "picked"),
        ("when level.number == 3 { conv 1x1 -> 18 => scores } else { norm, wide => scores }", "scores"),
    ],
)
def test_one_name_is_one_layer(body: str, name: str) -> None:
    before = """
        part dilated(n) { conv(dilation = n) 3x3 }
        part repeated(n) { repeat n { norm } }
        part either(n) { x = norm  y = norm  when n == 3 { x, add(y) } else { y, add(x) } }
        part picked(n) { x = norm  y = norm  when n == 3 { x } else { y } }
        part wide { conv 1x1 -> 18 }
    """
    predict = PREDICT if "scores" not in body else "conv 1x1 -> 36 => boxes"
    found = message(DETECTION, f"each level {{ {body}  {predict} }}", before)
    assert found == f"SP044: the levels share “h.{name}”, but at P4 it is not what it is at P3"


def test_levels_of_several_widths_can_not_share() -> None:
    found = message(DETECTION, f"each level {{ {PREDICT} }}", blocks=WIDE)
    assert found == "SP044: the levels share “h.scores.weight”, but would need it in several shapes"
    norms = "each level { norm(per_level = true)  p(level.number) }"
    before = "part p(n) { when n == 3 { act } }"
    found = message("classification(2)", f"{norms} from finest {{ level }} {CLASSIFY}", before, blocks=WIDE)
    assert found == "SP044: the levels share “h.norm1.weight”, but would need it in several shapes"


def test_levels_may_differ_in_extent() -> None:
    # An enlargement by one factor is one layer at all extents.
    before = "part p { upsample(nearest, 2), act }"
    part = head(DETECTION, f"each level {{ p, maxpool 2x2 / 2  {PREDICT} }}", before)
    assert len({n.target for n in part.program.main.nodes if n.name == "p"}) == 2
    # What keeps nothing may even be another operator: every level is enlarged to the finest one.
    body = f"{SUMMED} all = act  each level {{ upsample(nearest, all), add(all) }}  all, {CLASSIFY}"
    part = head("classification(2)", body)
    assert [n.output for n in part.program.main.nodes if n.name == "upsample2"] == ["upsample2.P4"]


def test_parameters_of_every_level_stand_in_a_level() -> None:
    wrong = "SP031: “h” has parameters for every level where there are no levels"
    before = "part p { norm(per_level = true) }"
    for body in (
        f"{SUMMED} norm(per_level = true), {CLASSIFY}",
        f"{SUMMED} p, {CLASSIFY}",
        f"from coarsest {{ upsample(nearest, level), add(level), norm(per_level = true) }} {CLASSIFY}",
    ):
        assert message("classification(2)", body, before) == wrong
    assert message("region_boxes(2)", "p  dense -> 2 => scores  dense -> 8 => boxes", before) == wrong


def test_networks_have_no_levels() -> None:
    text = model_text("head classifier", before="block k(width) -> width { norm(per_level = true) }",
                      blocks="a: k @3 <- s0 => P3")  # fmt: skip
    assert "“a” has parameters for every level where there are no levels" in [
        d.message for d in problems(text)
    ]


def test_outputs_and_parts_of_one_name() -> None:
    for body in (f"each level {{ scores, {PREDICT} }}", f"each level {{ scores  {PREDICT} }}"):
        found = message(DETECTION, body, "part scores { conv 1x1 }")
        assert found == "SP024: the output “scores” is called like a part before it"
    # The other way round the part is numbered.
    after = "each level { conv 1x1 -> 18 => scores  scores, conv 1x1 -> 36 => boxes }"
    assert "scores2.conv1.weight" in parameters(DETECTION, after, "part scores { conv 1x1 }")


def test_regions_are_cut_out_of_levels_of_one_width() -> None:
    body = "dense -> 2 => scores  dense -> 8 => boxes"
    found = message("region_boxes(2)", body, blocks=WIDE)
    assert found == "SP044: “h” cuts regions out of levels of one width; here they are P3 8, P4 12"
