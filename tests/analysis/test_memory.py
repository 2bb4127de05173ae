"""The peak of what is held, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from properties.networks import networks
from support import compile_text

from spinedsl.analysis.memory import Peak, peak_of
from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.graph.program import Function, Port, Program
from spinedsl.ops import Activation, Add, Scale, Shape

SHAPE = Shape(1, 1, 1)


def peak(*rows: tuple[str, Sequence[str]], outputs: str) -> Peak:
    """Of nodes of 4 bytes: a name, and what it reads.

    One that is called in capitals has 40; one that is called with a ! writes over what it reads.
    """
    shapes = {"x": SHAPE}
    nodes = []
    for name, inputs in rows:
        shapes[name] = Shape(10, 1, 1) if name.isupper() else SHAPE
        read = tuple(inputs)
        operator = Add() if len(read) > 1 else Scale(2.0)
        if name.endswith("!"):
            operator = Activation("relu", in_place=True)
        before = tuple(shapes[i] for i in read)
        nodes.append(InlinedNode(name, name, operator, read, before, shapes[name], None, f"block {name}"))
    inlined = Inlined(tuple(nodes), {o: o for o in outputs})
    main = Function("main", "", (Port("x", SHAPE),), (), tuple((o, o) for o in outputs))
    return peak_of(Program("p", main, {}, (), 1), inlined)


def test_a_chain_holds_its_input_and_two_values():
    found = peak(("a", "x"), ("b", "a"), ("c", "b"), outputs="c")
    assert found == Peak(12, "block b", (("x", 4), ("a", 4), ("b", 4)))


def test_what_is_read_later_is_held():
    found = peak(("a", "x"), ("b", "a"), ("c", "b"), ("d", "ca"), outputs="d")
    assert found.bytes == 16
    assert dict(found.held).keys() == {"x", "a", "b", "c"}


def test_endpoints_are_held_to_the_end():
    assert peak(("a", "x"), ("b", "a"), ("c", "b"), outputs="ac").bytes == 16


def test_what_nobody_reads_is_freed_at_once():
    found = peak(("A", "x"), ("b", "x"), ("c", "b"), outputs="c")
    assert (found.bytes, found.owner) == (44, "block A")
    assert found.held == (("A", 40), ("x", 4))


def test_a_value_that_is_read_twice_by_one_node_is_freed_once():
    assert peak(("a", "x"), ("b", "aa"), ("c", "b"), outputs="c").bytes == 12


def test_what_is_written_over_is_not_held_twice():
    written_over, beside = (
        peak(("a", "x"), ("B", "a"), (f"C{sign}", "B"), ("d", (f"C{sign}",)), outputs="d") for sign in "!?"
    )
    assert dict(beside.held) == {"x": 4, "B": 40, "C?": 40}
    assert (written_over.bytes, dict(written_over.held)) == (48, {"x": 4, "a": 4, "B": 40})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(most=6))
def test_the_peak_is_what_running_step_by_step_holds(text: str) -> None:
    """Against sets of what is still needed, made anew at every step."""
    compilation = compile_text(text)
    inlined = compilation.inlined
    inputs = {port.name: port.shape for port in compilation.program.main.inputs}
    sizes = {**inputs, **{node.name: node.shape for node in inlined.nodes}}
    highest = 0
    for index, node in enumerate(inlined.nodes):
        later = {i for other in inlined.nodes[index:] for i in other.inputs}
        needed = later | set(inlined.outputs.values())
        made = {other.name for other in inlined.nodes[:index]}
        held = set(inputs) | (made & needed) | {node.name}
        highest = max(highest, sum(4 * sizes[value].elements for value in held))
    assert peak_of(compilation.program, inlined).bytes == max(
        highest, sum(4 * s.elements for s in inputs.values())
    )
