"""The derived view without calls agrees with the program it is made from."""

from __future__ import annotations

import pytest
from support import compile_tiny

from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Call, Program
from spinedsl.ops import Shape
from spinedsl.specification import open_spec


def run_calls(program: Program) -> list[tuple[str, str, tuple[str, ...], Shape]]:
    """Every operator in order with its full name: a plain recursion over the calls."""
    found: list[tuple[str, str, tuple[str, ...], Shape]] = []

    def walk(function: str, inputs: tuple[str, ...], prefix: str) -> str:
        body = program.functions[function]
        values = dict(zip((p.name for p in body.inputs), inputs, strict=True))
        return values_of(body, values, prefix)[body.outputs[0][1]]

    def values_of(body: object, values: dict[str, str], prefix: str) -> dict[str, str]:
        for node in body.nodes:  # type: ignore[attr-defined]
            inputs = tuple(values[name] for name in node.inputs)
            if isinstance(node.target, Call):
                values[node.output] = walk(node.target.function, inputs, f"{prefix}{node.name}.")
            else:
                values[node.output] = prefix + node.name
                found.append((prefix + node.name, node.target.label, inputs, node.shape))
        return values

    values_of(program.main, {p.name: p.name for p in program.main.inputs}, "")
    return found


def flat(inlined: Inlined) -> list[tuple[str, str, tuple[str, ...], Shape]]:
    return [(n.name, n.operator.label, n.inputs, n.shape) for n in inlined.nodes]


@pytest.mark.parametrize("name", ["spinenet49", "spinenet_mobile49", "nas_fpn", "bifpn", "r50_fpn"])
def test_inlining_runs_the_same_operators(name: str) -> None:
    program = open_spec(f"std:{name}").program
    assert flat(inline(program)) == run_calls(program)


def test_every_value_is_made_before_it_is_read() -> None:
    inlined = open_spec("std:spinenet96").inlined
    known = {"image"}
    for node in inlined.nodes:
        assert known.issuperset(node.inputs)
        assert node.name not in known
        known.add(node.name)
    assert known.issuperset(inlined.outputs.values())


def test_shapes_are_those_that_the_operators_give() -> None:
    inlined = open_spec("std:spinenet_mobile49").inlined
    shapes = {"image": Shape(3, 384, 384)}
    for node in inlined.nodes:
        assert node.input_shapes == tuple(shapes[name] for name in node.inputs)
        assert node.operator.output(node.input_shapes) == node.shape
        shapes[node.name] = node.shape


def test_functions_know_how_many_operators_they_run() -> None:
    compilation = open_spec("std:spinenet_mobile49")
    main = compilation.program.main
    assert main.operators == len(compilation.inlined.nodes)


def test_an_output_may_be_an_input() -> None:
    tiny = compile_tiny(
        "a: nothing @2 merge plain <- s0 via direct => P2", before="block nothing(width) -> width {}"
    )
    last_of_s0 = [node.name for node in tiny.inlined.nodes if node.owner == "s0"][-1]
    assert tiny.inlined.outputs == {"P2": last_of_s0}


def test_nodes_name_who_they_belong_to() -> None:
    tiny = compile_tiny("a: residual @3 repeat 2 <- s0 => P3  endpoints -> 4")
    owners = list(dict.fromkeys(n.owner for n in tiny.inlined.nodes))
    assert owners == ["stem", "s0", "a", "P3"]
