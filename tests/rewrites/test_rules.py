"""Every numbered rule of every rewrite, on functions written by hand: what it does and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinedsl.analysis.exact import at_random
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.graph.inline import inline
from spinedsl.graph.program import Endpoint, Function, Program
from spinedsl.graph.text import program_text
from spinedsl.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    DropPath,
    GlobalPool,
    Pool,
    Scale,
    Shape,
    Upsample,
)
from spinedsl.ops.types import Pads
from spinedsl.profiles import Costs, Optimisation, Profile
from spinedsl.rewrites import rewrite
from spinedsl.rewrites.decisions import Decision

EAGER = Profile("eager", Costs(mac=1.0, byte=1e-6, upsampled_byte=1e-6), False, False, False)
LOW, HIGH = Shape(4, 3, 5), Shape(4, 6, 10)
UP = Upsample(6, 10, 2)
CONV = Convolution(4, 6)
WIDE = Convolution(4, 6, (3, 3), pads=Pads(1, 1, 1, 1))
RELU = Activation("relu")
NORM = BatchNorm(6, 1e-3, 0.99)
WIDE_OF = {
    operator: Convolution(channels, 2, (3, 3), pads=Pads(1, 1, 1, 1))
    for operator, channels in ((CONV, 6), (Scale(2.0), 4))
}
"""A layer behind operators, by the first of them."""


class Body:
    """A function in the making."""

    def __init__(self, name: str, *shapes: Shape) -> None:
        self.name, self.builder = name, FunctionBuilder(owner="x")
        self.inputs = [self.builder.add_input(f"x{i}", shape) for i, shape in enumerate(shapes)]

    def run(self, operator, *inputs: Feature) -> Feature:
        return self.builder.apply(operator, inputs or (self.last,), None)

    def chain(self, *operators) -> Feature:
        self.last = self.inputs[0]
        for operator in operators:
            self.last = self.run(operator)
        return self.last

    def call(self, name: str, function: Function, *inputs: Feature) -> Feature:
        return self.builder.call(name, function, inputs, None)

    def finish(self, *outputs: Feature) -> Function:
        names = [""] if self.name != "main" else [f"P{i}" for i in range(len(outputs))]
        return self.builder.finish(self.name, tuple((n, o.name) for n, o in zip(names, outputs, strict=True)))


def function(name: str, shape: Shape, *operators) -> Function:
    body = Body(name, shape)
    return body.finish(body.chain(*operators))


def program(main: Function, *functions: Function) -> Program:
    shapes = main.shapes()
    endpoints = tuple(Endpoint(name, None, shapes[value]) for name, value in main.outputs)
    return Program("p", main, {f.name: f for f in functions}, endpoints, 1)


def rewritten(before: Program, level=1, profile=EAGER) -> tuple[Program, list[Decision]]:
    """The program rewritten, with the same values."""
    after, decisions = rewrite(before, Optimisation(level, profile))
    expected, found = (at_random(each, inline(each)) for each in (before, after))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert str(after.optimisation) == f"-O{level} for {profile.name}"
    return replace(after, optimisation=None), list(decisions)


def labels(of: Function) -> list[str]:
    return [getattr(node.target, "label", "call") for node in of.nodes]


def reasons(decisions: list[Decision]) -> list[str]:
    return [("+ " if d.applied else "- ") + d.reason for d in decisions]


# ---- late up-sampling


def test_upsampling_goes_behind_a_convolution_and_an_activation():
    after, (decision,) = rewritten(program(function("main", LOW, UP, CONV, RELU)))
    assert labels(after.main) == ["conv", "act", "upsample"]
    assert [node.shape.height for node in after.main.nodes] == [3, 3, 6]
    assert decision.applied and decision.reason.startswith("behind act1: ")


def test_behind_a_norm_it_goes_at_inference_only():
    before = program(function("main", LOW, UP, CONV, NORM))
    after, decisions = rewritten(before, 1)
    assert labels(after.main) == ["conv", "upsample", "norm"]
    after, decisions = rewritten(before, 2)
    assert labels(after.main) == ["conv", "norm", "upsample"]
    only = program(function("main", LOW, Upsample(6, 10, 2), BatchNorm(4, 1e-3, 0.9)))
    _, decisions = rewritten(only, 1)
    assert reasons(decisions) == ["- norm1 counts pixels in training; -O2 doesn't train"]


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ((UP, WIDE), "conv1 is no operator on single pixels"),
        ((UP, Convolution(4, 6, stride=2)), "conv1 is no operator on single pixels"),
        ((UP, Convolution(4, 6, pads=Pads(1, 1, 1, 1))), "conv1 is no operator on single pixels"),
        ((UP, Pool("max", (3, 3), 2, Pads(1, 1, 1, 1))), "pool1 is no operator on single pixels"),
        ((UP,), "upsample1 is what the function returns"),
        ((Upsample(6, 10, 2, "bilinear"), CONV), "it is bilinear, no copy of pixels"),
    ],
)
def test_what_upsampling_stays_in_front_of(operators, reason):
    before = program(function("main", LOW, *operators))
    after, decisions = rewritten(before, 2)
    assert after == before
    assert reasons(decisions) == [f"- {reason}"]


def test_upsampling_to_an_odd_extent_moves_too():
    after, _ = rewritten(program(function("main", LOW, Upsample(5, 9, None), CONV)))
    assert labels(after.main) == ["conv", "upsample"]


def test_upsampling_in_front_of_upsampling_becomes_one():
    """The first moves to the second, which then starts from there, and both are one."""
    body = (UP, CONV, Upsample(12, 20, 2), Convolution(6, 3), Convolution(3, 2, (3, 3)))
    after, _ = rewritten(program(function("main", LOW, *body)))
    assert labels(after.main) == ["conv", "conv", "upsample", "conv"]
    assert after.main.nodes[2].target == Upsample(12, 20, 4)


def test_upsampling_that_is_read_twice_stays():
    body = Body("main", LOW)
    large = body.chain(UP)
    before = program(body.finish(body.run(CONV, large), body.run(RELU, large)))
    after, decisions = rewritten(before)
    assert after == before
    assert reasons(decisions) == ["- upsample1 is read 2 times"]


def test_upsampling_stays_where_it_costs_less():
    dear = Profile("dear", Costs(mac=1e-9, byte=1e-9, upsampled_byte=1.0), True, True, True)
    before = program(function("main", LOW, UP, CONV))
    after, (decision,) = rewritten(before, 1, dear)
    assert after == before
    assert not decision.applied and "would become" in decision.reason
    # Fewer channels behind the convolution: now there is less to copy.
    narrow = program(function("main", LOW, UP, Convolution(4, 2)))
    assert labels(rewritten(narrow, 1, dear)[0].main) == ["conv", "upsample"]


def test_a_lost_addition_counts():
    """What a layer makes is added for free, as long as nothing stands between."""
    costs = Costs(mac=0.0, byte=1.0, upsampled_byte=0.1)
    before = program(function("main", LOW, UP, CONV))
    for fuses, expected in ((False, ["conv", "upsample"]), (True, ["upsample", "conv"])):
        profile = Profile("p", costs, False, False, fuses)
        assert labels(rewritten(before, 1, profile)[0].main) == expected


def test_a_norm_that_stays_behind_a_layer_counts():
    costs = Costs(mac=0.0, byte=1.0, upsampled_byte=0.1)
    before = program(function("main", LOW, UP, CONV, NORM))
    for fuses, expected in ((False, ["conv", "upsample", "norm"]), (True, ["upsample", "conv", "norm"])):
        profile = Profile("p", costs, fuses, False, False)
        assert labels(rewritten(before, 1, profile)[0].main) == expected


# ---- identities


@pytest.mark.parametrize(
    "operator",
    [Upsample(3, 5, 1), Scale(1.0), Pool("max", (1, 1), 1, Pads()), DropPath(0), Add(), Concat()],
)
def test_what_changes_nothing_goes(operator):
    after, (decision,) = rewritten(program(function("main", LOW, RELU, operator, CONV)))
    assert labels(after.main) == ["act", "conv"]
    assert reasons([decision]) == ["+ it changes nothing"]


def test_an_endpoint_that_changes_nothing_is_what_it_reads():
    after, _ = rewritten(program(function("main", LOW, RELU, Scale(1.0))))
    assert after.main.outputs == (("P0", "act1"),)


def test_a_function_that_changes_nothing_is_not_called():
    nothing = function("nothing", LOW, Scale(1.0))
    body = Body("main", LOW)
    after, _ = rewritten(program(body.finish(body.run(RELU, body.call("b", nothing, *body.inputs))), nothing))
    assert labels(after.main) == ["act"]
    assert after.functions == {}


def test_upsampling_twice_is_once():
    twice = (WIDE, Upsample(6, 10, 2), Upsample(18, 30, 3), Convolution(6, 6, (3, 3)))
    after, _ = rewritten(program(function("main", LOW, *twice)))
    assert labels(after.main) == ["conv", "upsample", "conv"]
    assert after.main.nodes[1].target == Upsample(18, 30, 6)


@pytest.mark.parametrize(
    "second", [Upsample(18, 30, 3, "bilinear"), Upsample(7, 11, None)], ids=["bilinear", "odd"]
)
def test_upsampling_twice_in_different_ways_stays(second):
    before = program(function("main", LOW, Upsample(6, 10, 2), second))
    assert labels(rewritten(before)[0].main) == ["upsample", "upsample"]


def test_upsampling_between_that_is_read_stays():
    body = Body("main", LOW)
    middle = body.chain(UP)
    before = program(body.finish(middle, body.run(Upsample(12, 20, 2), middle)))
    assert labels(rewritten(before)[0].main) == ["upsample", "upsample"]


# ---- common subexpressions


def test_equal_operators_are_one():
    body = Body("main", LOW)
    (x,) = body.inputs
    first, second = body.run(RELU, x), body.run(RELU, x)
    after, decisions = rewritten(program(body.finish(body.run(WIDE, first), body.run(WIDE, second))))
    assert labels(after.main) == ["act", "conv", "conv"]
    assert reasons(decisions) == ["+ the same as act1"]


def test_equal_calls_are_one_if_they_have_no_parameters():
    pooled = function("pooled", LOW, Pool("max", (3, 3), 2, Pads(1, 1, 1, 1)), RELU)
    layer = function("layer", LOW, CONV)
    for called, expected in ((pooled, ["call", "conv", "conv"]), (layer, ["call", "call", "conv", "conv"])):
        body = Body("main", LOW)
        (x,) = body.inputs
        one, other = body.call("one", called, x), body.call("other", called, x)
        kind = Convolution(one.shape.channels, 2, (3, 3), pads=Pads(1, 1, 1, 1))
        before = program(body.finish(body.run(kind, one), body.run(kind, other)), called)
        assert labels(rewritten(before)[0].main) == expected


def test_what_is_random_stays():
    body = Body("main", LOW)
    (x,) = body.inputs
    drop = DropPath(1)
    before = program(body.finish(body.run(drop, x), body.run(drop, x)))
    assert labels(rewritten(before)[0].main) == ["drop_path", "drop_path"]


# ---- joint up-sampling


def test_inputs_that_are_enlarged_alike_are_added_first():
    body = Body("main", LOW, LOW, HIGH)
    a, b, c = body.inputs
    total = body.run(Add(), body.run(UP, a), c, body.run(UP, b))
    after, decisions = rewritten(program(body.finish(total)))
    assert labels(after.main) == ["add", "upsample", "add"]
    assert after.main.nodes[0].inputs == ("x0", "x1")
    assert reasons([d for d in decisions if d.applied]) == [
        "+ 2 inputs of 4 x 3 x 5 are added before they are enlarged"
    ]


def test_a_sum_of_nothing_else_is_enlarged_at_last():
    body = Body("main", LOW, LOW)
    a, b = body.inputs
    total = body.run(Add(), body.run(UP, a), body.run(UP, b))
    after, _ = rewritten(program(body.finish(body.run(RELU, total))))
    # Behind the sum it goes on behind the activation.
    assert labels(after.main) == ["add", "act", "upsample"]


def test_across_calls():
    enlarged = function("enlarged", LOW, CONV, UP)
    merge = Body("merge", Shape(6, 6, 10), Shape(6, 6, 10))
    merged = merge.run(RELU, merge.run(Add(), *merge.inputs))
    merge_function = merge.finish(merged)
    body = Body("main", LOW, LOW)
    a, b = body.inputs
    total = body.call(
        "b_merge", merge_function, body.call("a_to_b", enlarged, a), body.call("b_to_b", enlarged, b)
    )
    before = program(body.finish(body.run(Convolution(6, 2, (3, 3)), total)), enlarged, merge_function)
    after, _ = rewritten(before)
    assert list(after.functions) == ["enlarged.low", "merge.x0.x1.low"]
    assert labels(after.functions["enlarged.low"]) == ["conv"]
    assert labels(after.functions["merge.x0.x1.low"]) == ["add", "act", "upsample"]
    assert inline(after).parameters() == inline(before).parameters()


@pytest.mark.parametrize("why", ["read twice", "another factor", "no factor", "one only", "bilinear"])
def test_inputs_that_stay_as_they_are(why):
    large = {
        "another factor": (Upsample(12, 20, 2), Shape(4, 6, 10)),
        "no factor": (Upsample(12, 20, None), LOW),
        "bilinear": (Upsample(12, 20, 4, "bilinear"), LOW),
    }
    operator, shape = large.get(why, (Upsample(12, 20, 4), LOW))
    body = Body("main", LOW, shape)
    a, b = body.inputs
    first = body.run(large["bilinear"][0] if why == "bilinear" else Upsample(12, 20, 4), a)
    second = first if why == "one only" else body.run(operator, b)
    total = body.run(Add(), first, second)
    before = program(body.finish(total, first) if why == "read twice" else body.finish(total))
    after, _ = rewritten(before)
    assert labels(after.main) == labels(before.main)


# ---- dead code


def test_what_nobody_reads_goes():
    body = Body("main", LOW)
    (x,) = body.inputs
    dead = body.run(RELU, body.run(Scale(2.0), x))
    assert dead.name == "act1"
    after, decisions = rewritten(program(body.finish(body.run(WIDE, x))))
    assert labels(after.main) == ["conv"]
    assert reasons(decisions) == ["+ nobody reads it"] * 2


def test_what_has_parameters_stays():
    layer = function("layer", LOW, CONV)
    body = Body("main", LOW)
    (x,) = body.inputs
    body.call("dead", layer, x)
    before = program(body.finish(body.run(RELU, x)), layer)
    after, decisions = rewritten(before, 2)
    assert after == before
    assert reasons(decisions) == ["- nobody reads it, but checkpoints have its parameters"]


# ---- in place

WRITING = Profile("writing", Costs(1.0, 1.0, 1.0), False, False, False, in_place=True)


def in_place(of: Function, kind=Activation) -> list[bool]:
    return [node.target.in_place for node in of.nodes if isinstance(node.target, kind)]


@pytest.mark.parametrize("function_", ["relu", "relu6"])
@pytest.mark.parametrize("operators", [(CONV,), (CONV, NORM), (Scale(2.0),)])
def test_an_activation_writes_over_what_was_made_for_it(operators, function_):
    before = program(function("main", LOW, *operators, Activation(function_), WIDE_OF[operators[0]]))
    after, _ = rewritten(before, 1, WRITING)
    assert in_place(after.main) == [True]


def test_it_does_so_for_no_runtime_that_frees_by_itself():
    before = program(function("main", LOW, CONV, RELU))
    assert in_place(rewritten(before, 1, EAGER)[0].main) == [False]


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ((CONV, Activation("swish")), "the derivative of swish needs its input"),
        ((RELU,), "x0 is the caller's"),
        ((CONV, Activation("sigmoid"), RELU), "act1 may be another value, or is needed for its derivative"),
        ((DropPath(1), RELU), "x0 is the caller's"),
        (
            (CONV, GlobalPool("max"), RELU),
            "pool1 may be another value, or is needed for its derivative",
        ),
    ],
)
def test_what_is_not_written_over(operators, reason):
    _, decisions = rewritten(program(function("main", LOW, *operators)), 1, WRITING)
    assert f"- {reason}" in reasons(decisions)
    assert not any(d.applied for d in decisions)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ((CONV, Activation("swish")), [True]),
        ((CONV, Activation("hard_sigmoid")), [True]),
        ((CONV, Activation("hard_sigmoid", slope=0.2)), [False]),
        ((CONV, Activation("sigmoid"), RELU), [False, True]),
        ((CONV, GlobalPool("max"), RELU), [True]),
        ((Activation("swish"),), [False]),
    ],
)
def test_without_training_more_is_written_over(operators, expected):
    after, _ = rewritten(program(function("main", LOW, *operators)), 2, WRITING)
    assert in_place(after.main) == expected


@pytest.mark.parametrize("again", ["read", "returned"])
def test_a_value_that_is_needed_again_is_not_written_over(again):
    body = Body("main", LOW)
    made = body.chain(CONV)
    active = body.run(RELU, made)
    outputs = [body.run(Add(), made, active)] if again == "read" else [made, active]
    after, decisions = rewritten(program(body.finish(*outputs)), 1, WRITING)
    assert in_place(after.main) == [False]
    assert "- conv1 is read 2 times" in reasons(decisions)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ((CONV,), True),
        ((CONV, NORM), True),
        ((CONV, RELU), False),
        ((CONV, DropPath(1)), True),
        ((DropPath(1),), False),
    ],
)
def test_what_a_call_returns_is_written_over_if_it_made_it(operators, expected):
    layer = function("layer", LOW, *operators)
    body = Body("main", LOW)
    called = body.call("a", layer, *body.inputs)
    after, _ = rewritten(program(body.finish(body.run(RELU, called)), layer), 1, WRITING)
    assert in_place(after.main) == [expected]


@pytest.mark.parametrize(
    ("first", "second", "operands"),
    [
        ((CONV,), (CONV,), ["conv1", "conv2"]),
        ((CONV, RELU), (CONV,), ["conv2", "act1"]),
        ((CONV, NORM, DropPath(1)), (CONV, RELU), ["drop_path1", "act1"]),
        ((CONV, RELU), (CONV, DropPath(1), RELU), None),
    ],
)
def test_a_sum_writes_over_an_operand_that_was_made_for_it(first, second, operands):
    body = Body("main", LOW)
    values = [body.chain(*first), body.chain(*second)]
    after, _ = rewritten(program(body.finish(body.run(Add(), *values))), 1, WRITING)
    assert in_place(after.main, Add) == [operands is not None]
    if operands is not None:
        assert list(after.main.nodes[-1].inputs) == operands


def test_a_value_is_not_added_to_itself_in_place():
    body = Body("main", LOW)
    made = body.chain(CONV)
    after, decisions = rewritten(program(body.finish(body.run(Add(), made, made))), 1, WRITING)
    assert in_place(after.main, Add) == [False]
    assert reasons(decisions) == ["- conv1 is read 2 times; conv1 is read 2 times"]


# ---- running order

ORDERED = Profile("ordered", Costs(1.0, 1.0, 1.0), False, False, False, keeps_order=True)
SMALL, LARGE = Pool("max", (3, 3), 3, Pads(0, 0, 0, 0)), Convolution(4, 8)


def test_what_frees_memory_runs_first():
    """Two large values, each pooled: written one after the other, both are there at once."""
    body = Body("main", Shape(4, 6, 6))
    (x,) = body.inputs
    large = [body.run(LARGE, x) for _ in range(2)]
    small = [body.run(SMALL, value) for value in large]
    before = program(body.finish(body.run(Add(), *small)))
    after, decisions = rewritten(before, 2, ORDERED)
    assert [node.output for node in after.main.nodes] == ["conv1", "pool1", "conv2", "pool2", "add1"]
    assert reasons(decisions) == ["+ and what follows: 0.00232 MiB at once became 0.00134"]
    assert decisions[0].node == "pool1"


def test_a_call_counts_what_it_needs_inside():
    """`b` frees what it reads; but `a` does, too, needs less inside, and stands first."""
    body = Body("a", Shape(4, 6, 6))
    body.chain(LARGE, SMALL)
    inner = body.finish(body.last)
    body = Body("main", Shape(4, 6, 6), Shape(4, 6, 6))
    made = [body.run(RELU, value) for value in body.inputs]
    called = [body.call(name, inner, value) for name, value in zip("ab", made, strict=True)]
    before = program(body.finish(body.run(Add(), *called)), inner)
    after, _ = rewritten(before, 2, ORDERED)
    assert [node.output for node in after.main.nodes] == ["act1", "a", "act2", "b", "add1"]


def test_an_order_that_holds_no_less_stays_as_it_was_written():
    body = Body("main", LOW)
    made = [body.run(RELU, body.inputs[0]), body.run(CONV, body.inputs[0])]
    before = program(body.finish(*reversed(made)))
    assert rewritten(before, 2, ORDERED) == (before, [])


@pytest.mark.parametrize(("level", "profile"), [(1, ORDERED), (2, EAGER)])
def test_the_order_stays_in_training_and_where_the_runtime_has_its_own(level, profile):
    body = Body("main", Shape(4, 6, 6))
    large = [body.run(LARGE, body.inputs[0]) for _ in range(2)]
    before = program(body.finish(body.run(Add(), *(body.run(SMALL, value) for value in large))))
    assert rewritten(before, level, profile)[0] == before


# ---- folded norms

FOLDING = Profile("folding", Costs(1.0, 1.0, 1.0), False, False, False, folds_norms=True)


def called_once(*operators) -> Program:
    layer = function("layer", LOW, *operators)
    body = Body("main", LOW)
    return program(body.finish(body.call("a", layer, *body.inputs)), layer)


@pytest.mark.parametrize("bias", [False, True])
def test_a_norm_goes_into_the_convolution_before_it(bias):
    before = called_once(Convolution(4, 6, bias=bias), NORM, RELU)
    after, decisions = rewritten(before, 2, FOLDING)
    assert labels(after.functions["layer"]) == ["conv", "act"]
    assert reasons(decisions) == ["+ into conv1"]
    assert list(inline(after).parameters()) == ["a.conv1.weight", "a.conv1.bias"]
    assert "norm=norm1" in program_text(after)


def test_norms_are_not_folded_for_training_nor_where_the_runtime_does_it():
    before = called_once(CONV, NORM)
    for level, profile in ((1, FOLDING), (2, EAGER)):
        after, _ = rewritten(before, level, profile)
        assert labels(after.functions["layer"]) == ["conv", "norm"]


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ((RELU, BatchNorm(4, 1e-3, 0.9)), "act1 is no convolution of this function"),
        ((BatchNorm(4, 1e-3, 0.9),), "x0 is no convolution of this function"),
        ((CONV, NORM, NORM), "norm1 is no convolution of this function"),
    ],
)
def test_norms_that_stay(operators, reason):
    _, decisions = rewritten(called_once(*operators), 2, FOLDING)
    assert f"- {reason}" in reasons(decisions)


def test_a_norm_stays_whose_convolution_is_read_twice_or_that_stands_in_main():
    body = Body("layer", LOW)
    made = body.chain(CONV)
    layer = body.finish(body.run(Add(), made, body.run(NORM, made)))
    outer = Body("main", LOW)
    called = outer.call("a", layer, *outer.inputs)
    before = program(outer.finish(outer.run(NORM, outer.run(Convolution(6, 6), called))), layer)
    after, decisions = rewritten(before, 2, FOLDING)
    assert after == before
    assert reasons(decisions) == ["- conv1 is read 2 times", "- it stands in the network itself"]


# ----


def test_a_function_counts_anew_what_it_runs():
    after, _ = rewritten(program(function("main", LOW, RELU, Scale(1.0), CONV)))
    assert after.main.operators == 2


def test_nothing_is_rewritten_at_level_0():
    before = program(function("main", LOW, UP, CONV, Scale(1.0)))
    after, decisions = rewrite(before, Optimisation(0, EAGER))
    assert replace(after, optimisation=None) == before and decisions == ()
    assert program_text(after) == program_text(before)


def test_what_is_read_behind_something_that_goes_is_still_read():
    """Two readers behind a scaling by 1 are two readers of the up-sampling before it."""
    body = Body("main", LOW)
    same = body.chain(UP, Scale(1.0))
    outputs = body.run(Upsample(12, 20, 2), same), body.run(WIDE, same)
    after, _ = rewritten(program(body.finish(*outputs)))
    assert labels(after.main) == ["upsample", "upsample", "conv"]
