"""The derived view without calls: every operator in running order, with its full name.

Never authored, always made from a Program: what keeps the functions keeps the readable classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import Operator, Parameter, Shape
from spinedsl.records import record
from spinedsl.source import Span


@record
class InlinedNode:
    """An operator outside of any function.

    Attributes:
        name: unique; it also names the value the operator makes.
        holder: dotted name of what holds its parameters; its name, unless they are shared.
        owner: the stem, block, endpoint or head of the spec that it belongs to.
    """

    name: str
    holder: str
    operator: Operator
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    span: Span | None
    owner: str

    @property
    def macs(self) -> int:
        """Multiply-adds for one sample."""
        return self.operator.macs(self.input_shapes, self.shape)


@record
class Inlined:
    """A whole program as operators.

    Attributes:
        nodes: in running order.
        outputs: endpoint name → name of the value that carries it.
        values: value of `main` → its name here.
    """

    nodes: tuple[InlinedNode, ...]
    outputs: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)

    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its dotted name, in running order; shared ones once."""
        return dict(self._parameters)

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        for node in self.nodes:
            for parameter in node.operator.parameters():
                found.setdefault(f"{node.holder}.{parameter.name}", parameter)
        return found


@dataclass(slots=True)
class _Frame:
    """A function that is being walked.

    Attributes:
        prefix, holder: what stands before the names of its values, and of its parameters' holders.
        returns: the caller's value that waits for it.
        instance: the one whose parameters its `own` nodes use.
    """

    prefix: str
    holder: str
    function: Function
    names: dict[str, str]
    returns: str
    owner: str
    instance: str = ""
    shapes: dict[str, Shape] = field(init=False)
    remaining: Iterator[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = self.function.shapes()
        self.remaining = iter(self.function.nodes)


def inline(program: Program) -> Inlined:
    """Walk all calls, with a stack of its own: depth is data, not Python's recursion."""
    nodes = []
    main = _Frame("", "", program.main, {port.name: port.name for port in program.main.inputs}, "", "")
    stack = [main]
    while True:
        frame = stack[-1]
        node = next(frame.remaining, None)
        if node is None:
            stack.pop()
            if not stack:
                break
            ((_, value),) = frame.function.outputs
            stack[-1].names[frame.returns] = frame.names[value]
            continue
        name, holder = frame.prefix + node.output, frame.holder + node.name
        inputs = tuple(frame.names[i] for i in node.inputs)
        if isinstance(node.target, Call):
            function = program.functions[node.target.function]
            bound = {p.name: i for p, i in zip(function.inputs, inputs, strict=True)}
            owner, instance = frame.owner or node.owner, node.instance or frame.instance
            stack.append(_Frame(f"{name}.", f"{holder}.", function, bound, node.output, owner, instance))
            continue
        shapes = tuple(frame.shapes[i] for i in node.inputs)
        frame.names[node.output] = name
        if node.own:
            holder += f".{node.instance or frame.instance}"
        owner = frame.owner or node.owner
        nodes.append(InlinedNode(name, holder, node.target, inputs, shapes, node.shape, node.span, owner))
    outputs = {endpoint: main.names[value] for endpoint, value in program.main.outputs}
    return Inlined(tuple(nodes), outputs, main.names)
