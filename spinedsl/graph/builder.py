"""Building one function, node by node."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from spinedsl.graph.program import Call, Function, Node, Port
from spinedsl.ops import Operator, Shape
from spinedsl.records import record
from spinedsl.source import Span


@record
class Feature:
    """A value of the function that is being built."""

    name: str
    shape: Shape


@dataclass
class FunctionBuilder:
    """Collects nodes; names them by operator and number: `conv1`, `norm1`, `conv2`.

    `owner` is given to every node that is added; `operators` counts what the nodes run in all.
    """

    inputs: list[Port] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    owner: str = ""
    operators: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _names: set[str] = field(default_factory=set)

    def add_input(self, name: str, shape: Shape) -> Feature:
        """A value that enters."""
        self.inputs.append(Port(name, shape))
        return Feature(name, shape)

    def name(self, label: str, prefix: str = "") -> str:
        """The next free name made of a label and a number."""
        while True:
            self._counts[prefix + label] += 1
            name = f"{prefix}{label}{self._counts[prefix + label]}"
            if name not in self._names:
                return name

    def part_name(self, label: str) -> str:
        """The next free name for a call of a part: the first one has no number."""
        if label not in self._names:
            return label
        self._counts[label] = max(self._counts[label], 1)
        return self.name(label)

    def apply(
        self, operator: Operator, inputs: tuple[Feature, ...], span: Span | None, prefix: str = ""
    ) -> Feature:
        """Run an operator.

        Raises:
            ShapeError: the inputs don't fit.
        """
        shape = operator.output(tuple(i.shape for i in inputs))
        name = self.name(operator.label, prefix)
        self.operators += 1
        return self._add(Node(name, operator, tuple(i.name for i in inputs), name, shape, span, self.owner))

    def call(self, name: str, function: Function, inputs: tuple[Feature, ...], span: Span | None) -> Feature:
        """Run another function, under a name of its own; a function without nodes is its input."""
        ((_, value),) = function.outputs
        if not function.nodes:
            position = [port.name for port in function.inputs].index(value)
            return inputs[position]
        shape = function.shapes()[value]
        read = tuple(i.name for i in inputs)
        self.operators += function.operators
        return self._add(Node(name, Call(function.name), read, name, shape, span, self.owner))

    def _add(self, node: Node) -> Feature:
        self.nodes.append(node)
        self._names.add(node.name)
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
            self.operators,
        )
