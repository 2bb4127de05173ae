"""What changed in the settings of two networks, and in what is said about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from spinedsl.comparison.changes import Change
from spinedsl.ir.model import Call, Definition, Model, Network
from spinedsl.ir.writing import call_text, endpoints_text, expectation_text, input_text, settings
from spinedsl.syntax import printer


def setting_changes(before: Network, after: Network) -> Iterator[Change]:
    """Input, settings, widths, defaults, definitions and endpoints."""
    if before.input != after.input:
        yield Change("input", "", input_text(before), input_text(after))
    yield from unlike("setting", _all_settings(before), _all_settings(after))
    yield from default_changes(before, after)
    yield from unlike("width", _texts(before.widths), _texts(after.widths))
    yield from definition_changes(before.definitions, after.definitions)
    if before.endpoints != after.endpoints:
        old, new = (endpoints_text(network).strip() or None for network in (before, after))
        yield Change("endpoints", "", old, new)


def definition_changes(before: Iterable[Definition], after: Iterable[Definition]) -> Iterator[Change]:
    """Definitions that both networks use, and that say something else now."""
    old, new = ({definition.name.text: definition for definition in each} for each in (before, after))
    for name, definition in new.items():
        if name in old and old[name] != definition:
            yield Change("definition", name, printer.definition(old[name]), printer.definition(definition))


def default_changes(before: Network | Model, after: Network | Model) -> Iterator[Change]:
    """Defaults of definitions that both use; those of others come and go with what uses them."""
    shared = _names(before) & _names(after)
    yield from unlike("setting", _defaults(before, shared), _defaults(after, shared))


def _names(subject: Network | Model) -> set[str]:
    return {definition.name.text for definition in subject.definitions}


def _defaults(subject: Network | Model, names: Collection[str]) -> dict[str, str]:
    return {
        f"default {name}": call_text(Call(name=name, arguments=arguments))
        for name, arguments in subject.defaults.items()
        if name in names
    }


def _all_settings(network: Network) -> dict[str, str]:
    return {"conventions": network.conventions, **dict(settings(network))}


def _texts(widths: Mapping[int, int]) -> dict[str, str]:
    return {str(level): str(width) for level, width in sorted(widths.items())}


def unlike(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """A change of that kind for every name that has another text."""
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield Change(kind, name, before.get(name), after.get(name))


def fact_changes(before: Network | Model, after: Network | Model) -> Iterator[Change]:
    """What is said about a network or model: title, sources, membership, expectations."""
    if before.title != after.title:
        yield Change("title", "", before.title, after.title)
    if before.published != after.published:
        yield Change("published", "", "; ".join(before.published) or None, "; ".join(after.published) or None)
    if _space(before) != _space(after):
        yield Change("space", "", _space(before), _space(after))
    yield from unlike("expectation", _expectations(before), _expectations(after))


def _expectations(subject: Network | Model) -> dict[str, str]:
    """What is expected, by what it is expected of."""
    found: dict[str, str] = {}
    for expectation in subject.expectations:
        quantity, _, value = expectation_text(expectation).partition(" = ")
        found[quantity] = f"{found[quantity]}, {value}" if quantity in found else value
    return found


def _space(subject: Network | Model) -> str | None:
    return subject.space.name if isinstance(subject, Network) and subject.space else None
