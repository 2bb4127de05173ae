"""The Program: functions with call nodes, the one form every target and analysis reads.

A block kind, resampling rule, merge or endpoint rule becomes one `Function` for each combination
of arguments and shapes it is used with; `Program.main` calls them. A value has one producer, and
nodes stand in an order in which every value is produced before it is read.

A parameter's dotted name is the path of node names that leads to it, `b2.conv1.weight`. It is the
key of a torch `state_dict` and the name of an ONNX initializer. Nodes of one name share their
parameters, and differ in the values they make: that is how a head works on every level alike. A
node marked `own` has parameters for every instance apart, `scores.norm1.P3.weight`.
"""

from __future__ import annotations

from dataclasses import field

from spinedsl.ops import Operator, Shape
from spinedsl.profiles import Optimisation
from spinedsl.records import record
from spinedsl.source import Span


@record
class Call:
    """A node that runs a function of the program."""

    function: str


@record
class Node:
    """One step of a function.

    Attributes:
        name: its own part of a parameter's dotted name; nodes of one name share their parameters.
        target: an operator, or a call of another function.
        inputs: names of the values it reads.
        output: name of the value it makes, unique within the function; the node's name unless that
            is shared.
        shape: of that value.
        span: the place in the language it comes from.
        owner: in `main`, the stem, block, endpoint or head of the spec that it belongs to.
        own: of an operator: every instance has its own parameters.
        instance: which of them are used, here or in the function that is called: a level's name.
    """

    name: str
    target: Operator | Call
    inputs: tuple[str, ...]
    output: str
    shape: Shape
    span: Span | None = field(default=None, compare=False, repr=False)
    owner: str = ""
    own: bool = False
    instance: str = ""


@record
class Port:
    """A named value that enters a function."""

    name: str
    shape: Shape


@record
class Function:
    """A body of nodes.

    Attributes:
        name: unique in the program.
        definition: the block kind, rule or part it was made from; "" for `main`.
        doc: that definition's documentation.
        arguments: the arguments it was made with, for readers.
        taken: names of the branches and parts in it that other instances may lack.
        operators: how many operators it runs, those of the functions it calls included.
        levelled: whether it has `own` nodes, here or in the functions it calls.
        outputs: the names it returns, each with the value that carries it.
    """

    name: str
    definition: str
    inputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, str], ...]
    doc: str = ""
    arguments: tuple[tuple[str, object], ...] = ()
    taken: tuple[str, ...] = ()
    operators: int = 0
    levelled: bool = False

    def shapes(self) -> dict[str, Shape]:
        """Shape of every value."""
        shapes = {port.name: port.shape for port in self.inputs}
        shapes.update((node.output, node.shape) for node in self.nodes)
        return shapes


@record
class Endpoint:
    """What the program returns under one name.

    Attributes:
        level: None for what has no place in the image.
        flat: whether its one pixel is returned without height and width, (N, C).
    """

    name: str
    level: int | None
    shape: Shape
    flat: bool = False

    @property
    def stride(self) -> int:
        """Pixels of the image from one of its pixels to the next; 0 without a level."""
        return 0 if self.level is None else 1 << self.level


@record
class Program:
    """A lowered network.

    Attributes:
        name: of the network.
        main: reads the inputs, calls the functions, returns the endpoints in level order, or what
            the heads put out.
        functions: every function that is called, by name, callees before callers.
        endpoints: one for each of main's outputs, in the same order.
        stride: what height and width of the image must be a multiple of.
        drop_path: the rate that the fractions of `DropPath` operators multiply.
        optimisation: what it was rewritten for; None as it was written.
    """

    name: str
    main: Function
    functions: dict[str, Function]
    endpoints: tuple[Endpoint, ...]
    stride: int
    drop_path: float = 0.0
    optimisation: Optimisation | None = None
