"""Everything `spinec check` looks at, for one network."""

from __future__ import annotations

from spinedsl.analysis.expectations import check_expectations
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Label, Severity
from spinedsl.pipeline import AnyCompilation, Compilation


def notes(compilation: AnyCompilation) -> list[Diagnostic]:
    """What a user should know about a network that compiles: blocks that were removed (SP043)."""
    # Copies that `repeat` made are one block to the user; the last one says why it is removed.
    parts = (compilation,) if isinstance(compilation, Compilation) else compilation.parts
    by_block = {r.name.partition(".")[0]: r for part in parts for r in part.expanded.removed}
    removed = list(by_block.values())
    if not removed:
        return []
    names = ", ".join(f"“{name}”" for name in list(by_block)[:8])
    more = f" and {len(removed) - 8} more" if len(removed) > 8 else ""
    labels = [Label(r.span, r.reason) for r in removed[:8] if r.span is not None]
    return [
        Diagnostic(
            "SP043",
            f"no endpoint needs {names}{more}: not built",
            Severity.WARNING,
            labels[0] if labels else None,
            tuple(labels[1:]),
            "let a later block read it, or remove it from the spec",
        )
    ]


def check(compilation: AnyCompilation) -> tuple[list[Diagnostic], int]:
    """All diagnostics of one network, and how many expectations were proved or refuted."""
    diagnostics = Diagnostics()
    count = 0
    try:
        _ = compilation.inlined
        diagnostics.extend(notes(compilation))
        count = check_expectations(compilation, diagnostics)
        _check_requirements(compilation, diagnostics)
    except DiagnosticError as error:
        diagnostics.found += [d for d in error.diagnostics if d not in diagnostics.found]
    return diagnostics.found, count


def _check_requirements(compilation: AnyCompilation, diagnostics: Diagnostics) -> None:
    """What the space that a network is a member of requires."""
    space = compilation.network.space
    if space is not None and space.requirements:
        # Imported where something is required: checking starts sooner.
        from spinedsl.analysis.requirements import Requirements, refuse_unmet

        refuse_unmet(compilation.network, Requirements.of(space), space, diagnostics)
