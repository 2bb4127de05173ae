"""Names in the body of a definition: its parameters, side branches, operators and parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from spinedsl.ir.loading import Scope
from spinedsl.language_server.symbols import Occurrence, Symbol, file_of, parameter_of, symbol_of
from spinedsl.ops.words import WORDS
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

_SIGNS = frozenset({"and", "or", "not", "negative"})


@record
class _Inside:
    """What names mean inside of one definition; nothing of its own in a stem."""

    scope: Scope
    definition: nodes.Definition | None = None
    parameters: dict[str, nodes.Parameter] = field(default_factory=dict)
    branches: dict[str, nodes.Let] = field(default_factory=dict)

    def name(self, span: Span, name: str) -> Occurrence | None:
        """A parameter or side branch."""
        definition = self.definition
        if definition is None:
            return None
        if name in self.parameters:
            target = self.parameters[name]
            return Occurrence(span, parameter_of(definition, name), target.name.span, target)
        if name in self.branches:
            symbol = Symbol("local", name, file_of(definition.name.span.source), definition.name.text)
            branch = self.branches[name]
            return Occurrence(span, symbol, branch.name.span, branch)
        return None


def in_definition(definition: nodes.Definition, scope: Scope) -> Iterator[Occurrence]:
    """Names of a definition, but for its own."""
    inside = _Inside(scope, definition)
    for parameter in definition.parameters:
        inside.parameters.setdefault(parameter.name.text, parameter)
    for statement in nodes.all_statements(definition.body.statements):
        if isinstance(statement, nodes.Let):
            inside.branches.setdefault(statement.name.text, statement)
    for parameter in definition.parameters:
        symbol = parameter_of(definition, parameter.name.text)
        yield Occurrence(parameter.name.span, symbol, parameter.name.span, parameter, declares=True)
        yield from _in_expression(parameter.default, inside)
    yield from _in_expression(definition.result, inside)
    if definition.task is not None:
        task = definition.task
        yield Occurrence(task.name.span, Symbol("task", task.name.text))
        for argument in task.arguments:
            if argument.name is not None:
                yield Occurrence(
                    argument.name.span, Symbol("option", argument.name.text, owner=task.name.text)
                )
            yield from _in_expression(argument.value, inside)
    for statement in nodes.all_statements(definition.body.statements):
        yield from _in_statement(statement, inside)


def _in_statement(statement: nodes.Statement, inside: _Inside) -> Iterator[Occurrence]:
    if isinstance(statement, nodes.Chain):
        yield from _in_chain(statement.steps, inside)
    elif isinstance(statement, nodes.Let):
        found = inside.name(statement.name.span, statement.name.text)
        if found is not None:
            yield Occurrence(found.span, found.symbol, found.target, found.node, declares=True)
        yield from _in_chain(statement.chain.steps, inside)
    elif isinstance(statement, nodes.Output):
        yield from _in_chain(statement.chain.steps, inside)
        yield Occurrence(statement.name.span, Symbol("output", statement.name.text))
    elif isinstance(statement, nodes.When):
        yield from _in_expression(statement.condition, inside)
    elif isinstance(statement, nodes.Loop):
        yield from _in_expression(statement.count, inside)
    elif isinstance(statement, nodes.Descend):
        yield Occurrence(statement.start.span, Symbol("value", statement.start.text, owner="from"))


def in_steps(steps: Sequence[nodes.Step], scope: Scope) -> Iterator[Occurrence]:
    """Names of a chain in a stem."""
    return _in_chain(steps, _Inside(scope))


def _in_chain(steps: Sequence[nodes.Step], inside: _Inside) -> Iterator[Occurrence]:
    for index, step in enumerate(steps):
        name = step.name.text
        part = inside.scope.find("definition", name)
        if name in WORDS:
            yield Occurrence(step.name.span, Symbol("operator", name))
            for argument in step.arguments:
                if argument.name is not None and argument.name.text in WORDS[name].arguments:
                    yield Occurrence(argument.name.span, Symbol("option", argument.name.text, owner=name))
        elif index == 0 and (found := inside.name(step.name.span, name)) is not None:
            yield found
        elif isinstance(part, nodes.Definition):
            yield Occurrence(step.name.span, symbol_of(part), part.name.span, part)
            yield from in_arguments(step.arguments, part)
        elif index == 0:
            yield Occurrence(step.name.span, Symbol("given", name))
        for expression in (*(argument.value for argument in step.arguments), step.stride, step.result):
            yield from _in_expression(expression, inside, name)


def in_arguments(arguments: Sequence[nodes.Argument], definition: nodes.Definition) -> Iterator[Occurrence]:
    """Names of the parameters that arguments are given to."""
    parameters = {parameter.name.text: parameter for parameter in definition.parameters}
    for argument in arguments:
        if argument.name is not None and argument.name.text in parameters:
            parameter = parameters[argument.name.text]
            symbol = parameter_of(definition, argument.name.text)
            yield Occurrence(argument.name.span, symbol, parameter.name.span, parameter)


def _in_expression(node: nodes.Expression | None, inside: _Inside, owner: str = "") -> Iterator[Occurrence]:
    stack = [] if node is None else [node]
    while stack:
        node = stack.pop()
        if isinstance(node, nodes.Reference):
            base, dot, _ = node.name.partition(".")
            span = Span(node.span.source, node.span.start, node.span.start + len(base))
            found = inside.name(span, base)
            yield found or (
                Occurrence(node.span, Symbol("given", node.name)) if dot else value_of(node, owner)
            )
        elif isinstance(node, nodes.Apply):
            stack.extend(reversed(node.operands))
            if node.function.isidentifier() and node.function not in _SIGNS:
                span = Span(node.span.source, node.span.start, node.span.start + len(node.function))
                yield Occurrence(span, Symbol("function", node.function))


def value_of(node: nodes.Reference, owner: str) -> Occurrence:
    """A name that stands for itself, or for what the place gives."""
    return Occurrence(node.span, Symbol("value", node.name, owner=owner))
