"""Everything `spinec check` has to say of a file: of its definitions and of each of its networks.

What is not here: which files are looked at, and how the answer is shown (spinedsl/cli).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from spinedsl.analysis.checking import check
from spinedsl.checking.checked import CheckedFile, CheckedNetwork
from spinedsl.diagnostics import DiagnosticError, Diagnostics, Severity, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.ir.loading import Scope
from spinedsl.source import DISK, Files
from spinedsl.specification import open_all
from spinedsl.syntax import nodes

__all__ = ["CheckedFile", "CheckedNetwork", "check_spaces", "check_spec"]


def check_spec(spec: str, roots: Sequence[Path] = (), files: Files = DISK) -> CheckedFile:
    """Check every network and model of a file, or the one that SPEC names; errors are returned."""
    try:
        scope, compilations = open_all(spec, roots, files)
    except DiagnosticError as error:
        return CheckedFile(spec, error.diagnostics)
    found = Diagnostics()
    # Too many errors end it; `found` has all of them up to there.
    with suppress(DiagnosticError):
        check_definitions(scope, found)
        check_spaces(scope, found)
    networks = []
    everything = dict.fromkeys(found.found)
    for compilation in compilations:
        diagnostics, expectations = check(compilation)
        everything.update(dict.fromkeys(diagnostics))
        assert compilation.syntax is not None
        errors = sum(d.severity is Severity.ERROR for d in diagnostics)
        networks.append(CheckedNetwork(scope.source.name, compilation.syntax.name.text, expectations, errors))
    others = len(scope.own) - len(scope.compiled())
    return CheckedFile(scope.source.name, tuple(in_order(everything)), tuple(networks), others)


def check_spaces(scope: Scope, diagnostics: Diagnostics) -> None:
    """Record what is wrong with the search spaces of a file, whether networks are members or not."""
    for node in scope.own:
        if isinstance(node, nodes.Space):
            from spinedsl.spaces.opening import search_space

            with diagnostics.absorbing():
                search_space(node, scope)
