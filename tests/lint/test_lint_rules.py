"""The rules: what each finds, where, and what it leaves alone."""

from __future__ import annotations

import pytest
from lint_support import codes, found, network, place
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import CODES
from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.fixing import apply_fixes
from spinedsl.lint import RULES, Level, Settings, lint_spec, rule_called
from spinedsl.lint.deployment import WRITTEN_AS
from spinedsl.lint.rule import PartRule
from spinedsl.profiles import PROFILES
from spinedsl.specification import open_spec

FINE = "b0: residual @2 <- s0 => P2"


def only(text: str, code: str, settings: Settings | None = None, **others: str):
    """The one diagnostic of a text."""
    (diagnostic,) = found(text, settings, **others)
    assert diagnostic.code == code
    assert diagnostic.help
    return diagnostic


def test_nothing_is_said_of_what_is_fine():
    assert found(network(FINE)) == ()


def test_the_table_is_in_order_and_every_code_is_a_rule():
    assert [rule.code for rule in RULES] == [code for code in CODES if code.startswith("SP1")]
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule_called(rule.code.lower()) is rule is rule_called(rule.name)


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_what_ships_is_clean(path):
    assert lint_spec(str(path)).diagnostics == ()


# ---- SP101


def test_an_unread_block_that_joins_an_output_block():
    text = network("b0: residual @2 <- s0\n b1: residual @3 <- s0 => P3\n b2: residual @2 <- b1 => P2")
    diagnostic = only(text, "SP101")
    assert place(diagnostic) == "b0"
    assert [label.span.text for label in diagnostic.secondary] == ["b2"]
    assert "joins the output block “b2”" in diagnostic.message


@pytest.mark.parametrize(
    ("blocks", "declarations", "expected"),
    [
        pytest.param("b0: residual @2 <- s0  b1: residual @2 <- s0, b0 => P2", "", [], id="read"),
        pytest.param("b0: residual @3 <- s0  b1: residual @2 <- s0 => P2", "", [], id="joins nothing: SP043"),
        pytest.param("b0: residual @2 <- s0  b1: residual @2 <- s0 => P2", "dangling prune", [], id="pruned: SP043"),
        pytest.param(
            "b0: residual @2 <- s0  b1: residual @2 <- s0 => P2", "dangling error", ["SP036"], id="an error already"
        ),
        pytest.param("b0: residual @2 <- s0  b1: residual @2 <- s0 => P2", "repeat 3", ["SP101"], id="once of copies"),
    ],
)  # fmt: skip
def test_unread_blocks_are_said_once_and_not_what_check_says(blocks, declarations, expected):
    assert codes(network(blocks, declarations)) == expected


def test_an_unread_input_of_a_stacked_graph_is_said_once():
    text = """import "std/fpn.spine"
network cells {
  input of 64 x 64 { p3 @3 -> 32  p4 @4 -> 32  p5 @5 -> 32 }
  width { 3..5: 32 }
  resample pool_scale
  stack 4
  b0: pyramid_conv @3 <- p3, p4 => P3
  b1: pyramid_conv @4 <- p4, b0 => P4
  b2: pyramid_conv @5 <- b1     => P5
}
"""
    diagnostic = only(text, "SP101")
    assert place(diagnostic) == "p5 @5 -> 32"


# ---- SP102


def test_the_same_input_twice():
    diagnostic = only(network("b0: residual @2 <- s0, s0 => P2"), "SP102")
    assert diagnostic.primary.span.column == 26 and diagnostic.fix is not None and not diagnostic.fix.safe
    text, made = apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])
    assert made == 1 and "b0: residual @2 <- s0 => P2" in text


@pytest.mark.parametrize(
    ("inputs", "count"),
    [
        ("s0, s0 via direct", 0),
        ("s0 via direct, s0 via direct", 1),
        ("s0, s0, s0", 2),
        ("s0 via cross_scale(alpha = 1), s0 via cross_scale(alpha = 0.5)", 0),
    ],
)
def test_inputs_are_the_same_if_their_rules_are(inputs, count):
    text = network(f"b0: residual @1 <- {inputs} => P1")
    assert codes(text) == ["SP102"] * count


def test_no_comment_is_lost_by_a_fix():
    diagnostic = only(network("b0: residual @2 <- s0, # first\n s0 => P2"), "SP102")
    assert diagnostic.fix is None


