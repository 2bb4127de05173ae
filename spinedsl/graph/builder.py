"""Building one function, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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

    `owner` is given to every node that is added; `operators` counts what the nodes run in all. While
    `instance` names a level, names are those of the levels before: nodes of one name share their
    parameters. `wanted` is what the next node is called.
    """

    inputs: list[Port] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    owner: str = ""
    operators: int = 0
    levelled: bool = False
    instance: str = ""
    wanted: str = ""
    _counts: Counter[str] = field(default_factory=Counter)
    _names: set[str] = field(default_factory=set)

    def add_input(self, name: str, shape: Shape) -> Feature:
        """A value that enters."""
        self.inputs.append(Port(name, shape))
        return Feature(name, shape)

    @contextmanager
    def shared(self, instances: Iterable[str]) -> Iterator[Iterator[str]]:
        """Walk over instances; each starts with the names that were free before the first.

        Behind the last, what any of them used is taken: one may have nodes that another lacks.
        """
        counts, names = Counter(self._counts), set(self._names)
        used: list[tuple[Counter[str], set[str]]] = []

        def walk() -> Iterator[str]:
            for self.instance in instances:
                self._counts, self._names = Counter(counts), set(names)
                used.append((self._counts, self._names))
                yield self.instance

        yield walk()
        self.instance = ""
        for used_counts, used_names in used:
            self._counts |= used_counts
            self._names |= used_names

    def has(self, name: str) -> bool:
        """Whether a node is called so already, in this instance if there is one."""
        return name in self._names

    def name(self, label: str, prefix: str = "") -> str:
        """The next free name made of a label and a number."""
        if self.wanted:
            return self._take_wanted()
        while True:
            self._counts[prefix + label] += 1
            name = f"{prefix}{label}{self._counts[prefix + label]}"
            if name not in self._names:
                return name

    def _take_wanted(self) -> str:
        name, self.wanted = self.wanted, ""
        return name

    def part_name(self, label: str) -> str:
        """The next free name for a call of a part: the first one has no number."""
        if self.wanted:
            return self._take_wanted()
        if label not in self._names:
            return label
        self._counts[label] = max(self._counts[label], 1)
        return self.name(label)

    def apply(
        self,
        operator: Operator,
        inputs: tuple[Feature, ...],
        span: Span | None,
        prefix: str = "",
        own: bool = False,
    ) -> Feature:
        """Run an operator; `own`: with parameters for every instance apart.

        Raises:
            ShapeError: the inputs don't fit.
        """
        shape = operator.output(tuple(i.shape for i in inputs))
        name = self.name(operator.label, prefix)
        self.operators += 1
        self.levelled |= own
        read = tuple(i.name for i in inputs)
        value = self._value(name)
        return self._add(Node(name, operator, read, value, shape, span, self.owner, own, self.instance))

    def call(self, name: str, function: Function, inputs: tuple[Feature, ...], span: Span | None) -> Feature:
        """Run another function, under a name of its own; a function without nodes is its input."""
        ((_, value),) = function.outputs
        if not function.nodes:
            position = [port.name for port in function.inputs].index(value)
            return inputs[position]
        shape = function.shapes()[value]
        read = tuple(i.name for i in inputs)
        self.operators += function.operators
        self.levelled |= function.levelled
        value, instance = self._value(name), self.instance
        return self._add(
            Node(name, Call(function.name), read, value, shape, span, self.owner, instance=instance)
        )

    def _value(self, node: str) -> str:
        return f"{node}.{self.instance}" if self.instance else node

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
            self.levelled,
        )
