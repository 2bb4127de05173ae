"""What is known of each network of a text, kept over edits that can't have changed it.

A network is known by its own words and those of every item of its file that it may lead to: whatever
item one of its words names, and so on. What was found is kept with its places, and moved when it is
used again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import Summary, summarise
from spinedsl.collecting import collect_afterwards
from spinedsl.diagnostics import Diagnostic, DiagnosticError
from spinedsl.ir.loading import Named, Scope, kind_of, prelude
from spinedsl.language_server.moving import moved_diagnostic
from spinedsl.pipeline import AnyCompilation
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.specification import Declared, compilation_of

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
AT_ONCE = 32
"""How many blocks are compiled while somebody types; more of them wait for a pause."""
Key = tuple[str, ...]


@record
class Known:
    """What is known of one network or model.

    Attributes:
        key: the words it depends on.
        node: as it was written when it was looked at.
        diagnostics: what is wrong with it; where it is not compiled yet, as far as names and values go.
        summary: its blocks in numbers, once it is compiled.
        compilation: to go on with; None when everything is known.
        items: where the items of its file began.
    """

    key: Key
    node: Declared
    diagnostics: tuple[Diagnostic, ...]
    summary: Summary | None
    compilation: AnyCompilation | None
    items: dict[tuple[str, str], Span]

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


def keys_of(scope: Scope) -> dict[tuple[str, str], Key]:
    """The words that each item of a file depends on, its own first."""
    own = {(kind_of(item), item.name.text): item for item in scope.own}
    by_name: dict[str, list[tuple[str, str]]] = {}
    for key in own:
        by_name.setdefault(key[1], []).append(key)
    uses = {
        key: [other for word in _own_names(item, by_name) for other in by_name[word]]
        for key, item in own.items()
    }
    # What the prelude declares may be used without being named.
    shadowing = [key for key in own if key in prelude()]
    return {key: tuple(own[k].span.text for k in _reached([key, *shadowing], uses)) for key in own}


def _own_names(item: Named, names: Mapping[str, object]) -> list[str]:
    return [word for word in dict.fromkeys(_WORD.findall(item.span.text)) if word in names]


Item = tuple[str, str]


def _reached(start: Sequence[Item], uses: Mapping[Item, list[Item]]) -> list[Item]:
    found = dict.fromkeys(start)
    pending = list(start)
    while pending:
        for used in uses[pending.pop()]:
            if used not in found:
                found[used] = None
                pending.append(used)
    return list(found)


@collect_afterwards
def look_at(node: Declared, key: Key, scope: Scope) -> Known:
    """Resolve a network: names and values, in a few milliseconds."""
    compilation = compilation_of(scope, node)
    items = {(kind_of(item), item.name.text): item.span for item in scope.own}
    try:
        # A model is resolved with its backbone.
        _ = compilation.subject
    except DiagnosticError as error:
        return Known(key, node, error.diagnostics, None, None, items)
    return Known(key, node, (), None, compilation, items)


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


def moved_to(known: Known, source: Source, scope: Scope) -> tuple[Diagnostic, ...]:
    """What is wrong with a network, where it stands after an edit that left it and its like alone."""
    now = {(kind_of(item), item.name.text): item.span for item in scope.own}

    def place(span: Span) -> Span:
        if not same_file(span.source, source):
            return span
        for key, was in known.items.items():
            if was.start <= span.start <= was.end and key in now:
                by = now[key].start - was.start
                return Span(source, span.start + by, span.end + by)
        return Span(source, min(span.start, len(source.text)), min(span.end, len(source.text)))

    return tuple(moved_diagnostic(d, place) for d in known.diagnostics)


def same_file(one: Source, other: Source) -> bool:
    """Whether two sources are of one file, perhaps at different times."""
    return one is other or (one.path == other.path and one.name == other.name)


def at_once(pending: Iterable[Known]) -> list[Known]:
    """The first of the networks that wait to be compiled, as far as it costs little time."""
    chosen, blocks = [], 0
    for known in pending:
        blocks += known.blocks
        if blocks > AT_ONCE:
            break
        chosen.append(known)
    return chosen
