"""Finding what SPEC means: a path, `path:network`, or `std:NAME` from anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from spinedsl import resources
from spinedsl.diagnostics import fail, suggestion
from spinedsl.ir.loading import Scope, load, open_source
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record
from spinedsl.resources import STANDARD
from spinedsl.source import DISK, Files, Source, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import parse

Declared = nodes.Network | nodes.Model
Overrides = Mapping[str, str] | Iterable[tuple[str, str]]
"""Network-level declarations, by their first words: `{"repeat": "2", "conventions": "garden"}`."""


@record
class Listed:
    """One network or model of the standard library."""

    name: str
    title: str
    file: str


def open_spec(
    spec: str | Path,
    overrides: Overrides | None = None,
    roots: Sequence[Path] = (),
    files: Files = DISK,
) -> AnyCompilation:
    """The compilation of one network or model.

    Args:
        spec: a path, `path:network`, or `std:NAME`; the network may be left out if the file has
            one, or one named like the file.
        overrides: declarations laid over its own, later ones over earlier ones.
        roots: further folders that imports may reach.
        files: where files are read from.

    Raises:
        DiagnosticError: the file can't be read or parsed, or has no such network.
    """
    source, wanted = located(str(spec), files)
    scope = load(source, roots, files)
    return compilation_of(scope, _choose(scope, wanted, str(spec)), overrides or {})


def compilation_of(scope: Scope, node: Declared, overrides: Overrides = ()) -> AnyCompilation:
    """The compilation of what a file declares, with `--set` laid over it."""
    if isinstance(node, nodes.Model):
        return ModelCompilation(scope, node, parse_model_overrides(overrides))
    return Compilation(scope, node, parse_overrides(overrides))


def open_all(
    spec: str | Path, roots: Sequence[Path] = (), files: Files = DISK
) -> tuple[Scope, list[AnyCompilation]]:
    """Every network and model of a file (or the one that SPEC names), and what the file can name.

    Raises:
        DiagnosticError: as `open_spec`.
    """
    source, wanted = located(str(spec), files)
    scope = load(source, roots, files)
    chosen = scope.compiled() if wanted is None else [_choose(scope, wanted, str(spec))]
    return scope, [compilation_of(scope, node) for node in chosen]


def located(spec: str, files: Files = DISK) -> tuple[Source, str | None]:
    """The text that SPEC means, and the name in it that it asks for.

    Raises:
        DiagnosticError: it can't be read, or the standard library has no such name.
    """
    if spec.startswith(STANDARD):
        return _standard(spec.removeprefix(STANDARD))
    path, network = divided(spec, files)
    return open_source(Path(path), path, files), network


def divided(spec: str, files: Files = DISK) -> tuple[str, str | None]:
    """Path and network of `path:network`; of `path` alone there is no network."""
    path, colon, network = spec.rpartition(":")
    # A colon may be part of the path: the file decides. (`Path.exists` raises on a path too long.)
    if colon and not (os.path.exists(spec) or files.holds(Path(spec))):  # noqa: PTH110
        return path, network
    return spec, None


def _standard(name: str) -> tuple[Source, str]:
    library = resources.folder("specs")
    wanted = _plain(name)
    known: list[str] = []
    for path, names in resources.standard_names():
        known += names
        for found in names:
            if _plain(found) == wanted:
                return open_source(path, f"{STANDARD}{path.relative_to(library)}"), found
    place = Source(f"{STANDARD}{name}", "")
    raise fail(
        "SP020",
        f"the standard library has no network “{name}”",
        Span(place, 0, 0),
        help=suggestion(name, known, "`spinec list` shows them all"),
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _standard_items() -> Iterator[tuple[Path, Declared]]:
    for path in resources.standard_specs():
        for item in parse(open_source(path)).items:
            if isinstance(item, nodes.Network | nodes.Model):
                yield path, item


def standard_networks() -> list[Listed]:
    """The networks that ship with spinec, by file and place in it."""
    return [_listed(path, node) for path, node in _standard_items() if isinstance(node, nodes.Network)]


def standard_models() -> list[Listed]:
    """The models that ship with spinec, by file and place in it."""
    return [_listed(path, node) for path, node in _standard_items() if isinstance(node, nodes.Model)]


def _listed(path: Path, node: Declared) -> Listed:
    library = resources.folder("specs")
    return Listed(node.name.text, _title(node), str(path.relative_to(library)))


def _title(node: Declared) -> str:
    for declaration in node.declarations:
        if isinstance(declaration, nodes.Setting) and declaration.key == "title":
            return str(declaration.value)
    return node.name.text


def _choose(scope: Scope, wanted: str | None, spec: str) -> Declared:
    networks = {node.name.text: node for node in scope.compiled()}
    place = Span(scope.source, 0, 0)
    if wanted is not None:
        if wanted in networks:
            return networks[wanted]
        raise fail(
            "SP020",
            f"“{scope.source.name}” has no network “{wanted}”",
            place,
            help=suggestion(wanted, networks, f"it has {', '.join(networks) or 'none'}"),
        )
    if not networks:
        raise fail("SP005", f"“{spec}” declares no network", place, help="declare one: `network name { … }`")
    stem = scope.source.path.stem if scope.source.path else ""
    if len(networks) == 1:
        return next(iter(networks.values()))
    if stem in networks:
        return networks[stem]
    kinds = {"models" if isinstance(node, nodes.Model) else "networks" for node in networks.values()}
    raise fail(
        "SP026",
        f"“{spec}” declares {len(networks)} {' and '.join(sorted(kinds, reverse=True))}",
        place,
        help=f"name one: {', '.join(f'`{spec}:{name}`' for name in list(networks)[:4])}",
    )


def parse_overrides(overrides: Overrides) -> tuple[nodes.Network, ...]:
    """`--set KEY=VALUE` as networks that extend the one at hand; one each, so that later ones win.

    Raises:
        DiagnosticError: a text that is no single network-level declaration.
    """
    found = [_override("network", key, value, DECLARATIONS) for key, value in _pairs(overrides)]
    return tuple(node for node in found if isinstance(node, nodes.Network))


def parse_model_overrides(overrides: Overrides) -> tuple[nodes.Model, ...]:
    """The same for a model: its own declarations, or settings of its networks.

    Raises:
        DiagnosticError: a text that is no single declaration of a model.
    """
    found = [_override("model", key, value, MODEL_DECLARATIONS) for key, value in _pairs(overrides)]
    return tuple(node for node in found if isinstance(node, nodes.Model))


def _pairs(overrides: Overrides) -> Iterable[tuple[str, str]]:
    return overrides.items() if isinstance(overrides, Mapping) else overrides


DECLARATIONS = (
    "act", "conventions", "dangling", "default", "drop_path", "endpoints", "expect", "input", "member of",
    "merge", "norm", "padding", "published", "repeat", "resample", "rounding", "scale width", "sizes",
    "stack", "title", "width", "without",
)  # fmt: skip
"""What can stand before a value in `--set`: the first words of network-level declarations."""

MODEL_DECLARATIONS = (
    "act", "backbone", "conventions", "dangling", "default", "drop_path", "expect", "head", "input", "merge",
    "neck", "norm", "padding", "pixels", "published", "repeat", "resample", "rounding", "scale width",
    "sizes", "stack", "title",
)  # fmt: skip
"""The same for a model."""


def _override(kind: str, key: str, value: str, declarations: Sequence[str]) -> Declared:
    word = key.strip().replace(".", " ").replace("scale_width", "scale width")
    # The declaration keeps its own source, on a line of its own: errors point into what was typed.
    text = f"{kind} set {{\n{word} {value}\n}}"
    typed = f"--set {key}={value}"
    source = Source(typed if len(typed) <= 80 else f"{typed[:79]}…", text)
    start = text.index("\n") + 1
    if not value.strip():
        raise fail(
            "SP010", f"“{key}” is set to nothing", Span(source, start, start + max(1, len(word))),
            help="write a value behind “=”, e.g. `--set repeat=2`",
        )  # fmt: skip
    if word not in declarations:
        raise fail(
            "SP020",
            f"a {kind} has no declaration “{word}”",
            Span(source, start, start + len(word)),
            help=suggestion(word, declarations, f"declarations are {', '.join(declarations)}"),
        )
    items = parse(source).items
    declared = items[0].declarations if isinstance(items[0], nodes.Network | nodes.Model) else ()
    if len(items) != 1 or len(declared) != 1:
        raise fail(
            "SP010",
            f"“{key}={value}” is not one declaration",
            Span(source, 0, len(text)),
            help="write `--set repeat=2`, or `--set resample='cross_scale(alpha = 1.0)'`",
        )
    node = items[0]
    assert isinstance(node, nodes.Network | nodes.Model)
    return node