def test_a_network_that_does_not_compile_is_looked_at_where_it_can_be():
    assert codes(network("b0: residual @2 <- s0, s0, b7 => P2")) == ["SP102", "SP020"]


# ---- SP103

LONG = "b0: residual @{level} <- s0 => P{level}"


@pytest.mark.parametrize(("level", "expected"), [(4, []), (5, ["SP103"])])
def test_a_connection_across_more_than_three_levels(level, expected):
    assert codes(network(LONG.format(level=level))) == expected


def test_upwards_counts_too():
    text = network("b0: residual @3 <- s0  b1: residual @6 <- b0 => P6  b2: residual @2 <- b1 => P2")
    diagnostic = only(text, "SP103")
    assert place(diagnostic) == "b1" and "makes 256 pixels of one" in diagnostic.message


def test_how_many_levels_is_an_option():
    text = network(LONG.format(level=5))
    assert codes(text, Settings(options={"SP103": 4})) == []
    assert codes(network(LONG.format(level=4)), Settings(options={"SP103": 2})) == ["SP103"]


# ---- SP104

SCALED = "scale width 0.65"


@pytest.mark.parametrize(
    ("declarations", "blocks", "where"),
    [
        pytest.param(SCALED, FINE, SCALED, id="scaled"),
        pytest.param(f"{SCALED} rounding multiple 8", FINE, None, id="rounded"),
        pytest.param("", "b0: residual @2 width 41 <- s0 => P2", "b0", id="its own width"),
        pytest.param("endpoints -> 100", FINE, "endpoints -> 100", id="endpoints"),
    ],
)
def test_channels_that_are_no_multiple_of_8(declarations, blocks, where):
    diagnostics = [d for d in found(network(blocks, declarations)) if d.code == "SP104"]
    assert [place(d) for d in diagnostics] == ([] if where is None else [where])


def test_the_table_of_widths_is_shown_if_it_is_at_fault():
    text = network(FINE).replace("1..6: 32", "1..6: 36")
    assert place(only(text, "SP104")) == "width { 1..6: 36 }"
    assert codes(text, Settings(options={"SP104": 4})) == []
    assert codes(network(FINE).replace("1..6: 32", "1..6: 40"), Settings(options={"SP104": 16})) == ["SP104"]


def test_channels_of_a_kind_count_as_well_as_its_width():
    before = "block odd(width) -> width + 3 { conv 3x3 / stride -> width + 3, norm, act }"
    diagnostic = only(network("b0: odd @2 <- s0 => P2", before=before), "SP104")
    assert "35 channels, in “b0”" in diagnostic.message


# ---- SP105


def test_a_reduction_to_few_channels():
    rule = "resample cross_scale(alpha = 0.25)"
    diagnostic = only(network(FINE, rule), "SP105")
    assert place(diagnostic) == rule and "leaves 8 channels in one connection" in diagnostic.message
    assert codes(network(FINE, rule), Settings(options={"SP105": 8})) == []


def test_a_rule_for_one_connection_is_shown_there():
    own = "resampling squeeze { conv 1x1 -> 3, norm, act  maxpool 2x2 / 2  conv 1x1 -> target.channels }"
    diagnostic = only(network("b0: residual @2 <- s0 via squeeze => P2", before=own), "SP105")
    assert place(diagnostic) == "s0" and "“squeeze” leaves 3 channels" in diagnostic.message


@pytest.mark.parametrize(("source", "target"), [(12, 32), (32, 12)])
def test_what_is_narrow_at_one_end_is_not_reduced_there(source, target):
    """12 channels are few, but nothing is lost on the way."""
    text = network(f"b0: residual @2 width {target} <- s0 => P2", "resample depthwise_scale").replace(
        "s0: residual @1", f"s0: residual @1 width {source}"
    )
    assert "SP105" not in codes(text)


# ---- SP106


@pytest.mark.parametrize(
    ("size", "expected"), [("52 x 52", []), ("52 x 50", ["SP106"]), ("50 x 52", ["SP106"])]
)
def test_a_size_that_the_deepest_level_does_not_divide(size, expected):
    text = network(FINE, "sizes any").replace("64 x 64", size)
    assert codes(text) == expected
    if expected:
        diagnostic = only(text, "SP106")
        assert place(diagnostic) == f"input 3 x {size}" and "a multiple of 4, such as" in diagnostic.help


