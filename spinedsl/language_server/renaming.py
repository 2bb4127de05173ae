"""Renaming: every place that names something, in all files, or a reason why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from spinedsl.diagnostics import Diagnostic, DiagnosticError, Edit, Severity
from spinedsl.fixing import with_edits
from spinedsl.ir.names import check_name
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.symbols import Occurrence, Symbol, same_file
from spinedsl.source import Source
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import MAX_NAME

KINDS = frozenset(
    {"network", "conventions", "space", "definition", "block", "endpoint", "parameter", "local"}
)
"""Symbols that people name; the rest are words of the language."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
Reanalyse = Callable[[Sequence[Edit]], Sequence[Analysis]]


class Refused(Exception):
    """Why something can't be renamed, in a sentence."""


def renameable(analysis: Analysis, offset: int, library: Callable[[Path | None], bool]) -> Occurrence:
    """What would be renamed at an offset.

    Args:
        library: whether a file is one that people don't change.

    Raises:
        Refused: nothing there has a name that people give.
    """
    found = analysis.occurrences.at(offset)
    if found is None:
        raise Refused("nothing here has a name")
    if found.symbol.kind not in KINDS:
        raise Refused(f"“{found.symbol.name}” is a word of the language")
    if found.target is not None and library(found.target.source.path):
        raise Refused(f"“{found.symbol.name}” is declared in the standard library")
    if library(Path(found.symbol.file)):
        raise Refused(f"“{found.symbol.name}” belongs to the standard library")
    return found


def renaming(found: Occurrence, new: str, analyses: Sequence[Analysis], reanalyse: Reanalyse) -> list[Edit]:
    """The edits that give a symbol a new name.

    Args:
        found: what was pointed at.
        new: its new name.
        analyses: of all files that may name it, or import one that does.
        reanalyse: the same after edits, in the same order.

    Raises:
        Refused: the name can't be, or would mean something else somewhere.
    """
    _check(found, new)
    edits = [Edit(place.span, new) for place in references(found.symbol, analyses)]
    _see_that_all_means_the_same(found.symbol, new, edits, analyses, reanalyse)
    return edits


def references(symbol: Symbol, analyses: Iterable[Analysis]) -> list[Occurrence]:
    """Every place that names a symbol, its declarations included."""
    return [occurrence for analysis in analyses for occurrence in analysis.occurrences.of(symbol)]


def _check(found: Occurrence, new: str) -> None:
    if not _NAME.fullmatch(new) or len(new) > MAX_NAME:
        raise Refused(
            f"“{new}” is no name: it takes letters a–z and A–Z, digits and “_”, at most {MAX_NAME} in all"
        )
    node = found.node
    what = found.symbol.kind
    if isinstance(node, nodes.Definition) and what == "definition":
        what = node.kind
    if isinstance(node, nodes.Feature):
        what = "input"
    if what in ("network", "space", "conventions", "local"):
        return
    try:
        check_name(nodes.Name(new, span=found.span), what)
    except DiagnosticError as error:
        raise Refused(error.diagnostics[0].message) from None


def _see_that_all_means_the_same(
    symbol: Symbol, new: str, edits: Sequence[Edit], analyses: Sequence[Analysis], reanalyse: Reanalyse
) -> None:
    """Look at every file as it would be: the same names must mean the same, and nothing may be wrong anew."""
    for before, now in zip(analyses, reanalyse(edits), strict=True):
        wrong = _new_errors(before.diagnostics, now.diagnostics)
        if wrong:
            raise Refused(f"“{new}” can't be its name: {wrong[0].message}")
        expected = [_renamed(o.symbol, symbol, new) for o in before.occurrences.found]
        if [(o.symbol.kind, o.symbol.name) for o in now.occurrences.found] != expected:
            raise Refused(f"“{new}” means something already in “{before.source.name}”")


def _renamed(symbol: Symbol, old: Symbol, new: str) -> tuple[str, str]:
    return (symbol.kind, new if symbol == old else symbol.name)


def _new_errors(before: Iterable[Diagnostic], now: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Errors of a code of which there are more than before, those that nobody has been told of first.

    There may be fewer errors in all: one can hide others, which are looked for behind it.
    """
    was, found = _errors(before), _errors(now)
    more = Counter(d.code for d in found) - Counter(d.code for d in was)
    told = {d.message for d in was}
    return sorted((d for d in found if d.code in more), key=lambda d: d.message in told)


def _errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [d for d in found if d.severity is Severity.ERROR]


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """A source with the edits that are its own made."""
    own = [edit for edit in edits if same_file(edit.span.source, source)]
    return Source(source.name, with_edits(source.text, own), source.path)
