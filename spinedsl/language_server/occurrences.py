"""Every name of a text and what it means: a walk over what stands of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.ir.expectations import QUANTITIES
from spinedsl.ir.loading import Scope
from spinedsl.language_server.bodies import in_arguments, in_definition, in_steps, value_of
from spinedsl.language_server.symbols import Members, Names, Occurrence, Occurrences, Symbol, symbol_of
from spinedsl.source import Span
from spinedsl.syntax import nodes

CALLS = {"resample": "resampling", "merge": "merge"}
"""Settings that name a definition."""


def occurrences(items: Iterable[nodes.Item], scope: Scope) -> Occurrences:
    """Every name in the items of a text, in order; what can't be looked up is left out."""
    names = Names(scope)
    found = [occurrence for item in items for occurrence in _in_item(item, names)]
    return Occurrences(tuple(sorted(found, key=lambda o: (o.span.start, o.span.end))))


def _in_item(item: nodes.Item, names: Names) -> Iterator[Occurrence]:
    if isinstance(item, nodes.Import):
        yield Occurrence(path_of(item), Symbol("import", item.path), node=item)
        return
    yield Occurrence(item.name.span, symbol_of(item), item.name.span, item, declares=True)
    if isinstance(item, nodes.Network):
        yield from _in_network(item, names)
    elif isinstance(item, nodes.Model):
        yield from _in_model(item, names)
    elif isinstance(item, nodes.Definition):
        yield from in_definition(item, names.scope)
    elif isinstance(item, nodes.Conventions):
        for setting in item.settings:
            yield from _in_setting(setting, names)
    else:
        yield from _in_space(item, names)


def path_of(item: nodes.Import) -> Span:
    """Where the path of an import stands, without its quotes."""
    start = item.span.source.text.find('"', item.span.start) + 1
    return Span(item.span.source, start, start + len(item.path))


# ---- networks


def _in_network(network: nodes.Network, names: Names) -> Iterator[Occurrence]:
    yield from _item("network", network.extends, names)
    blocks, endpoints = names.blocks(network), names.endpoints(network)
    for declaration in network.declarations:
        if isinstance(declaration, nodes.Setting):
            yield from _in_setting(declaration, names)
        elif isinstance(declaration, nodes.Block):
            yield from _in_block(declaration, blocks, endpoints, names)
        elif isinstance(declaration, nodes.Stem):
            for item in declaration.items:
                if isinstance(item, nodes.Block):
                    yield from _in_block(item, blocks, endpoints, names)
                else:
                    yield from in_steps(item.steps, names.scope)
        elif isinstance(declaration, nodes.FeatureInputs):
            for feature in declaration.features:
                yield from _member(feature.name, blocks, declares=True)
        elif isinstance(declaration, nodes.Without):
            for name in declaration.names:
                yield from _member(name, blocks)
        elif isinstance(declaration, nodes.Endpoints):
            yield from call(declaration.via, names)
        elif isinstance(declaration, nodes.Expect):
            yield from _in_expectation(declaration, endpoints)


def _in_block(block: nodes.Block, blocks: Members, endpoints: Members, names: Names) -> Iterator[Occurrence]:
    yield from _member(block.name, blocks, declares=True)
    yield from call(block.kind, names)
    for option in block.options:
        if isinstance(option.value, nodes.Call):
            yield from call(option.value, names)
    for connection in block.connections:
        yield from _member(connection.source, blocks)
        yield from call(connection.via, names)
    if block.endpoint is not None:
        yield from _member(block.endpoint, endpoints, declares=True)


def _member(name: nodes.Name, members: Members, *, declares: bool = False) -> Iterator[Occurrence]:
    symbol = members.symbols.get(name.text)
    if symbol is None:
        return
    node = members.declared[name.text]
    at = node.endpoint if symbol.kind == "endpoint" and isinstance(node, nodes.Block) else None
    yield Occurrence(name.span, symbol, (at or node.name).span, node, declares)


def _in_expectation(expect: nodes.Expect, endpoints: Members) -> Iterator[Occurrence]:
    """`output(P3)` names an endpoint; `output(scores_P3)` of a model, at its end."""
    if expect.quantity.text in QUANTITIES:
        yield Occurrence(expect.quantity.span, Symbol("quantity", expect.quantity.text))
    for argument in expect.arguments:
        value = argument.value
        if not isinstance(value, nodes.Reference):
            continue
        name = next((n for n in endpoints.symbols if value.name == n or value.name.endswith(f"_{n}")), None)
        if name is not None:
            span = Span(value.span.source, value.span.end - len(name), value.span.end)
            yield from _member(nodes.Name(name, span=span), endpoints)