def test_without_sizes_any_it_is_an_error_already():
    assert codes(network(FINE).replace("64 x 64", "50 x 50")) == ["SP038"]


def test_the_levels_of_necks_count():
    """72 is a multiple of 8, the backbone's deepest stride, and not of the neck's."""
    backbone = network("b0: residual @3 <- s0 => P3", "sizes any", before='import "std/classifier.spine"')
    text = (
        backbone.replace("64 x 64", "72 x 72")
        + """
network over {
  input of 64 x 64 { p3 @3 -> 32 }
  width { 3..4: 32 }
  sizes any
  n0: residual @4 <- p3 => P4
}
model m {
  backbone tiny
  neck over
  head classifier(classes = 8)
}
"""
    )
    diagnostic = only(text, "SP106")
    assert place(diagnostic) == "m" and "72 x 72 is no multiple of 16" in diagnostic.message


# ---- SP107

UP = "b0: residual @2 <- s0  b1: residual @1 <- s0, b0 => P1"


@pytest.mark.parametrize(
    ("runtime", "opset", "blocks", "expected"),
    [
        (None, None, UP, []),
        ("ort-cuda", None, UP, []),
        ("ort-cuda", 18, UP, []),
        ("ort-cuda", 19, UP, ["SP107"]),
        ("ort-cuda", 19, FINE, []),
        ("ort-cpu", 21, UP, []),
    ],
)
def test_an_opset_that_is_too_new(runtime, opset, blocks, expected):
    settings = Settings(runtime=runtime, opset=opset)
    assert codes(network(blocks), settings) == expected
    if expected:
        diagnostic = only(network(blocks), "SP107", settings)
        assert place(diagnostic) == "tiny" and "opset = 18" in diagnostic.help


def test_every_refusal_that_depends_on_the_opset_is_known():
    refusals = [r for p in PROFILES.values() if p.onnx for r in p.onnx.refusals if r.since]
    assert {r.operator for r in refusals} == set(WRITTEN_AS)


def test_what_is_refused_is_what_is_written():
    compilation = open_spec("std:spinenet49")
    model = emit(compilation.network, compilation.program, compilation.inlined, OnnxOptions(19))
    written = [node.op_type for node in model.nodes.node]
    for operator, kind in WRITTEN_AS.items():
        assert written.count(operator) == sum(isinstance(n.operator, kind) for n in compilation.inlined.nodes)


# ---- SP109, SP110


@pytest.mark.parametrize(
    "definition",
    [
        "part extra { norm }",
        "block extra(width) -> width { conv 1x1 -> width }",
        "merge extra { sum(inputs, dangling) }",
        "resampling extra {}",
        "head extra(classes) -> classification(classes) { from coarsest {} global_pool, dense -> classes => logits }",
        "conventions extra { padding same }",
    ],
)  # fmt: skip
def test_an_unused_definition(definition):
    text = network(FINE, before=f"\n# What it is.\n{definition}\n")
    diagnostic = only(text, "SP109")
    assert place(diagnostic) == "extra" and not diagnostic.fix.safe
    after, _ = apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])
    assert "extra" not in after and "What it is" not in after
    assert codes(after) == []


@pytest.mark.parametrize(
    ("before", "declarations", "blocks"),
    [
        ("part one { two } part two { norm } block own(width) -> width { conv 3x3 / stride -> width, one }", "",
         "b0: own @2 <- s0 => P2"),
        ("part own(channels) { conv 1x1 -> channels }", "endpoints via own -> 32", FINE),
        ("resampling own { conv 3x3 / 2 -> target.channels }", "", "b0: residual @2 <- s0 via own => P2"),
        ("merge own { sum(inputs, dangling) }", "", "b0: residual @2 merge own <- s0 => P2"),
        ("conventions own { padding same }", "conventions own", FINE),
        ("space own of tiny { permute output }", "member of own", FINE),
        ("merge own { sum(inputs, dangling) } space any of tiny { choose merge from {sum, own} }", "", FINE),
    ],
)  # fmt: skip
def test_what_is_used_in_any_way_is_used(before, declarations, blocks):
    assert codes(network(blocks, declarations, before=before)) == []


