"""Add first, then enlarge: inputs of a sum that are enlarged alike are enlarged once.

1. Inputs of one addition that end in nearest up-sampling from one extent to another, and that nothing
   else reads, are added as they are; the sum is enlarged.
2. Where the addition or the up-sampling is inside of a function that is called, the call gets a
   version of the function: the inputs' without its last step, the sum's with smaller inputs.
3. What isn't enlarged alike is added behind that.

Requires: functions stand before those that call them.
Ensures: the same values, up to the order of three and more summands; no parameters change.
Source: up(a) + up(b) = up(a + b), since a nearest neighbour is a copy.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from spinedsl.graph.program import Call, Function, Node, Port, Program
from spinedsl.ops import Add, Shape, Upsample
from spinedsl.records import record
from spinedsl.rewrites.decisions import Decisions
from spinedsl.rewrites.editing import called_functions, reads, with_functions


def joint_upsampling(program: Program, decisions: Decisions) -> Program:
    """The program with sums enlarged once."""
    joining = _Joining(decisions)
    for function in program.functions.values():
        joining.functions[function.name] = joining.rewritten(function)
    main = joining.rewritten(program.main)
    return with_functions(program, called_functions(joining.functions, main), main)


@record
class _Enlarged:
    """A value that is up-sampled at last.

    Attributes:
        node: what makes it: up-sampling, or a call that ends in it.
        operator: the up-sampling.
        low: the shape before.
    """

    node: Node
    operator: Upsample
    low: Shape


@dataclass
class _Joining:
    decisions: Decisions
    functions: dict[str, Function] = field(default_factory=dict)
    """The program's, as far as they are rewritten, and versions of them."""

    def rewritten(self, function: Function) -> Function:
        """The function, its own sums and those that it calls enlarged once."""
        counts = reads(function)
        made: dict[str, Node] = {}
        for node in function.nodes:
            sources = [made[v] for v in dict.fromkeys(node.inputs) if v in made and counts[v] == 1]
            enlarged = [found for source in sources if (found := self._enlarged(source)) is not None]
            group = self._group(node, enlarged)
            if not group:
                made[node.output] = node
                continue
            self.decisions.applied(
                function, node, f"{len(group)} inputs of {group[0].low} are added before they are enlarged"
            )
            low = {each.node.output: self._strip(each, made) for each in group}
            inputs = tuple(low.get(value, value) for value in node.inputs)
            for new in self._summed(replace(node, inputs=inputs), set(low.values()), group[0]):
                made[new.output] = new
        return replace(function, nodes=tuple(made.values()))

    def _enlarged(self, node: Node) -> _Enlarged | None:
        """What is known of a value that ends in nearest up-sampling."""
        if isinstance(node.target, Upsample):
            # The shape before is the shape after, made smaller by the factor.
            low = _before(node)
            return _Enlarged(node, node.target, low) if low else None
        if not isinstance(node.target, Call):
            return None
        function = self.functions[node.target.function]
        ((_, value),) = function.outputs
        last = next((each for each in function.nodes if each.output == value), None)
        if last is None or not isinstance(last.target, Upsample) or reads(function)[value] > 1:
            return None
        low = _before(last)
        return _Enlarged(node, last.target, low) if low else None

    def _group(self, node: Node, enlarged: list[_Enlarged]) -> list[_Enlarged]:
        """The largest group of inputs that are enlarged alike and meet in one addition."""
        groups: dict[object, list[_Enlarged]] = defaultdict(list)
        for each in enlarged:
            meeting = self._meeting(node, each.node.output)
            if meeting is not None:
                groups[each.operator, each.low, meeting].append(each)
        largest = max(groups.values(), key=len, default=[])
        return largest if len(largest) > 1 else []

    def _meeting(self, node: Node, value: str) -> str | None:
        """The addition that reads an input of a node: the node itself, or one in the function it calls."""
        if isinstance(node.target, Add):
            return node.output
        if not isinstance(node.target, Call):
            return None
        function = self.functions[node.target.function]
        port = function.inputs[node.inputs.index(value)].name
        readers = [each for each in function.nodes if port in each.inputs]
        if len(readers) == 1 and isinstance(readers[0].target, Add) and reads(function)[port] == 1:
            return readers[0].output
        return None

    def _strip(self, enlarged: _Enlarged, made: dict[str, Node]) -> str:
        """Take the up-sampling off; returns the value that is left."""
        node = enlarged.node
        if isinstance(node.target, Call):
            function = self.functions[node.target.function]
            if len(function.nodes) > 1:
                made[node.output] = replace(
                    node, target=Call(self._unenlarged(function).name), shape=enlarged.low
                )
                return node.output
        del made[node.output]
        return node.inputs[0]

    def _unenlarged(self, function: Function) -> Function:
        name = f"{function.name}.low"
        if name not in self.functions:
            ((output, value),) = function.outputs
            last = next(each for each in function.nodes if each.output == value)
            nodes = tuple(each for each in function.nodes if each is not last)
            self.functions[name] = replace(
                function, name=name, nodes=nodes, outputs=((output, last.inputs[0]),)
            )
        return self.functions[name]

    def _summed(self, node: Node, low: set[str], group: _Enlarged) -> list[Node]:
        """What stands for a node, an addition or a call of one, whose inputs `low` are small now."""
        if isinstance(node.target, Add):
            return _added(node, low, group)
        assert isinstance(node.target, Call)
        function = self.functions[node.target.function]
        ports = [port.name for port, value in zip(function.inputs, node.inputs, strict=True) if value in low]
        name = ".".join([function.name, *ports, "low"])
        if name not in self.functions:
            inputs = tuple(
                Port(port.name, group.low) if port.name in ports else port for port in function.inputs
            )
            nodes: list[Node] = []
            for each in function.nodes:
                nodes += _added(each, set(ports), group) if set(ports) & set(each.inputs) else [each]
            self.functions[name] = replace(function, name=name, inputs=inputs, nodes=tuple(nodes))
        return [replace(node, target=Call(name))]


def _added(node: Node, low: set[str], group: _Enlarged) -> list[Node]:
    """An addition, small inputs first and then enlarged, then the others."""
    small = tuple(value for value in node.inputs if value in low)
    rest = tuple(value for value in node.inputs if value not in low)
    name = f"{node.output}_low"
    first = replace(node, name=name, output=name, inputs=small, shape=group.low)
    large = f"{node.output}_up" if rest else node.output
    enlarged = replace(node, name=large, output=large, target=group.operator, inputs=(name,))
    if not rest:
        return [first, enlarged]
    return [first, enlarged, replace(node, inputs=(large, *rest))]


def _before(node: Node) -> Shape | None:
    """The shape before nearest up-sampling by a factor."""
    operator, shape = node.target, node.shape
    assert isinstance(operator, Upsample)
    if operator.method != "nearest" or not operator.factor:
        return None
    return Shape(shape.channels, shape.height // operator.factor, shape.width // operator.factor)
