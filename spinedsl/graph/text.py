"""The Program as text: functions first, callees before callers, then `main`."""

from __future__ import annotations

from collections.abc import Iterator

from spinedsl.graph.program import Call, Function, Node, Program


def program_text(program: Program) -> str:
    """One node a line: `value: shape = operator(attributes) <- inputs`."""
    parts = ["\n".join(_function(f)) for f in program.functions.values()]
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
    return f"{node.output}: {node.shape} = {target} <- {', '.join(node.inputs)}"