@pytest.mark.parametrize(
    "own",
    [
        "merge sum { sum(inputs, dangling) }",
        "part endpoint(channels) { conv 1x1 -> channels }",
        "conventions torch { padding symmetric }",
        "part opening { norm }",
    ],
)
def test_what_is_implied_is_used(own):
    text = network("b0: plain @2 <- s0 => P2", "endpoints -> 32", before=own).replace("residual", "plain")
    text = text.replace("stem {", "stem { opening" if "opening" in own else "stem {")
    plain = "block plain(width) -> width { conv 3x3 / stride -> width, norm, act }"
    assert codes(text.replace('import "std/resnet.spine"', plain)) == []


def test_a_library_may_define_and_import_what_it_likes():
    assert codes('import "std/mbconv.spine"\npart unused { norm }\n') == []


@pytest.mark.parametrize(
    ("imports", "unused"),
    [
        (['"std/resnet.spine"'], []),
        (['"std/resnet.spine"', '"std/mbconv.spine"'], ['import "std/mbconv.spine"']),
        (['"other.spine"'], []),
        (['"std/resnet.spine"', '"other.spine"'], ['import "other.spine"']),
    ],
)
def test_an_unused_import(imports, unused):
    text = network(FINE).replace(
        'import "std/resnet.spine"\n', "".join(f"import {each}\n" for each in imports)
    )
    diagnostics = found(text, other='import "std/resnet.spine"\npart others { norm }\n')
    assert [(d.code, place(d)) for d in diagnostics] == [("SP110", each) for each in unused]
    assert all(not d.fix.safe for d in diagnostics)


def test_what_a_network_inherits_its_file_must_bring():
    other = network(FINE, name="base")
    assert codes('import "other.spine"\nnetwork more extends base { repeat 2 }', other=other) == []
    # Brought by the other file anyway, and named here by nobody.
    text = 'import "std/resnet.spine"\nimport "other.spine"\nnetwork more extends base { repeat 2 }'
    assert [place(d) for d in found(text, other=other)] == ['import "std/resnet.spine"']


def test_the_same_import_twice_is_mended_safely():
    diagnostic = only('import "std/resnet.spine"\n' + network(FINE), "SP110")
    assert diagnostic.fix.safe and diagnostic.primary.span.line == 2
    after, _ = apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])
    assert after.count("import") == 1 and codes(after) == []


# ---- what networks inherit


def test_what_is_inherited_is_said_where_it_comes_from():
    base = network("b0: residual @2 <- s0\n b1: residual @2 <- s0 => P2", name="base")
    assert codes(base) == ["SP101"]
    assert codes('import "other.spine"\nnetwork more extends base { repeat 2 }', other=base) == []
    assert codes(base + "network more extends base { repeat 2 }") == ["SP101"]


def test_what_a_variant_makes_of_it_is_said_of_the_variant():
    base = network("b0: residual @2 <- s0\n b1: residual @2 <- b0 => P2", name="base")
    variant = 'import "other.spine"\nnetwork more extends base { scale width 0.3 }'
    diagnostics = found(variant, other=base)
    assert {(d.code, place(d)) for d in diagnostics} == {
        ("SP104", "scale width 0.3"),
        ("SP105", "scale width 0.3"),
    }
    unread = 'import "other.spine"\nnetwork more extends base {\n b1: residual @2 <- s0 => P2\n}'
    (diagnostic,) = found(unread, other=base)
    # The block stands in another file: the network is shown.
    assert (diagnostic.code, place(diagnostic)) == ("SP101", "more")


def test_settings_of_a_model_are_said_of_the_model():
    text = network(FINE, before='import "std/classifier.spine"')
    text += "model m {\n backbone tiny\n head classifier(classes = 8)\n scale width 0.65\n}\n"
    assert {(d.code, place(d)) for d in found(text)} == {
        ("SP104", "scale width 0.65"), ("SP105", "scale width 0.65"),
    }  # fmt: skip


# ---- levels


@pytest.mark.parametrize("level", [Level.NOTE, Level.WARNING, Level.ERROR])
def test_levels(level):
    (diagnostic,) = found(network("b0: residual @2 <- s0, s0 => P2"), Settings(levels={"SP102": level}))
    assert diagnostic.severity.value == level.value


def test_a_rule_that_is_off_finds_nothing():
    every = Settings(levels={rule.code: Level.OFF for rule in RULES})
    assert codes(network("b0: residual @5 <- s0, s0 => P5  # spinec: ignore[nothing]"), every) == []


def test_options_are_of_rules_about_parts():
    """`check` of the others isn't given one."""
    assert all(isinstance(rule, PartRule) for rule in RULES if rule.option is not None)
