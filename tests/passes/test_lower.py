"""Lowering: the numbered rules of the pass, extents of levels, bodies of definitions, names."""

from __future__ import annotations

import sys

import pytest
from support import codes, compile_text, compile_tiny, network_text, problems

from spinedsl.graph.program import Call, Function, Program
from spinedsl.graph.text import program_text
from spinedsl.ops import Activation, Convolution, Pool, Shape, Upsample
from spinedsl.passes import lower
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec, standard_networks


def called(program: Program) -> dict[str, str]:
    """Node of main → the function it calls."""
    return {n.name: n.target.function for n in program.main.nodes if isinstance(n.target, Call)}


def operators(function: Function) -> list[str]:
    """What a function does, in order."""
    return [n.target.function if isinstance(n.target, Call) else n.target.label for n in function.nodes]


def body(text: str, declarations: str = "", block: str = "k @2", before: str = "") -> Function:
    """The function that a block kind with this body becomes, on 8 x 16 x 16."""
    tiny = compile_tiny(
        f"b1: {block} <- s0 => P2",
        before=f"{before} block k(width) -> width {{ {text} }}",
        declarations=declarations,
    )
    return tiny.program.functions["k.1"]


# ---- rules


def test_lower_1_functions_are_shared_by_equal_arguments_and_shapes() -> None:
    program = compile_tiny(
        "a: residual @2 <- s0  b: residual @2 <- a  c: residual @2 width 12 <- b  d: residual(dilation = 2) @2 <- c => P2",
        declarations="drop_path 0 constant",
    ).program
    functions = called(program)
    assert functions["a"] == functions["b"]
    assert len({functions[name] for name in "acd"}) == 3
    assert functions["s0_to_a"] == functions["a_to_b"] != functions["b_to_c"]


def test_lower_1_drop_path_shares_make_functions_differ() -> None:
    text = "a: residual @2 <- s0  b: residual @2 <- a => P2"
    without = called(compile_tiny(text, declarations="drop_path 0 linear").program)
    assert without["a"] != without["b"]
    constant = called(compile_tiny(text, declarations="drop_path 0.2 constant").program)
    assert constant["a"] == constant["b"] != constant["s0"]


def test_lower_1_parts_are_functions_of_their_own() -> None:
    function = body("conv 1x1 -> width, twice, twice", before="part once { norm } part twice { once, once }")
    assert operators(function) == ["conv", "twice.1", "twice.1"]
    assert [n.name for n in function.nodes] == ["conv1", "twice", "twice2"]


def test_lower_2_merges_without_parameters_are_written_out() -> None:
    program = compile_tiny("a: residual @2 <- s0, s0 => P2").program
    nodes = {n.name: n.target for n in program.main.nodes}
    assert "a_add1" in nodes and "a_act1" in nodes
    weighted = compile_tiny("a: residual @2 merge weighted <- s0, s0 => P2").program
    assert called(weighted)["a_merge"] == "weighted.1"


def test_lower_3_what_does_nothing_is_not_called() -> None:
    program = compile_tiny(
        "a: nothing @2 merge plain <- s0 via direct => P2", before="block nothing(width) -> width {}"
    ).program
    assert list(called(program)) == ["stem", "stem2", "s0"]
    assert program.main.outputs == (("P2", "s0"),)
    assert set(program.functions) == {"stem", "stem2", "residual.1"}


def test_lower_4_endpoints_stand_in_level_order() -> None:
    tiny = compile_tiny("a: residual @4 <- s0 => P4  b: residual @2 <- s0 => deep  c: residual @3 <- a => P3")
    assert [(e.name, e.level) for e in tiny.program.endpoints] == [("deep", 2), ("P3", 3), ("P4", 4)]


def test_lower_endpoint_rule_is_applied_to_each() -> None:
    text = "a: residual @3 <- s0 => P3  b: residual @2 <- s0, a => P2  endpoints -> 5"
    program = compile_tiny(text).program
    assert [e.shape for e in program.endpoints] == [Shape(5, 16, 16), Shape(5, 8, 8)]
    assert called(program)["P3"] != called(program)["P2"]
    bare = compile_tiny(text.replace("endpoints -> 5", "")).program
    assert bare.main.outputs == (("P2", "b"), ("P3", "a"))


# ---- levels and sizes


