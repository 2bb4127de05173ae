"""Operators against slow definitions: windows that slide, multiplications that are counted."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compile_tiny, network_text, problems

import spinedsl.ops as ops
from spinedsl.ops import (
    OPERATORS,
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Dense,
    DropPath,
    GlobalPool,
    Multiply,
    Operator,
    Pads,
    Pool,
    Scale,
    Shape,
    ShapeError,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.convolution import TakenNorm
from spinedsl.ops.types import pads_for, window_output
from spinedsl.ops.words import WORDS

SHAPE = Shape(6, 9, 7)


def positions(
    extent: int, kernel: int, stride: int, before: int, behind: int, dilation: int
) -> list[list[int]]:
    """For every place of a window: the rows of the padded extent that it sees."""
    padded = extent + before + behind
    places = []
    start = 0
    while start + dilation * (kernel - 1) < padded:
        places.append([start + dilation * i - before for i in range(kernel)])
        start += stride
    return places


GRID = list(itertools.product(range(1, 12), (1, 2, 3, 5), (1, 2, 3), (1, 2)))
"""Extents, kernels, strides and dilations."""


# ---- windows


@pytest.mark.parametrize("pads", [(0, 0), (1, 1), (0, 1), (2, 3)])
def test_windows_give_as_many_rows_as_there_are_places(pads: tuple[int, int]) -> None:
    for extent, kernel, stride, dilation in GRID:
        shape = Shape(1, extent, 1)
        if extent + sum(pads) < dilation * (kernel - 1) + 1:
            continue
        height, _ = window_output(shape, (kernel, 1), stride, Pads(pads[0], 0, pads[1], 0), dilation)
        assert height == len(positions(extent, kernel, stride, *pads, dilation))


def test_same_pads_are_tensorflows() -> None:
    """tf.nn.convolution's documentation: output ceil(in / stride); the larger half stands behind."""
    for extent, kernel, stride, dilation in GRID:
        if stride > 1 and dilation > 1:
            continue
        window = (kernel - 1) * dilation + 1
        if extent % stride == 0:
            total = max(window - stride, 0)
        else:
            total = max(window - extent % stride, 0)
        pads = pads_for("same", Shape(1, extent, extent), (kernel, kernel), stride, dilation)
        assert (pads.top, pads.bottom) == (total // 2, total - total // 2) == (pads.left, pads.right)
        height, width = window_output(Shape(1, extent, extent), (kernel, kernel), stride, pads, dilation)
        assert height == width == -(-extent // stride)


def test_symmetric_pads_keep_the_extent_of_odd_windows() -> None:
    for extent, kernel, stride, dilation in GRID:
        if kernel % 2 == 0:
            continue
        pads = pads_for("symmetric", Shape(1, extent, extent), (kernel, kernel), stride, dilation)
        assert pads.symmetric
        height, _ = window_output(Shape(1, extent, extent), (kernel, kernel), stride, pads, dilation)
        assert height == -(-extent // stride)


def test_windows_as_large_as_their_stride_get_no_pads() -> None:
    assert pads_for("symmetric", Shape(1, 8, 8), (2, 2), 2) == Pads()
    assert pads_for("symmetric", Shape(1, 8, 8), (3, 2), 2) == Pads(1, 0, 1, 0)


# ---- convolutions


def counted(convolution: Convolution, shape: Shape) -> int:
    """Multiplications of a convolution, one by one; those with a pad count as the papers do."""
    pads = convolution.pads
    rows = positions(
        shape.height, convolution.kernel[0], convolution.stride, pads.top, pads.bottom, convolution.dilation
    )
    columns = positions(
        shape.width, convolution.kernel[1], convolution.stride, pads.left, pads.right, convolution.dilation
    )
    count = 0
    for _ in range(convolution.out_channels):
        for row in rows:
            for column in columns:
                count += len(row) * len(column) * (convolution.in_channels // convolution.groups)
    return count


@settings(deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([(1, 1), (3, 3), (3, 1), (1, 5)]),
    st.integers(1, 3), st.integers(1, 2), st.sampled_from(["symmetric", "same"]), st.integers(1, 9), st.integers(1, 9),
)  # fmt: skip
def test_convolution(groups, inside, outside, kernel, stride, dilation, padding, height, width) -> None:  # type: ignore[no-untyped-def]
    shape = Shape(groups * inside, height, width)
    pads = pads_for(padding, shape, kernel, stride, dilation)
    convolution = Convolution(groups * inside, groups * outside, kernel, stride, pads, dilation, groups)
    output = convolution.output((shape,))
    assert output.channels == groups * outside
    assert convolution.macs((shape,), output) == counted(convolution, shape)
    (weight,) = convolution.parameters()
    assert weight.shape == (groups * outside, inside, *kernel)


def test_convolution_with_bias_has_one_number_more_a_channel() -> None:
    weight, bias = Convolution(3, 5, (3, 3), bias=True).parameters()
    assert (weight.elements, bias.elements, bias.initial.law) == (135, 5, "zeros")


@pytest.mark.parametrize(
    ("text", "fan_in", "fan_out"),
    [
        ("conv 3x3 -> 16", 9 * 8, 9 * 16),
        ("conv(groups = 2) 3x3 -> 16", 9 * 4, 9 * 16),
        ("depthwise 3x3", 9 * 8, 9),
        # A kernel of rows, columns, out, in: Keras takes the third for the inputs.
        ("deconv 2x2 / 2 -> 16", 4 * 16, 4 * 8),
        ("global_pool, dense -> 16", 8, 16),
        ("dense -> 16", 8 * 16 * 16, 16),
    ],
)
def test_fans_are_counted_as_keras_does(text: str, fan_in: int, fan_out: int) -> None:
    operator = drawn(text)
    assert (operator.initial.fan_in, operator.initial.fan_out) == (fan_in, fan_out)


def drawn(text: str) -> Convolution | Dense:
    """The last operator of a side branch on 8 x 16 x 16."""
    tiny = compile_tiny("b1: k @2 <- s0 => P2", before=f"block k(width) -> width {{ side = {text}  act }}")
    operator = tiny.program.functions["k.1"].nodes[-2].target
    assert isinstance(operator, Convolution | Deconvolution | Dense)
    return operator  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "weight", "bias"),
    [
        ("conv 3x3", ("truncated_normal", 0), None),
        ("conv(bias = true) 3x3", ("truncated_normal", 0), ("zeros", 0)),
        ("conv(std = 0.01) 3x3", ("normal", 0.01), None),
        ("conv(bias = true, std = 0.01, prior = 0.1) 3x3", ("normal", 0.01), ("logit", 0.1)),
        # The logit of a half is zero.
        ("conv(bias = true, std = 0.01, prior = 0.5) 3x3", ("normal", 0.01), ("zeros", 0)),
        ("conv(init = glorot_uniform) 3x3", ("glorot_uniform", 0), None),
        ("depthwise(std = 1 / 4) 3x3", ("normal", 0.25), None),
        ("dense -> 3", ("truncated_normal", 0), ("zeros", 0)),
        ("dense(std = 0.01, prior = 0.01) -> 3", ("normal", 0.01), ("logit", 0.01)),
        ("dense(bias = false) -> 3", ("truncated_normal", 0), None),
        ("deconv(bias = true) 2x2 / 2", ("truncated_normal", 0), ("zeros", 0)),
    ],
)  # fmt: skip
def test_how_weights_are_drawn_can_be_said(
    text: str, weight: tuple[str, float], bias: tuple[str, float] | None
) -> None:
    laws = [(p.initial.law, p.initial.value) for p in drawn(text).parameters()]
    assert laws == [weight, *([bias] if bias else [])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv(std = 0) 3x3", "a deviation is greater than 0, not 0"),
        ("conv(std = -1) 3x3", "a deviation is greater than 0, not -1"),
        ("conv(bias = true, std = 1, prior = 0) 3x3", "a prior is a probability, not 0"),
        ("conv(bias = true, std = 1, prior = 1) 3x3", "a prior is a probability, not 1"),
        ("conv(std = 1, prior = 0.1) 3x3", "a prior sets the bias, and there is none"),
        ("conv(bias = true, prior = 0.1) 3x3", "a prior holds where weights are close to zero"),
        ("conv(init = glorot_uniform, std = 1) 3x3", "`std` and `init` are two ways to draw the same weights"),
        ("deconv 4x4 / 2", "a transposed convolution's kernel is its stride"),
        ("deconv 1x1 / 2", "a transposed convolution's kernel is its stride"),
        ("dense", "a dense layer needs its number of outputs"),
        ("scale", "`scale` needs a number"),
    ],
)  # fmt: skip
def test_what_can_not_be_drawn_or_built_is_refused(text: str, message: str) -> None:
    before = f"block k(width) -> width {{ side = {text}  act }}"
    conventions = "padding same"
    (found,) = problems(network_text("b1: k @2 <- s0 => P2", before=before, declarations=conventions))
    assert (found.code, found.message) == ("SP041", message)
    assert found.help


def test_a_scale_of_one_is_nothing() -> None:
    before = "block k(width) -> width { act, scale(1), scale(1 / 4) }"
    tiny = compile_tiny("b1: k @2 <- s0 => P2", before=before)
    assert [n.target for n in tiny.program.functions["k.1"].nodes[1:]] == [Scale(0.25)]


def test_a_transposed_convolution_multiplies_every_input_with_every_number_of_its_kernels() -> None:
    """Each of the 9 x 7 pixels of 6 channels makes 2 x 2 pixels of 4 channels."""
    deconvolution = Deconvolution(6, 4, 2, bias=True)
    count = sum(1 for _ in itertools.product(range(9 * 7), range(6), range(2 * 2), range(4)))
    assert deconvolution.macs((SHAPE,), deconvolution.output((SHAPE,))) == count
    weight, bias = deconvolution.parameters()
    # in, out, rows, columns: as torch and ONNX keep them.
    assert (weight.shape, bias.shape) == ((6, 4, 2, 2), (4,))


def test_a_dense_layer_reads_every_channel_and_pixel() -> None:
    dense = Dense(6 * 9 * 7, 5)
    assert dense.macs((SHAPE,), dense.output((SHAPE,))) == 6 * 9 * 7 * 5
    weight, bias = dense.parameters()
    assert (weight.shape, bias.shape) == ((5, 6 * 9 * 7), (5,))
    assert [p.name for p in Dense(3, 5, bias=False).parameters()] == ["weight"]


# ---- the others


SHAPES: list[tuple[Operator, tuple[Shape, ...], Shape]] = [
    (Activation("relu"), (SHAPE,), SHAPE),
    (DropPath(1), (SHAPE,), SHAPE),
    (BatchNorm(6, 1e-3, 0.99), (SHAPE,), SHAPE),
    (Add(), (SHAPE, SHAPE, SHAPE), SHAPE),
    (WeightedAdd(2, 1e-4), (SHAPE, SHAPE), SHAPE),
    (Multiply(), (SHAPE, SHAPE), SHAPE),
    (Multiply(), (SHAPE, Shape(6, 1, 1)), SHAPE),
    (Concat(), (SHAPE, Shape(1, 9, 7), Shape(2, 9, 7)), Shape(9, 9, 7)),
    (GlobalPool("max"), (SHAPE,), Shape(6, 1, 1)),
    (Pool("max", (3, 3), 2, Pads(1, 1, 1, 1)), (SHAPE,), Shape(6, 5, 4)),
    (Upsample(18, 14, 2), (SHAPE,), Shape(6, 18, 14)),
    (Upsample(17, 13, None), (SHAPE,), Shape(6, 17, 13)),
    (SpaceToDepth(2), (Shape(3, 4, 6),), Shape(12, 2, 3)),
    (Upsample(18, 14, 2, "bilinear"), (SHAPE,), Shape(6, 18, 14)),
    (Convolution(6, 4), (SHAPE,), Shape(4, 9, 7)),
    (Deconvolution(6, 4, 3), (SHAPE,), Shape(4, 27, 21)),
    (Dense(6 * 9 * 7, 5), (SHAPE,), Shape(5, 1, 1)),
    (Scale(0.2), (SHAPE,), SHAPE),
]


@pytest.mark.parametrize(("operator", "inputs", "expected"), SHAPES, ids=lambda v: getattr(v, "label", ""))
def test_shapes(operator: Operator, inputs: tuple[Shape, ...], expected: Shape) -> None:
    assert operator.output(inputs) == expected


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        (BatchNorm(5, 1e-3, 0.99), (SHAPE,)),
        (Convolution(5, 4), (SHAPE,)),
        (Convolution(6, 4, (11, 11)), (SHAPE,)),
        (Deconvolution(5, 4, 2), (SHAPE,)),
        (Dense(6, 4), (SHAPE,)),
        (Add(), (SHAPE, Shape(6, 9, 8))),
        (WeightedAdd(2, 1e-4), (SHAPE, Shape(5, 9, 7))),
        (Multiply(), (SHAPE,)),
        (Multiply(), (SHAPE, SHAPE, SHAPE)),
        (Multiply(), (Shape(6, 1, 1), SHAPE)),
        (Multiply(), (SHAPE, Shape(1, 9, 7))),
        (Concat(), (SHAPE, Shape(6, 9, 8))),
        (Pool("max", (11, 11), 2, Pads()), (SHAPE,)),
        (Pool("max", (3, 3), 2, Pads(3, 0, 0, 0)), (SHAPE,)),
        (Pool("max", (3, 3), 2, Pads(0, 3, 0, 0)), (SHAPE,)),
        (Upsample(8, 14, None), (SHAPE,)),
        (SpaceToDepth(2), (SHAPE,)),
    ],
)
def test_shapes_that_do_not_fit(operator: Operator, inputs: tuple[Shape, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        operator.output(inputs)
    assert str(caught.value)
    assert caught.value.help


def test_upsampling_reads_the_row_the_documentation_says() -> None:
    """H' = factor · H: row i comes from floor(i / factor), so that factors compose."""
    rows = [i * 5 // 20 for i in range(20)]
    assert rows == [i // 4 for i in range(20)]


# ---- the registry


def test_every_operator_is_registered() -> None:
    public = {v for v in vars(ops).values() if inspect.isclass(v) and issubclass(v, Operator)} - {Operator}
    assert set(OPERATORS) == public
    assert list(OPERATORS) == sorted(OPERATORS, key=lambda o: o.__name__)
    assert {type(operator) for operator, _, _ in SHAPES} == public


def examples() -> Iterator[Operator]:
    yield from {type(operator): operator for operator, _, _ in SHAPES}.values()


@pytest.mark.parametrize("operator", list(examples()), ids=lambda o: type(o).__name__)
def test_every_operator_is_complete(operator: Operator) -> None:
    (inputs, output), *_ = [(i, o) for op, i, o in SHAPES if op is operator or op == operator]
    assert operator.macs(inputs, output) >= 0
    assert operator.describe().startswith(f"{operator.label}(")
    # That it writes over its input, or that a norm was taken in, is said where it is so.
    shown = operator
    if isinstance(operator, Activation | Add):
        shown = replace(operator, in_place=True)
    elif isinstance(operator, Convolution):
        shown = replace(operator, norm=TakenNorm("norm1", 1e-3, False))
    for field in fields(operator):
        assert f"{field.name}=" in shown.describe()
    names = [p.name for p in operator.parameters()]
    assert len(set(names)) == len(names)
    assert all(p.elements > 0 for p in operator.parameters())
    assert (type(operator).__doc__ or "").strip()
    with pytest.raises(AttributeError):
        operator.label = "other"  # type: ignore[misc]
    assert hash(operator) == hash(operator)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_has_an_example_that_compiles(name: str) -> None:
    example = WORDS[name].example
    for word, replacement in (
        ("inputs, dangling", "input, input"),
        ("inputs", "input, input"),
        ("shortcut", "input"),
        ("gate", "input"),
        ("target", "1"),
    ):
        example = example.replace(word, replacement)
    assert example.startswith(name) or name in ("act",)
    tiny = compile_tiny(
        "b1: k @2 <- s0 => P2",
        before=f"block k(width) -> width {{ side = {example}  act }}",
        declarations="drop_path 0.1",
    )
    assert len(tiny.program.functions["k.1"].nodes) >= 1
