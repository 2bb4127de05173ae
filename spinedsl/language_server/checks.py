"""What is known of each network of a text, kept over edits that can't have changed it.

What was found is kept with its places, and moved when it is used again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import Summary, summarise
from spinedsl.collecting import collect_afterwards
from spinedsl.diagnostics import Diagnostic, DiagnosticError
from spinedsl.ir.loading import Scope, kind_of
from spinedsl.language_server.keys import Item, Key
from spinedsl.language_server.moving import moved_diagnostic
from spinedsl.language_server.symbols import same_file
from spinedsl.pipeline import AnyCompilation
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.specification import Declared, compilation_of

AT_ONCE = 32
"""How many blocks are compiled while somebody types; more of them wait for a pause."""


@record
class Places:
    """Where the items of a file stand at one time."""

    spans: dict[Item, Span]

    @cached_property
    def _in_order(self) -> list[tuple[int, Item]]:
        return sorted((span.start, item) for item, span in self.spans.items())

    def around(self, offset: int) -> Item | None:
        """The item that an offset lies in."""
        index = bisect_right(self._in_order, offset, key=lambda each: each[0])
        item = self._in_order[index - 1][1] if index else None
        return item if item is not None and offset <= self.spans[item].end else None


def places_of(scope: Scope) -> Places:
    """Where a file's own items stand."""
    return Places({(kind_of(item), item.name.text): item.span for item in scope.own})


@record
class Known:
    """What is known of one network or model.

    Attributes:
        key: of the words it depends on.
        node: as it was written when it was looked at.
        diagnostics: what is wrong with it; where it is not compiled yet, as far as names and values go.
        summary: its blocks in numbers, once it is compiled.
        compilation: to go on with; None when everything is known.
        places: where the items of its file stood then.
    """

    key: Key
    node: Declared
    diagnostics: tuple[Diagnostic, ...]
    summary: Summary | None
    compilation: AnyCompilation | None
    places: Places

    @property
    def name(self) -> str:
        """Of the network."""
        return self.node.name.text

    @property
    def blocks(self) -> int:
        """About how many blocks there are to compile."""
        if self.compilation is None:
            return 0
        network = self.compilation.network
        return (len(network.blocks) + len(network.stem)) * network.repeat * network.stack


@collect_afterwards
def look_at(node: Declared, key: Key, scope: Scope, places: Places) -> Known:
    """Resolve a network: names and values, in a few milliseconds."""
    compilation = compilation_of(scope, node)
    try:
        # A model is resolved with its backbone.
        _ = compilation.subject
    except DiagnosticError as error:
        return Known(key, node, error.diagnostics, None, None, places)
    return Known(key, node, (), None, compilation, places)


@collect_afterwards
def complete(known: Known) -> Known:
    """Compile it: shapes, numbers and expectations."""
    if known.compilation is None:
        return known
    diagnostics, _ = check(known.compilation)
    summary = None
    # Where it doesn't compile, `check` has said why.
    with suppress(DiagnosticError):
        summary = summarise(known.compilation)
    return replace(known, diagnostics=tuple(diagnostics), summary=summary, compilation=None)


def moved_to(known: Known, source: Source, places: Places) -> tuple[Diagnostic, ...]:
    """What is wrong with a network, where it stands after an edit that left it and its like alone."""

    def place(span: Span) -> Span:
        if not same_file(span.source, source):
            return span
        item = known.places.around(span.start)
        if item is not None and item in places.spans:
            by = places.spans[item].start - known.places.spans[item].start
            return Span(source, span.start + by, span.end + by)
        return Span(source, min(span.start, len(source.text)), min(span.end, len(source.text)))

    return tuple(moved_diagnostic(d, place) for d in known.diagnostics)


def at_once(pending: Iterable[Known]) -> list[Known]:
    """The first of the networks that wait to be compiled, as far as it costs little time."""
    chosen, blocks = [], 0
    for known in pending:
        blocks += known.blocks
        if blocks > AT_ONCE:
            break
        chosen.append(known)
    return chosen