@pytest.mark.parametrize("size", [(64, 64), (50, 37), (33, 1), (1, 1), (3, 130)])
def test_level_i_is_the_size_over_2_to_the_i_rounded_up(size: tuple[int, int]) -> None:
    height, width = size
    text = network_text(
        "a: residual @5 <- s0 => P5  b: residual @2 <- s0, a => P2  c: residual @3 <- b, a => P3",
        declarations="sizes any endpoints -> 4",
        stem="stem { conv 3x3 / 2 -> 8, norm, act  s0: residual @2 }",
    ).replace("64 x 64", f"{height} x {width}")
    for endpoint in compile_text(text).program.endpoints:
        step = 2**endpoint.level
        assert endpoint.shape == Shape(4, -(-height // step), -(-width // step))


def test_sizes_that_do_not_divide_need_sizes_any() -> None:
    text = network_text("a: residual @5 <- s0 => P5")
    assert codes(text) == []
    (found,) = problems(text.replace("64 x 64", "64 x 80"))
    assert found.code == "SP038"
    assert "multiples of 32" in found.primary.text  # type: ignore[union-attr]
    assert codes(text.replace("64 x 64", "64 x 80").replace("width", "sizes any width", 1)) == []


def test_the_stride_is_that_of_the_deepest_block() -> None:
    assert compile_tiny("a: residual @5 <- s0  b: residual @2 <- a => P2").program.stride == 32


@pytest.mark.parametrize(
    ("stem", "stride"),
    [
        ("s0: residual @2", 4),
        ("conv 3x3 / 2 -> 8 s0: residual @2", 2),
        ("conv 3x3 / 4 -> 8 s0: residual @2", 1),
    ],
)
def test_a_stem_block_strides_to_its_level(stem: str, stride: int) -> None:
    program = compile_tiny("a: residual @2 <- s0 => P2", stem=f"stem {{ {stem} }}").program
    conv = next(n.target for n in program.functions["residual.1"].nodes if isinstance(n.target, Convolution))
    assert conv.stride == stride


def test_a_stem_block_strides_as_the_longer_side_needs() -> None:
    """At level 3 a height of 5 is 1 already; the width says that level 4 is another halving away."""
    text = network_text(
        "a: residual @4 <- s1 => P4",
        declarations="sizes any",
        stem="stem { s0: residual @3  s1: residual @4 }",
    )
    program = compile_text(text.replace("64 x 64", "5 x 9")).program
    assert program.endpoints[0].shape == Shape(8, 1, 1)


def test_upsampling_knows_its_factor_only_where_it_is_whole() -> None:
    def upsample(size: str) -> Upsample:
        text = network_text("a: residual @5 <- s0  b: residual @2 <- a => P2", declarations="sizes any")
        program = compile_text(text.replace("64 x 64", size)).program
        return next(
            n.target for f in program.functions.values() for n in f.nodes if isinstance(n.target, Upsample)
        )

    assert upsample("64 x 64") == Upsample(16, 16, 8)
    assert upsample("60 x 60") == Upsample(15, 15, None)


# ---- bodies


def test_side_branches_leave_the_running_value() -> None:
    function = body("x = conv 1x1 -> width  y = x, norm  act  add(y)")
    assert [(n.name, n.inputs) for n in function.nodes] == [
        ("conv1", ("x",)),
        ("norm1", ("conv1",)),
        ("act1", ("x",)),
        ("add1", ("act1", "norm1")),
    ]


def test_channels_of_side_branches_are_known() -> None:
    function = body("x = conv 1x1 -> 3  conv 1x1 -> x.channels + input.channels, conv 1x1 -> width")
    assert [n.shape.channels for n in function.nodes] == [3, 11, 8]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("when level == 2 { norm } else { act }", ["norm"]),
        ("when level > 2 { norm } else { act }", ["act"]),
        ("when level > 2 { norm }", []),
        ("repeat level + 1 { norm }", ["norm", "norm", "norm"]),
        ("repeat 0 { norm }", []),
        ("repeat 2 { repeat 2 { norm } act }", ["norm", "norm", "act", "norm", "norm", "act"]),
        ("act(none), add, sum(input), concat(input)", []),
        ("act, act(swish), relu6", ["act", "act", "act"]),
        ("norm, norm(eps = 1)", None),
    ],
)
def test_statements_are_decided_at_compile_time(text: str, expected: list[str] | None) -> None:
    if expected is None:
        assert codes(
            network_text("b1: k @2 <- s0 => P2", before=f"block k(width) -> width {{ {text} }}")
        ) == ["SP031"]
        return
    tiny = compile_tiny("b1: k @2 <- s0 => P2", before=f"block k(width) -> width {{ {text} }}")
    assert (operators(tiny.program.functions["k.1"]) if "k.1" in tiny.program.functions else []) == expected


def test_arguments_come_before_network_defaults_before_their_own() -> None:
    def width(declarations: str, kind: str) -> int:
        before = "block k(width, wide = 3) -> width { conv 1x1 -> wide, conv 1x1 -> width }"
        tiny = compile_tiny(f"b1: {kind} @2 <- s0 => P2", before=before, declarations=declarations)
        return tiny.program.functions["k.1"].nodes[0].shape.channels

    assert width("", "k") == 3
    assert width("default k(wide = 5)", "k") == 5
    assert width("default k(wide = 5)", "k(wide = 7)") == 7


