"""Finding what SPACE means: a path, `path:space`, or `std:NAME` from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spinedsl import resources
from spinedsl.diagnostics import Diagnostics, fail, suggestion
from spinedsl.ir.definitions import closure
from spinedsl.ir.loading import Scope, load, open_source
from spinedsl.ir.model import Call, Network, Requirement, Space
from spinedsl.ir.resolve import no_network, resolve_with_defaults
from spinedsl.ir.space_rules import read_requirement
from spinedsl.ir.spaces import space_of
from spinedsl.pipeline import Compilation
from spinedsl.resources import STANDARD
from spinedsl.source import DISK, Files, Source, Span
from spinedsl.spaces.search_space import SearchSpace
from spinedsl.specification import divided
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import parse


def open_space(spec: str | Path, roots: Sequence[Path] = (), files: Files = DISK) -> SearchSpace:
    """The search space that SPACE means.

    Args:
        spec: a path, `path:space`, or `std:NAME`; the space may be left out if the file has one, or one
            named like the file.
        roots: further folders that imports may reach.

    Raises:
        DiagnosticError: the file can't be read or parsed, has no such space, or the space is wrong, or its
            seed doesn't compile.
    """
    source, wanted = _located(str(spec), files)
    scope = load(source, roots, files)
    space = search_space(_choose(scope, wanted, str(spec)), scope)
    # What is wrong with the seed is wrong with every member, which have no place in a file.
    Compilation(given=space.seed).program  # noqa: B018
    return space


def search_space(node: nodes.Space, scope: Scope) -> SearchSpace:
    """The search space that a file declares.

    Raises:
        DiagnosticError: everything that is wrong with it, or with its seed.
    """
    found = scope.find("network", node.seed.text)
    if not isinstance(found, nodes.Network):
        raise no_network(node.seed, found, scope)
    seed, defaults = resolve_with_defaults(found, scope, membership=False)
    space = space_of(node, scope, seed)
    diagnostics = Diagnostics()
    names = [*(definition.name.text for definition in seed.definitions), *_called(space, seed)]
    definitions = closure(names, scope, diagnostics)
    diagnostics.stop_on_errors()
    known = {definition.name.text for definition in definitions}
    kept = {name: values for name, values in defaults.items() if name in known}
    return SearchSpace(space, seed.model_copy(update={"definitions": definitions, "defaults": kept}))


def _called(space: Space, seed: Network) -> Iterator[str]:
    """Definitions that members may use."""
    for adjustment in space.adjustments:
        yield from (value.name for value in adjustment.values if isinstance(value, Call))
    for choice in space.choices:
        if choice.setting in ("merge", "resample"):
            yield from (value.name for value in choice.values if isinstance(value, Call))
        elif choice.setting == "endpoints":
            yield "endpoint"


def parse_requirement(text: str) -> Requirement:
    """What `--require` says: `macs(640) <= 30G`.

    Raises:
        DiagnosticError: it is no condition on networks.
    """
    # On a line of its own: errors point into what was typed.
    typed = f"--require {text}"
    source = Source(
        typed if len(typed) <= 80 else f"{typed[:79]}…", f"space required of network {{ require\n{text}\n}}"
    )
    items = parse(source).items
    rules = items[0].rules if len(items) == 1 and isinstance(items[0], nodes.Space) else ()
    if len(rules) != 1 or not isinstance(rules[0], nodes.Require):
        raise fail(
            "SP010", f"“{text}” is not one condition", Span(source, 0, len(source.text)),
            help='write `--require "macs(640) <= 30G"`; give the option again for another one',
        )  # fmt: skip
    requirement = read_requirement(rules[0])
    # Without the word that nobody typed.
    return requirement.model_copy(update={"span": requirement.condition.span})


def standard_spaces() -> list[tuple[str, str]]:
    """Every space of the standard library: its name, and the file from the library's folder."""
    library = resources.library()
    return [(node.name.text, str(path.relative_to(library))) for path, node in _standard()]


def _standard() -> Iterator[tuple[Path, nodes.Space]]:
    for path in resources.standard_specs():
        for item in parse(open_source(path)).items:
            if isinstance(item, nodes.Space):
                yield path, item


def _located(spec: str, files: Files) -> tuple[Source, str | None]:
    if not spec.startswith(STANDARD):
        path, name = divided(spec, files)
        return open_source(Path(path), path, files), name
    wanted = spec.removeprefix(STANDARD)
    known = standard_spaces()
    for name, file in known:
        if name == wanted:
            return open_source(resources.library() / file, f"{STANDARD}{file}"), name
    raise fail(
        "SP020",
        f"the standard library has no search space “{wanted}”",
        Span(Source(spec, ""), 0, 0),
        help=suggestion(wanted, (name for name, _ in known), "`spinec space list` shows them all"),
    )


def _choose(scope: Scope, wanted: str | None, spec: str) -> nodes.Space:
    spaces = {item.name.text: item for item in scope.own if isinstance(item, nodes.Space)}
    place = Span(scope.source, 0, 0)
    if wanted is not None and wanted not in spaces:
        raise fail(
            "SP020", f"“{scope.source.name}” has no search space “{wanted}”", place,
            help=suggestion(wanted, spaces, f"it has {', '.join(spaces) or 'none'}"),
        )  # fmt: skip
    if not spaces:
        raise fail(
            "SP005", f"“{spec}” declares no search space", place,
            help="declare one: `space name of network { … }`",
        )  # fmt: skip
    stem = scope.source.path.stem if scope.source.path else ""
    name = wanted or (next(iter(spaces)) if len(spaces) == 1 else stem)
    if name in spaces:
        return spaces[name]
    raise fail(
        "SP026", f"“{spec}” declares {len(spaces)} search spaces", place,
        help=f"name one: {', '.join(_examples(spec, spaces))}",
    )  # fmt: skip


def _examples(spec: str, spaces: Iterable[str]) -> list[str]:
    return [f"`{spec}:{name}`" for name in list(spaces)[:4]]
