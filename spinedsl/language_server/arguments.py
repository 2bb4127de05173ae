"""What could be written between the parentheses of a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.language_server import vocabulary
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.context import Context
from spinedsl.language_server.proposals import Proposal, Rule, values, words
from spinedsl.ops.words import WORDS, WordArgument
from spinedsl.passes.tasks import TASKS
from spinedsl.syntax import nodes
from spinedsl.syntax.printer import expression

SETTINGS = {"batch": {"eps": "1e-3", "momentum": "0.99"}, "hard_sigmoid": {"slope": "1 / 6"}}
"""Arguments of settings, with an example."""


def arguments(context: Context, analysis: Analysis) -> Iterable[Proposal]:
    """Names of arguments that aren't given yet, or values of the one at hand."""
    called = context.frame.name
    if context.last() == "=":
        return _values(context, analysis, called, context.last(2))
    if context.last() not in ("", ","):
        return ()
    return (*_names(context, analysis, called), *_operands(context, analysis, called))


def _names(context: Context, analysis: Analysis, called: str) -> Iterator[Proposal]:
    given = {t.text for t, sign in zip(context.before, context.before[1:], strict=False) if sign.text == "="}
    for name, detail in _parameters(analysis, called):
        if name not in given:
            yield Proposal(name, "parameter", detail, snippet=f"{name} = $1")


def _parameters(analysis: Analysis, called: str) -> Iterator[tuple[str, str]]:
    item = analysis.scope.find("definition", called)
    if called in WORDS:
        for name, argument in WORDS[called].arguments.items():
            yield name, f"{argument.type}" + ("" if argument.default is None else f" = {_shown(argument)}")
    elif isinstance(item, nodes.Definition):
        for parameter in item.parameters:
            default = parameter.default
            yield parameter.name.text, f"of {called}" if default is None else f"= {expression(default)}"
    elif called in TASKS:
        for name, preset in TASKS[called].arguments.items():
            yield name, f"of {called}" if preset is None else f"= {preset}"
    else:
        yield from SETTINGS.get(called, {}).items()


def _shown(argument: WordArgument) -> str:
    return str(argument.default).lower()


def _operands(context: Context, analysis: Analysis, called: str) -> Iterable[Proposal]:
    """Values by position: side branches, parameters, what the place gives; choices of an operator's first."""
    if context.within("body") is not None:
        yield from values("given")(context, analysis)
    if called in WORDS and not context.before:
        first = next(iter(WORDS[called].arguments.values()), None)
        yield from words(dict.fromkeys(first.choices if first else (), ""), "value")
    if called == "output":
        yield from _endpoints(context, analysis)


def _endpoints(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    from spinedsl.language_server.symbols import Names

    frame = context.within("network", "arguments")
    owner = next((f.name for f in context.frames if f.kind == "network"), "")
    network = analysis.scope.find("network", owner)
    if frame is not None and isinstance(network, nodes.Network):
        for name in Names(analysis.scope).endpoints(network).symbols:
            yield Proposal(name, "endpoint", f"of {owner}")


def _values(context: Context, analysis: Analysis, called: str, name: str) -> Iterable[Proposal]:
    """What an argument may be given."""
    item = analysis.scope.find("definition", called)
    rule: Rule = values("given")
    if called in WORDS and name in WORDS[called].arguments:
        argument = WORDS[called].arguments[name]
        if argument.type == "bool":
            return words({"true": "", "false": ""}, "value")
        if argument.choices:
            return words(dict.fromkeys(argument.choices, ""), "value")
    elif isinstance(item, nodes.Definition):
        parameter = next((p for p in item.parameters if p.name.text == name), None)
        if parameter is not None and isinstance(parameter.default, nodes.Boolean):
            return words({"true": "", "false": ""}, "value")
        if parameter is not None and isinstance(parameter.default, nodes.Reference):
            return words(dict.fromkeys(_choices(item, parameter.default.name, name), ""), "value")
    return rule(context, analysis) if context.within("body") is not None else ()


def _choices(definition: nodes.Definition, default: str, name: str) -> Iterator[str]:
    """Names that a parameter is compared with in the body, or that any activation has."""
    yield default
    if default in vocabulary.VALUES["act"]:
        yield from vocabulary.VALUES["act"]
    for statement in nodes.all_statements(definition.body.statements):
        pending: list[nodes.Expression] = [statement.condition] if isinstance(statement, nodes.When) else []
        while pending:
            node = pending.pop()
            if isinstance(node, nodes.Apply):
                compared = [o.name for o in node.operands if isinstance(o, nodes.Reference)]
                if node.function in ("==", "!=") and name in compared:
                    yield from (other for other in compared if other != name)
                pending.extend(node.operands)