@pytest.mark.parametrize(
    ("declarations", "pads"),
    [
        ("padding symmetric", ((1, 1, 1, 1), (1, 1, 1, 1))),
        ("padding same", ((0, 0, 1, 1), (0, 0, 1, 1))),
        ("padding symmetric pools same", ((1, 1, 1, 1), (0, 0, 1, 1))),
        ("conventions garden", ((0, 0, 1, 1), (0, 0, 1, 1))),
        ("conventions tpu", ((1, 1, 1, 1), (0, 0, 1, 1))),
    ],
)
def test_padding_follows_the_conventions(declarations: str, pads: tuple[tuple[int, ...], ...]) -> None:
    program = compile_tiny("b1: residual @2 <- s0 => P2", declarations=declarations).program
    nodes = [n.target for name in ("stem", "stem2") for n in program.functions[name].nodes]
    found = [target.pads for target in nodes if isinstance(target, (Convolution, Pool))]
    assert tuple(map(tuple, found)) == pads


def test_act_follows_the_network() -> None:
    function = body("act, act(relu)", declarations="act hard_sigmoid(slope = 0.2)")
    first, second = (n.target for n in function.nodes)
    assert first == Activation("hard_sigmoid", 0.2)
    assert isinstance(second, Activation) and second.function == "relu"


# ---- names


@pytest.mark.parametrize(
    "text", ["conv 3x3 -> width, conv1, norm, norm1, norm", "conv1, conv 3x3 -> width, norm1, norm, norm1"]
)
def test_a_part_named_like_a_node_gets_a_name_of_its_own(text: str) -> None:
    function = body(text, before="part conv1 { norm } part norm1 { act }")
    names = [n.name for n in function.nodes]
    assert len(set(names)) == len(names) == 5


@pytest.mark.parametrize("name", [listed.name for listed in standard_networks()])
def test_names_are_unique(name: str) -> None:
    compilation = open_spec(f"std:{name}")
    for function in (compilation.program.main, *compilation.program.functions.values()):
        names = [n.name for n in function.nodes]
        assert len(set(names)) == len(names)
    inlined = [n.name for n in compilation.inlined.nodes]
    assert len(set(inlined)) == len(inlined)
    trained = [f"{n.name}.{p.name}" for n in compilation.inlined.nodes for p in n.operator.parameters()]
    assert len(set(trained)) == len(trained) == len(compilation.inlined.parameters())


def test_two_arrows_from_one_block_have_two_names() -> None:
    program = compile_tiny("a: residual @3 <- s0, s0, s0 => P3").program
    assert [n for n in called(program) if "_to_" in n] == ["s0_to_a", "s0_to_a__2", "s0_to_a__3"]


# ---- limits


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("block k(width) -> width { repeat 256 { repeat 17 { norm } } }", "SP002"),
        ("block k(width) -> width { repeat 256 { repeat 256 { repeat 256 {} } } }", "SP002"),
        ("".join(f"part p{i} {{ p{i + 1}, p{i + 1} }}" for i in range(40)) + "part p40 { norm } block k(width) -> width { p0 }", "SP002"),
        ("".join(f"part p{i} {{ p{i + 1}, p{i + 1} }}" for i in range(40)) + "part p40 {} block k(width) -> width { p0 }", None),
        ("".join(f"part p{i}(n) {{ p{i + 1}(2 * n), p{i + 1}(2 * n + 1) }}" for i in range(40)) + "part p40(n) {} block k(width) -> width { p0(1) }", "SP002"),
        ("".join(f"part p{i} {{ p{i + 1} }}" for i in range(400)) + "part p400 { norm } block k(width) -> width { p0 }", "SP006"),
        ("".join(f"part p{i} {{ " + "when true { " * 60 + f"p{i + 1} " + "}" * 61 for i in range(20)) + "part p20 { norm } block k(width) -> width { p0 }", "SP006"),
    ],
)  # fmt: skip
def test_work_is_bounded(before: str, code: str | None) -> None:
    assert codes(network_text("b1: k @2 <- s0 => P2", before=before)) == ([code] if code else [])


def test_the_whole_network_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = network_text(
        "".join(f"b{i}: residual @2 <- s0, s0\n" for i in range(20)) + "z: residual @2 <- s0 => P2"
    )
    assert codes(text) == []
    # The package's `lower` is the function; its module is found by name.
    monkeypatch.setattr(sys.modules[lower.__module__], "MAX_OPERATORS", 100)
    (found,) = problems(text)
    assert (found.code, found.message) == ("SP002", "“tiny” has more than 100 operators")


# ---- the text form


def test_program_text() -> None:
    tiny: Compilation = compile_tiny("a: residual @3 <- s0 => P3  endpoints -> 4")
    lines = program_text(tiny.program).splitlines()
    assert (
        "  conv1: 8 x 32 x 32 = conv(in_channels=3, out_channels=8, kernel=3x3, stride=2, pads=1,1,1,1, dilation=1, groups=1, bias=False, initial=truncated_normal, initial_bias=zeros) <- x"
        in lines
    )
    assert lines[-1] == "}"
    assert lines[-2] == "  return P3 = P3"
    assert "# tiny" in lines
