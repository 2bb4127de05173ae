"""Statements of a `forward`, from the nodes of a function.

1. Nodes are written in the program's order; an expression moves into the one that uses it only if
   nothing stands between them.
2. A value gets a name if it is used more than once, if its node asks for one, or if the line would
   be too long.
3. A name is reused or deleted as soon as its value is not needed any more, so that no memory is
   held for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from spinedsl.emit.torch.layout import WIDTH, Expression, bracketed, listed
from spinedsl.graph.program import Call, Function, Node

INDENT = 8

Write = Callable[[Node, Sequence[Expression]], Expression]


@dataclass(frozen=True)
class Style:
    """What differs between a block and the network.

    Attributes:
        write: a node as an expression of its operands.
        folds: whether a node may be written around operands that are no plain names.
        named: whether its value gets a name in any case.
        names: value → the name it would have; no two are alike.
        running: a name that is handed on from statement to statement, as in `x = self.conv(x)`.
        handed_on: further names that are, once their values are dead: of parameters.
        runs: whether a node's value may take the running name.
    """

    write: Write
    folds: Callable[[Node], bool]
    named: Callable[[Node], bool]
    names: dict[str, str]
    running: str = ""
    handed_on: frozenset[str] = frozenset()
    runs: Callable[[Node], bool] = lambda node: True


@dataclass(slots=True)
class _Pending:
    """An expression that has not been written yet, with the named values it reads."""

    node: Node
    expression: Expression
    reads: list[str]


@dataclass
class ForwardWriter:
    """Writes one function; `lines` and `result` are what comes of it."""

    function: Function
    style: Style
    lines: list[str] = field(default_factory=list)
    pending: list[_Pending] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    uses: Counter[str] = field(default_factory=Counter)
    targets: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    dead: list[str] = field(default_factory=list)

    def run(self) -> list[Expression]:
        """Write all statements; returns expressions for the function's outputs."""
        self._prepare()
        for node in self.function.nodes:
            if self.uses[node.output]:
                self._node(node)
        outputs = [value for _, value in self.function.outputs]
        waiting = [p.node.output for p in self.pending]
        in_order = waiting == [o for o in outputs if o not in self.variables]
        if not in_order or any(self._too_long("return ", p.expression) for p in self.pending):
            self._flush()
        if self.pending:
            self._delete()
        expressions = {p.node.output: p.expression for p in self.pending}
        return [expressions.get(o) or Expression(self.variables[o]) for o in outputs]

    def _prepare(self) -> None:
        function = self.function
        self.uses.update(i for node in function.nodes for i in node.inputs)
        self.uses.update(value for _, value in function.outputs)
        for port in function.inputs:
            name = self.style.names[port.name]
            self.variables[port.name] = name
            self.live.add(name)
            self.parameters.add(name)
        users = {i: node for node in function.nodes for i in node.inputs}
        for node in reversed(function.nodes):
            user = users.get(node.output)
            own = self.style.named(node) or self.uses[node.output] > 1
            # What becomes `b2` may be called so before, but one of two operands may not.
            handed_on = user is not None and not own and len(user.inputs) == 1
            name = self.targets[user.output] if user and handed_on else self.style.names[node.output]
            self.targets[node.output] = name

    # ---- expressions

    def _node(self, node: Node) -> None:
        waiting = {p.node.output for p in self.pending}
        folded = [i for i in node.inputs if i in waiting]
        last = [p.node.output for p in self.pending[-len(folded) :]] if folded else []
        if folded and (last != folded or not self.style.folds(node)):
            self._flush()
            folded = []
        entry = self._combine(node, len(folded))
        name = max(self.targets[node.output], self.style.names[node.output], key=len)
        if folded and self._too_long(f"{name} = ", entry.expression):
            self._flush()
            entry = self._combine(node, 0)
        if folded:
            del self.pending[-len(folded) :]
        self.pending.append(entry)
        if self.uses[node.output] > 1 or self.style.named(node):
            self._flush()

    def _combine(self, node: Node, count: int) -> _Pending:
        available = {p.node.output: p for p in self.pending[len(self.pending) - count :]}
        operands, reads = [], []
        for value in node.inputs:
            pending = available.get(value)
            if pending is None:
                operands.append(Expression(self.variables[value]))
                reads.append(value)
            else:
                operands.append(pending.expression)
                reads += pending.reads
        return _Pending(node, self.style.write(node, operands), reads)

    def _too_long(self, prefix: str, expression: Expression) -> bool:
        return INDENT + len(prefix) + len(expression.text) > WIDTH

    # ---- statements

    def _flush(self) -> None:
        for entry in self.pending:
            self._assign(entry)
        self.pending.clear()

    def _assign(self, entry: _Pending) -> None:
        self._delete()
        dying = self._dying(entry.reads)
        name = self._name(entry, dying)
        for value in dying:
            variable = self.variables[value]
            self.live.discard(variable)
            if variable != name and variable not in self.parameters:
                self.dead.append(variable)
        self.variables[entry.node.output] = name
        self.live.add(name)
        self.lines += _assignment(name, entry.expression)

    def _dying(self, reads: list[str]) -> list[str]:
        """The named values that nothing reads after this."""
        self.uses.subtract(reads)
        return [value for value in dict.fromkeys(reads) if not self.uses[value]]

    def _name(self, entry: _Pending, dying: list[str]) -> str:
        own = self.style.names[entry.node.output]
        freed = [self.variables[value] for value in dying]
        operands = entry.expression.items[1:] if not entry.expression.head else ()
        running = self.style.running
        if not running or not self.style.runs(entry.node):
            target = self.targets[entry.node.output]
            return target if target not in self.live and target not in operands else own
        handed_on = [v for v in freed if v == running or v in self.style.handed_on]
        if handed_on and handed_on[0] not in operands:
            return handed_on[0]
        if isinstance(entry.node.target, Call) or running in self.live:
            return own
        return running

    def _delete(self) -> None:
        names = [name for name in dict.fromkeys(self.dead) if name not in self.live]
        self.lines += listed(INDENT, "del ", names)
        self.dead.clear()


def _assignment(name: str, expression: Expression) -> list[str]:
    line = f"{' ' * INDENT}{name} = {expression.text}"
    if len(line) <= WIDTH or not expression.items:
        return [line]
    if expression.head:
        return bracketed(INDENT, f"{name} = {expression.head}", expression.items, expression.tail)
    return _long_sum(name, expression.items)


def _long_sum(name: str, items: Sequence[str]) -> list[str]:
    """A sum in several statements; from left to right, so that the result is the same."""
    lines: list[str] = []
    row: list[str] = []
    for item in items:
        if row and INDENT + len(f"{name} = {' + '.join([*row, item])}") > WIDTH and len(row) > 1:
            lines.append(f"{' ' * INDENT}{name} = {' + '.join(row)}")
            row = [name]
        row.append(item)
    lines.append(f"{' ' * INDENT}{name} = {' + '.join(row)}")
    return lines
