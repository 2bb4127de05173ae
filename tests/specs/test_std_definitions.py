"""What the definitions of specs/std/ make: operators in order, and shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops.activation import Activation
from spinedsl.ops.convolution import Convolution
from spinedsl.ops.pooling import GlobalPool, Pool
from spinedsl.ops.resampling import SpaceToDepth, Upsample
from spinedsl.ops.types import Shape
from spinedsl.specification import open_spec

IMPORTS = """
import "std/resnet.spine"
import "std/mbconv.spine"
import "std/fpn.spine"
"""


def operator(node: Node) -> str:
    """An operator in the words of the language."""
    it = node.target
    if isinstance(it, Call):
        return it.function.partition(".")[0]
    if isinstance(it, Convolution):
        kernel = "x".join(map(str, it.kernel)) + (f" / {it.stride}" if it.stride > 1 else "")
        if it.groups == it.in_channels > 1:
            return f"depthwise {kernel}"
        return f"conv {kernel} -> {it.out_channels}" + (" biased" if it.bias else "")
    if isinstance(it, Pool):
        return f"{it.kind}pool {it.kernel[0]}x{it.kernel[1]} / {it.stride}"
    if isinstance(it, GlobalPool):
        return f"global {it.kind}"
    if isinstance(it, Upsample):
        return f"upsample {it.factor}"
    if isinstance(it, SpaceToDepth):
        return f"space_to_depth {it.block}"
    return it.function if isinstance(it, Activation) else it.label


def functions(program: Program, definition: str) -> list[Function]:
    """The functions a definition made, in the order they were made in."""
    return [f for f in program.functions.values() if f.definition == definition]


def operators(program: Program, definition: str) -> str:
    """The operators of the one function a definition made."""
    (function,) = functions(program, definition)
    return ", ".join(operator(node) for node in function.nodes)


def compile_text(folder: Path, text: str) -> Program:
    """The program of a network that is written here."""
    path = folder / "net.spine"
    path.write_text(IMPORTS + text)
    return open_spec(path).program


def arrow(folder: Path, rule: str, source: str, target: str, more: str = "") -> Program:
    """A program with one connection, from a feature of 64 channels to a block of width 32."""
    return compile_text(
        folder,
        f"""
        network net {{
          input of 128 x 128 {{ a {source} -> 64 }}
          {more}
          b: join {target} width 32 <- a via {rule} => out
        }}
        """,
    )


RULES = [
    ("cross_scale", "@3", "@3", "conv 1x1 -> 32, norm, relu, conv 1x1 -> 32, norm"),
    ("cross_scale(alpha = 0.25)", "@3", "@3", "conv 1x1 -> 16, norm, relu, conv 1x1 -> 32, norm"),
    ("cross_scale", "@4", "@2", "conv 1x1 -> 32, norm, relu, upsample 4, conv 1x1 -> 32, norm"),
    ("cross_scale", "@2", "@3",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, conv 1x1 -> 32, norm"),
    ("cross_scale", "@2", "@4",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, maxpool 3x3 / 2, conv 1x1 -> 32, norm"),
    ("cross_scale", "@2", "@5",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, maxpool 3x3 / 2, maxpool 3x3 / 2, "
     "conv 1x1 -> 32, norm"),
    ("cross_scale(pooling = single)", "@2", "@4",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, maxpool 3x3 / 2, conv 1x1 -> 32, norm"),
    ("cross_scale(pooling = single)", "@2", "@5",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, maxpool 5x5 / 4, conv 1x1 -> 32, norm"),
    ("cross_scale(pooling = single)", "@2", "@7",
     "conv 1x1 -> 32, norm, relu, conv 3x3 / 2 -> 32, norm, relu, maxpool 5x5 / 16, conv 1x1 -> 32, norm"),
    ("depthwise_scale", "@3", "@3", "conv 1x1 -> 32, norm"),
    ("depthwise_scale", "@4", "@3", "upsample 2, conv 1x1 -> 32, norm"),
    ("depthwise_scale", "@2", "@4",
     "depthwise 3x3 / 2, norm, relu, depthwise 3x3 / 2, norm, relu, conv 1x1 -> 32, norm"),
    ("space_depth_scale", "@3", "@3", "conv 1x1 -> 32, norm"),
    ("space_depth_scale", "@4", "@2", "upsample 4, conv 1x1 -> 32, norm"),
    ("space_depth_scale", "@2", "@3", "space_to_depth 2, norm, relu, conv 1x1 -> 32, norm"),
    ("space_depth_scale", "@2", "@4",
     "space_to_depth 2, norm, relu, depthwise 3x3 / 2, norm, relu, conv 1x1 -> 32, norm"),
    ("space_depth_scale", "@2", "@5",
     "space_to_depth 2, norm, relu, depthwise 5x5 / 4, norm, relu, conv 1x1 -> 32, norm"),
    ("pool_scale", "@3", "@3", "conv 1x1 -> 32 biased, norm"),
    ("pool_scale", "@4", "@2", "conv 1x1 -> 32 biased, norm, upsample 4"),
    ("pool_scale", "@2", "@4", "conv 1x1 -> 32 biased, norm, maxpool 2x2 / 2, maxpool 2x2 / 2"),
    ("pool_scale(overlap = true)", "@2", "@3", "conv 1x1 -> 32 biased, norm, maxpool 3x3 / 2"),
    ("lateral", "@3", "@3", "conv 1x1 -> 32 biased"),
    ("coarser", "@3", "@4", "conv 3x3 / 2 -> 32 biased"),
    ("coarser(activate = true)", "@3", "@4", "relu, conv 3x3 / 2 -> 32 biased"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source", "target", "expected"), RULES)
def test_resampling(tmp_path: Path, rule: str, source: str, target: str, expected: str) -> None:
    program = arrow(tmp_path, rule, source, target)
    assert operators(program, rule.partition("(")[0]) == expected
    extent = 128 >> int(target[1:])
    assert program.endpoints[0].shape == Shape(32, extent, extent)


def test_pool_scale_leaves_equal_channels_alone(tmp_path: Path) -> None:
    program = compile_text(
        tmp_path,
        "network net { input of 64 x 64 { a @3 -> 32 } b: join @4 width 32 <- a via pool_scale => out }",
    )
    assert operators(program, "pool_scale") == "maxpool 2x2 / 2"


def test_nearest_and_direct_add_no_parameters(tmp_path: Path) -> None:
    program = compile_text(
        tmp_path,
        """
        network net {
          input of 64 x 64 { a @3 -> 32  c @4 -> 32 }
          merge plain
          b: join @3 width 32 <- a via direct, c via nearest => out
        }
        """,
    )
    assert functions(program, "direct") == []
    assert operators(program, "nearest") == "upsample 2"
    assert [operator(node) for node in program.main.nodes] == ["nearest", "add"]


KINDS = [
    # A block that strides to level 2, and one that keeps level and channels.
    ("bottleneck", 64,
     "projection, conv 1x1 -> 16, norm, relu, conv 3x3 / 2 -> 16, norm, relu, conv 1x1 -> 64, norm, add, relu",
     "conv 1x1 -> 16, norm, relu, conv 3x3 -> 16, norm, relu, conv 1x1 -> 64, norm, add, relu"),
    ("residual", 16,
     "projection, conv 3x3 / 2 -> 16, norm, relu, conv 3x3 -> 16, norm, add, relu",
     "conv 3x3 -> 16, norm, relu, conv 3x3 -> 16, norm, add, relu"),
    ("mbconv", 16,
     "conv 1x1 -> 96, norm, relu, depthwise 3x3 / 2, norm, relu, squeeze_excite, conv 1x1 -> 16, norm",
     "conv 1x1 -> 96, norm, relu, depthwise 3x3, norm, relu, squeeze_excite, conv 1x1 -> 16, norm, add"),
    ("mbconv(expand = 1, ratio = 0)", 16,
     "depthwise 3x3 / 2, norm, relu, conv 1x1 -> 16, norm",
     "depthwise 3x3, norm, relu, conv 1x1 -> 16, norm, add"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "channels", "striding", "keeping"), KINDS)
def test_block_kinds(tmp_path: Path, kind: str, channels: int, striding: str, keeping: str) -> None:
    program = compile_text(
        tmp_path,
        f"""
        network net {{
          input 3 x 64 x 64
          width {{ 2: 16 }}
          stem {{ conv 3x3 / 2 -> 16  s0: {kind} @2  s1: {kind} @2 }}
          b: join @2 width {channels} <- s1 via direct => out
        }}
        """,
    )
    made = functions(program, kind.partition("(")[0])
    assert [", ".join(operator(node) for node in function.nodes) for function in made] == [striding, keeping]
    assert program.endpoints[0].shape == Shape(channels, 16, 16)


def test_projection_is_a_strided_1x1(tmp_path: Path) -> None:
    program = compile_text(
        tmp_path,
        """
        network net {
          input 3 x 64 x 64
          stem { conv 3x3 / 2 -> 64  s0: bottleneck @2 width 16 }
          b: join @2 width 64 <- s0 via direct => out
        }
        """,
    )
    # The channels agree already: the stride alone asks for it.
    assert operators(program, "projection") == "conv 1x1 / 2 -> 64, norm"


def test_squeeze_excite_counts_from_the_unexpanded_input(tmp_path: Path) -> None:
    program = compile_text(
        tmp_path,
        """
        network net {
          input of 64 x 64 { a @3 -> 16 }
          b: mbconv @3 width 16 <- a via direct => out
        }
        """,
    )
    assert operators(program, "squeeze_excite") == (
        "global average, conv 1x1 -> 3 biased, swish, conv 1x1 -> 96 biased, sigmoid, multiply"
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("smooth", "conv 3x3 -> 32 biased"),
        ("pyramid_conv", "conv 3x3 -> 32 biased, norm"),
        ("pyramid_separable", "depthwise 3x3, conv 1x1 -> 32 biased, norm"),
    ],
)
def test_pyramid_blocks(tmp_path: Path, kind: str, expected: str) -> None:
    text = f"network net {{ input of 64 x 64 {{ a @3 -> 32 }} b: {kind} @3 width 32 <- a via direct => out }}"
    assert operators(compile_text(tmp_path, text), kind) == expected


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("plain", "add"),
        ("sum", "add, relu"),
        ("weighted", "fusion, relu"),
        ("concat", "concat, relu"),
        ("attention", "global max, sigmoid, multiply, add, relu"),
    ],
)
def test_merges(tmp_path: Path, merge: str, expected: str) -> None:
    channels = 64 if merge == "concat" else 32
    program = compile_text(
        tmp_path,
        f"""
        network net {{
          input of 64 x 64 {{ a @3 -> 32  c @4 -> 32 }}
          merge {merge}
          resample nearest
          b: widen @3 width 32 <- a via direct, c => out
        }}
        block widen(width) -> width {{ conv 1x1 -> width }}
        """,
    )
    assert operators(program, merge) == expected
    (widen,) = functions(program, "widen")
    assert widen.inputs[0].shape.channels == channels


def test_attention_gates_the_finer_input(tmp_path: Path) -> None:
    """The coarse input is pooled and gates the fine one, whichever was written first."""
    for inputs in ("a via direct, c", "c, a via direct"):
        program = compile_text(
            tmp_path,
            f"""
            network net {{
              input of 64 x 64 {{ a @3 -> 32  c @4 -> 32 }}
              merge attention
              resample nearest
              b: smooth @3 width 32 <- {inputs} => out
            }}
            """,
        )
        by_output = {node.output: node for node in program.main.nodes}
        (pool,) = [n for n in program.main.nodes if isinstance(n.target, GlobalPool)]
        (product,) = [n for n in program.main.nodes if operator(n) == "multiply"]
        assert operator(by_output[pool.inputs[0]]) == "nearest"
        assert product.inputs[0] == "a"


def test_unread_inputs_join_in_every_copy_of_a_stack() -> None:
    """NAS-FPN: p5 and p7 are read by nobody but the rule, in each of the seven cells."""
    expanded = open_spec("std:nas_fpn").expanded
    joined = {block.name: block.dangling for block in expanded.blocks if block.dangling}
    assert joined["b9_1"] == ("p5",)
    assert joined["b10_1"] == ("p7",)
    assert joined["b9_7"] == ("b9_6",)
    assert joined["b10_7"] == ("b10_6",)
    assert len(joined) == 14
