"""Building one function, node by node."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from spinedsl.graph.program import Call, Function, Node, Port
from spinedsl.ops import Operator, Shape
from spinedsl.source import Span


@dataclass(frozen=True, slots=True)
class Feature:
    """A value of the function that is being built."""

    name: str
    shape: Shape


@dataclass
class FunctionBuilder:
    """Collects nodes; names them by operator and number: `conv1`, `norm1`, `conv2`.

    `owner` is given to every node that is added.
    """

    inputs: list[Port] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    owner: str = ""
    _counts: Counter[str] = field(default_factory=Counter)

    def add_input(self, name: str, shape: Shape) -> Feature:
        """A value that enters."""
        self.inputs.append(Port(name, shape))
        return Feature(name, shape)

    def name(self, label: str, prefix: str = "") -> str:
        """The next free name made of a label and a number."""
        self._counts[prefix + label] += 1
        return f"{prefix}{label}{self._counts[prefix + label]}"

    def apply(
        self, operator: Operator, inputs: tuple[Feature, ...], span: Span | None, prefix: str = ""
    ) -> Feature:
        """Run an operator.

        Raises:
            ShapeError: the inputs don't fit.
        """
        shape = operator.output(tuple(i.shape for i in inputs))
        name = self.name(operator.label, prefix)
        return self._add(Node(name, operator, tuple(i.name for i in inputs), name, shape, span, self.owner))

    def call(self, name: str, function: Function, inputs: tuple[Feature, ...], span: Span | None) -> Feature:
        """Run another function, under a name of its own; a function without nodes is its input."""
        ((_, value),) = function.outputs
        if not function.nodes:
            position = [port.name for port in function.inputs].index(value)
            return inputs[position]
        shape = function.shapes()[value]
        read = tuple(i.name for i in inputs)
        return self._add(Node(name, Call(function.name), read, name, shape, span, self.owner))

    def _add(self, node: Node) -> Feature:
        self.nodes.append(node)
        return Feature(node.output, node.shape)

    def finish(
        self,
        name: str,
        outputs: tuple[tuple[str, str], ...],
        *,
        definition: str = "",
        doc: str = "",
        arguments: tuple[tuple[str, object], ...] = (),
    ) -> Function:
        """The function."""
        return Function(
            name,
            definition,
            tuple(self.inputs),
            tuple(self.nodes),
            outputs,
            doc,
            arguments,
            tuple(self.taken),
        )
