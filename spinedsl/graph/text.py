"""The Program as text: functions first, callees before callers, then `main`."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.graph.program import Call, Function, Node, Program


def program_text(program: Program, functions: bool = True) -> str:
    """One node a line: `value: shape = operator(attributes) <- inputs`; perhaps `main` alone."""
    parts = ["\n".join(_function(f)) for f in program.functions.values()] if functions else []
    main = "\n".join(_function(program.main))
    return "\n\n".join([*parts, f"# {program.name}\n{main}"]) + "\n"


def _function(function: Function) -> Iterator[str]:
    inputs = ", ".join(f"{port.name}: {port.shape}" for port in function.inputs)
    yield f"function {function.name}({inputs}) {{"
    for node in function.nodes:
        yield f"  {_node(node)}"
    outputs = ", ".join(f"{name} = {value}" if name else value for name, value in function.outputs)
    yield f"  return {outputs}"
    yield "}"


def _node(node: Node) -> str:
    target = f"call {node.target.function}" if isinstance(node.target, Call) else node.target.describe()
    value = node.output if node.output == node.name else f"{node.output} (as {_holder(node)})"
    own = " per level" if node.own else ""
    return f"{value}: {node.shape} = {target}{own} <- {', '.join(node.inputs)}"


def _holder(node: Node) -> str:
    """Whose parameters a node uses that isn't called like its value."""
    return node.name + (f", {node.instance}" if node.instance else "")
