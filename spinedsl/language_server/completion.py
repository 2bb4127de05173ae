"""What could be written at a place.

A table by frame (the brackets around the place, context.py) says what begins there; what stands right
before the place says what must follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from spinedsl.language_server import vocabulary
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.arguments import arguments
from spinedsl.language_server.context import Context, context_at
from spinedsl.language_server.nearby import parameters_before
from spinedsl.language_server.paths import import_paths
from spinedsl.language_server.proposals import (
    Proposal,
    definitions,
    items,
    keywords,
    levels,
    removable,
    sources,
    steps,
    values,
    words,
)
from spinedsl.language_server.vocabulary import Word

Rule = Callable[[Context, Analysis], Iterable[Proposal]]
OPTIONS = {
    "width": Word("Base channels of this block.", "width 16"),
    "repeat": Word("This block becomes that many in sequence.", "repeat 2"),
    "merge": Word("How this block's inputs become one.", "merge attention"),
    "<-": Word("What this block reads.", "<- s0, s1"),
}
TABLES = {
    "file": vocabulary.ITEMS,
    "network": vocabulary.NETWORK,
    "model": vocabulary.MODEL,
    "conventions": vocabulary.CONVENTIONS,
    "space": vocabulary.SPACE,
}


def completions(analysis: Analysis, offset: int) -> tuple[Context, list[Proposal]]:
    """What could be written at an offset, and what stands around it: proposals replace the word typed so far."""
    context = context_at(analysis.source.text, offset)
    return context, list({proposal.label: proposal for proposal in _proposals(context, analysis)}.values())


def _proposals(context: Context, analysis: Analysis) -> Iterable[Proposal]:
    if context.comment:
        return ()
    if context.quoted:
        return import_paths(context, analysis) if context.last() == "import" else ()
    if context.frame.kind == "arguments":
        return arguments(context, analysis)
    rules = RULES.get(context.frame.kind, {})
    rule = rules.get(context.last()) or rules.get(context.last(2) + " _")
    return _beginnings(context, analysis) if rule is None else rule(context, analysis)


def _beginnings(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """What may begin at a place, or go on with what stands there."""
    kind = context.frame.kind
    if kind in ("network", "stem"):
        yield from _behind_a_level(context)
    if kind in ("stem", "body"):
        yield from steps(context, analysis)
    if kind == "body":
        yield from keywords(vocabulary.STATEMENTS)
        if context.frame.definition == "head":
            yield from keywords(vocabulary.HEAD_STATEMENTS)
    if kind == "set" and context.frame.name == "kind":
        yield from definitions("block")(context, analysis)
    yield from keywords(TABLES.get(kind, {}))


def _behind_a_level(context: Context) -> Iterator[Proposal]:
    """What a block may have behind `@4`, until its arrow."""
    for token in reversed(context.before):
        if token.text == "@":
            yield from keywords(
                {k: v for k, v in OPTIONS.items() if context.frame.kind == "network" or k != "<-"}
            )
        if token.text in ("@", "<-", "=>", ":"):
            return


def _after_comma(context: Context, analysis: Analysis) -> Iterable[Proposal]:
    """The next of what a list holds."""
    for token in reversed(context.before):
        if token.text == "<-":
            return sources(context, analysis)
        if token.text == "without":
            return removable(context, analysis)
        if token.text == "permute":
            return values("permute")(context, analysis)
    return steps(context, analysis) if context.frame.kind in ("stem", "body") else ()


def _endpoints(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """The endpoint of the block's level."""
    if context.frame.kind == "network":
        levels = [b.text for a, b in pairwise(context.before) if a.text == "@"]
        if levels:
            yield Proposal(f"P{levels[-1]}", "endpoint", f"endpoint of level {levels[-1]}")
    else:
        yield from words({"scores": "", "boxes": "", "masks": "", "logits": ""}, "output")


def _result(context: Context, analysis: Analysis) -> Iterable[Proposal]:
    """What a head is for, or how many channels a block puts out."""
    item = next((t.text for t in reversed(context.before) if t.text in vocabulary.ITEMS), "")
    if item == "head":
        return words(vocabulary.TASKS, "task")
    return (Proposal(name, "parameter") for name in parameters_before(context))


def _only(*wanted: str) -> Rule:
    known = {word: meaning for word in wanted if (meaning := vocabulary.keyword(word)) is not None}
    return lambda context, analysis: keywords({w: Word(m.text, m.example) for w, m in known.items()})


def _nothing(context: Context, analysis: Analysis) -> Iterable[Proposal]:
    return ()


_SETTINGS: dict[str, Rule] = {
    **{key: values(key) for key in ("rounding", "act", "norm", "dangling", "sizes", "pixels")},
    "padding": values("padding"),
    "pools": values("padding"),
    "padding _": _only("pools"),
    "conventions": items("conventions"),
    "resample": definitions("resampling"),
    "merge": definitions("merge"),
    "default": definitions("block", "resampling", "merge", "part", "head"),
    "scale": _only("width"),
    "drop_path _": _only("linear", "constant"),
    "linear": _only("of"),
    "expect": lambda context, analysis: words(vocabulary.QUANTITIES, "quantity"),
    "title": _nothing,
    "published": _nothing,
    "repeat": _nothing,
    "stack": _nothing,
}
_BLOCKS: dict[str, Rule] = {
    ":": definitions("block"),
    "@": levels,
    "merge": definitions("merge"),
    "=>": _endpoints,
    ",": _after_comma,
}
RULES: dict[str, dict[str, Rule]] = {
    "file": {
        "import": _nothing,
        "extends": items("network"),
        "of": items("network"),
        "space _": _only("of"),
        "network _": _only("extends"),
        "model _": _only("extends"),
        "->": _result,
        **dict.fromkeys(("network", "model", "space", "block", "resampling", "merge", "part"), _nothing),
    },
    "network": {
        **_SETTINGS,
        **_BLOCKS,
        "<-": sources,
        "via": definitions("resampling", "part"),
        "without": removable,
        "member": _only("of"),
        "of": items("space"),
        "input": _only("of"),
        "->": _nothing,
    },
    "model": {
        **_SETTINGS,
        "backbone": items("network"),
        "neck": items("network"),
        "head": definitions("head"),
    },
    "conventions": _SETTINGS,
    "space": {
        "permute": values("permute"),
        "for": values("permute"),
        "from": _only("earlier", "last"),
        "adjust": _only("level", "kind"),
        ",": _after_comma,
    },
    "stem": {**_BLOCKS, "->": values("stem"), "/": _nothing},
    "body": {
        "->": values("given"),
        "when": values("given"),
        "repeat": values("given"),
        "from": values("from"),
        "=>": _endpoints,
        "each": _only("level"),
        "/": values("given"),
    },
    "features": {"@": _nothing, "->": _nothing},
    "widths": {},
    "set": {},
    "parameters": {"=": values("given")},
}
"""What must follow a word or sign, by frame; `WORD _` is what follows one word behind it."""
