"""What breaks for who uses an older version: every rule of `spinec breaking`, over networks and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from spinedsl.checking.checked import CheckedFile, CheckedNetwork
from spinedsl.comparison.difference import changes_between
from spinedsl.comparison.interfaces import Interface
from spinedsl.comparison.results import broken_results
from spinedsl.comparison.rules import RULES
from spinedsl.comparison.versions import Version
from spinedsl.comparison.weights import broken_weights
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Label, Severity, suggestion
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.specification import open_all

_ORDER = {rule.code: index for index, rule in enumerate(RULES)}
_OTHER_COMPUTATION = frozenset({"SP201", "SP202", "SP203", "SP204", "SP210", "SP211"})
"""Where one of these is found, results can't be compared."""


def breaking(before: AnyCompilation, after: AnyCompilation) -> list[Diagnostic]:
    """Everything that breaks from one version of a network or model to the other, rule by rule.

    Raises:
        DiagnosticError: one of them doesn't compile.
    """
    if type(before) is not type(after):
        kinds = ["model" if isinstance(each, ModelCompilation) else "network" for each in (before, after)]
        return [_gone(before, f"“{after.subject.name}” is a {kinds[1]}, no longer a {kinds[0]}", ())]
    if before.subject == after.subject:
        return []
    _, names = changes_between(before, after)
    found = [*broken_weights(before, after, names), *Interface(before, after).broken()]
    if not any(diagnostic.code in _OTHER_COMPUTATION for diagnostic in found):
        found += broken_results(before, after)
    return sorted(found, key=lambda diagnostic: _ORDER[diagnostic.code])


def breaking_file(version: Version, rules: frozenset[str], roots: Sequence[Path] = ()) -> CheckedFile:
    """What breaks in a file; a network that can't be compared because its older version is wrong warns.

    Args:
        rules: codes of those that hold; errors of the present file are told anyway.
    """
    try:
        scope, old = open_all(version.older, roots, version.older_files)
    except DiagnosticError as error:
        return CheckedFile(version.newer or version.older, _as_warnings(error))
    if version.newer is None:
        found = [
            _gone(each, f"“{_name(each)}” is gone: there is no “{version.file}” any more", ()) for each in old
        ]
        return CheckedFile(scope.source.name, _held(found, rules))
    try:
        now_scope, new = open_all(version.newer, roots)
    except DiagnosticError as error:
        return CheckedFile(version.newer, error.diagnostics)
    now = {_name(compilation): compilation for compilation in new}
    everything: dict[Diagnostic, None] = {}
    networks = []
    for compilation in old:
        name = _name(compilation)
        found = list(_network(compilation, now.get(name), tuple(now)))
        held = _held(found, rules)
        everything.update(dict.fromkeys(held))
        errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in held)
        networks.append(CheckedNetwork(now_scope.source.name, name, 0, errors))
    return CheckedFile(now_scope.source.name, tuple(everything), tuple(networks))


def _network(
    before: AnyCompilation, after: AnyCompilation | None, known: Sequence[str]
) -> Iterator[Diagnostic]:
    name = _name(before)
    if after is None:
        yield _gone(before, f"“{name}” is gone", known)
        return
    try:
        before.program  # noqa: B018  (an error of the older version is no fault of this one)
    except DiagnosticError as error:
        yield from _as_warnings(error)
        return
    try:
        yield from breaking(before, after)
    except DiagnosticError as error:
        yield from error.diagnostics


def _gone(before: AnyCompilation, message: str, known: Sequence[str]) -> Diagnostic:
    name = _name(before)
    place = before.syntax.name.span if before.syntax is not None else before.subject.span
    keyword = "model" if isinstance(before, ModelCompilation) else "network"
    otherwise = f"declare it again: `{keyword} {name} extends … {{ }}` if it has another name now"
    return Diagnostic(
        "SP200", message, primary=Label(place, "it was declared here") if place else None,
        help=suggestion(name, known, otherwise) if known else otherwise,
    )  # fmt: skip


def _name(compilation: AnyCompilation) -> str:
    return compilation.subject.name if compilation.syntax is None else compilation.syntax.name.text


def _held(found: Sequence[Diagnostic], rules: frozenset[str]) -> tuple[Diagnostic, ...]:
    return tuple(d for d in found if d.code in rules or d.code not in _ORDER)


def _as_warnings(error: DiagnosticError) -> tuple[Diagnostic, ...]:
    """Why an older version can't be compared; it can't be mended any more."""
    first = error.diagnostics[0]
    message = f"there is nothing to compare with: {first.message}"
    return (replace(first, message=message, severity=Severity.WARNING, help=None, fix=None),)