# ---- models and the rest


def _in_model(model: nodes.Model, names: Names) -> Iterator[Occurrence]:
    yield from _item("network", model.extends, names)
    last = _last_part(model, names)
    endpoints = Members({}, {}) if last is None else names.endpoints(last)
    for declaration in model.declarations:
        if isinstance(declaration, nodes.Setting):
            yield from _in_setting(declaration, names)
        elif isinstance(declaration, nodes.Part):
            yield from _item("network", declaration.network, names)
        elif isinstance(declaration, nodes.UseHead):
            yield from call(declaration.call, names)
        else:
            yield from _in_expectation(declaration, endpoints)


def _last_part(model: nodes.Model, names: Names) -> nodes.Network | None:
    """The network whose endpoints the heads read."""
    for _ in range(16):
        parts = [d for d in model.declarations if isinstance(d, nodes.Part)]
        parts.sort(key=lambda part: part.role == "neck")
        if parts:
            item = names.scope.find("network", parts[-1].network.text)
            return item if isinstance(item, nodes.Network) else None
        parent = None if model.extends is None else names.scope.find("network", model.extends.text)
        if not isinstance(parent, nodes.Model):
            return None
        model = parent
    return None


def _in_setting(setting: nodes.Setting, names: Names) -> Iterator[Occurrence]:
    value = setting.value
    if setting.key in ("conventions", "member of") and isinstance(value, nodes.Name):
        yield from _item("conventions" if setting.key == "conventions" else "space", value, names)
    elif isinstance(value, nodes.Call):
        if setting.key in CALLS or setting.key.startswith("default "):
            yield from call(value, names)
        else:
            yield Occurrence(value.name.span, Symbol("value", value.name.text, owner=setting.key))
            for argument in value.arguments:
                if argument.name is not None:
                    symbol = Symbol("option", argument.name.text, owner=setting.key)
                    yield Occurrence(argument.name.span, symbol)
    elif isinstance(value, nodes.Name):
        yield Occurrence(value.span, Symbol("value", value.text, owner=setting.key))


def _in_space(space: nodes.Space, names: Names) -> Iterator[Occurrence]:
    yield from _item("network", space.seed, names)
    yield from _item("space", space.extends, names)
    for rule in space.rules:
        match rule:
            case nodes.Permute(groups=groups):
                yield from _values(groups, "permute")
            case nodes.Freeze(parts=parts):
                yield from _values(parts, "freeze")
            case nodes.Connect(group=group) if group is not None:
                yield from _values((group,), "permute")
            case nodes.Adjust(attribute=attribute, values=values, group=group):
                yield Occurrence(attribute.span, Symbol("value", attribute.text, owner="adjust"))
                yield from _calls(values, names)
                yield from _values(() if group is None else (group,), "permute")
            case nodes.Choose(setting=setting, values=values):
                yield Occurrence(setting.span, Symbol("value", setting.text, owner="choose"))
                yield from _calls(values, names)


def _values(written: Iterable[nodes.Name], owner: str) -> Iterator[Occurrence]:
    for name in written:
        yield Occurrence(name.span, Symbol("value", name.text, owner=owner))


def _calls(values: Iterable[nodes.SpaceValue], names: Names) -> Iterator[Occurrence]:
    for value in values:
        if isinstance(value, nodes.Call):
            yield from call(value, names)


def _item(kind: str, name: nodes.Name | None, names: Names) -> Iterator[Occurrence]:
    found = None if name is None else names.item(kind, name)
    if found is not None:
        yield found


def call(node: nodes.Call | None, names: Names) -> Iterator[Occurrence]:
    """A definition that is named with arguments."""
    if node is None:
        return
    yield from _item("definition", node.name, names)
    item = names.scope.find("definition", node.name.text)
    if isinstance(item, nodes.Definition):
        yield from in_arguments(node.arguments, item)
        for argument in node.arguments:
            if isinstance(argument.value, nodes.Reference):
                yield value_of(argument.value, node.name.text)
