"""Comments that ignore rules: `# spinec: ignore[SP101] as published`.

1. On a line of its own, a comment speaks of what is declared next; at a line's end, of what ends right
   before it, or behind a brace, of the head before that. The formatter moves it along with just these.
2. In the brackets stand codes or names of rules; behind them anything, best the reason.
3. A comment that ignores nothing is SP100; one that names no rule, or isn't written so, SP111.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spinedsl.diagnostics import Edit, Fix, Label
from spinedsl.lint.places import Range, places_of
from spinedsl.lint.rule import Finding, Found, Rule, few
from spinedsl.lint.rules import near_rule, rule_called
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax.parser import DIRECTIVE

_IGNORE = re.compile(r"#[ \t]*spinec[ \t]*:[ \t]*ignore[ \t]*\[(?P<rules>[^\]]*)\]")
_WORD = re.compile(r"[^\s,]+")
HELP = "write `# spinec: ignore[SP101]`, and the reason behind it"


@record
class _Named:
    """A name in brackets, and the rule it means; None if it means none."""

    span: Span
    rule: Rule | None


@record
class _Ignore:
    """One comment.

    Attributes:
        comment: the whole of it.
        names: what stands in its brackets; None if it isn't written so.
        range: what it speaks of; findings that start there are ignored.
    """

    comment: Span
    names: tuple[_Named, ...] | None
    range: Range


@dataclass(slots=True)
class _Entry:
    """All comments that ignore one rule in one range."""

    end: int
    used: bool = False


class Ignores:
    """All such comments of a file that parses."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.all = list(_read(source))
        self.entries: dict[tuple[str, Range], _Entry] = {}
        for ignore in self.all:
            for name in ignore.names or ():
                if name.rule is not None:
                    self.entries.setdefault((name.rule.code, ignore.range), _Entry(ignore.range[1]))

    def kept(self, found: Iterable[tuple[Rule, Finding]]) -> list[tuple[Rule, Finding]]:
        """The findings that no comment ignores, by place."""
        ordered = sorted(found, key=lambda each: each[1].primary.span.start)
        pending = sorted(
            ((key[1][0], key[0], entry) for key, entry in self.entries.items()), key=lambda e: e[:2]
        )
        active: dict[str, list[_Entry]] = {}
        kept, index = [], 0
        for rule, finding in ordered:
            at = finding.primary.span.start
            while index < len(pending) and pending[index][0] <= at:
                active.setdefault(pending[index][1], []).append(pending[index][2])
                index += 1
            # Ranges nest as the syntax does, so that few are active at a time.
            current = [entry for entry in active.get(rule.code, ()) if at < entry.end]
            active[rule.code] = current
            for entry in current:
                entry.used = True
            if not current:
                kept.append((rule, finding))
        return kept

    def unknown(self) -> Found:
        """SP111: comments that name no rule."""
        for ignore in self.all:
            if ignore.names is None:
                yield Finding("spinec doesn't understand this comment", Label(ignore.comment), help=HELP)
            strange = [name.span for name in ignore.names or () if name.rule is None]
            if strange:
                # One comment, one finding: a line may hold thousands of words.
                more = f", and {len(strange) - 1:,} more" if len(strange) > 1 else ""
                text = strange[0].text
                yield Finding(
                    f"there is no rule “{text[:64]}”{more}", Label(strange[0]), help=near_rule(text)
                )

    def unused(self, ran: Container[str]) -> Found:
        """SP100: comments that ignored nothing, as far as their rules ran."""
        for ignore in self.all:
            if ignore.names is None:
                continue
            idle = [name for name in ignore.names if self._idle(name, ignore.range, ran)]
            if len(idle) == len(ignore.names):
                yield Finding(
                    "this comment ignores nothing",
                    Label(ignore.comment),
                    help="remove it",
                    fix=Fix("remove the comment", (Edit(self._with_line(ignore.comment), ""),)),
                )
            elif idle:
                yield Finding(
                    f"there is nothing of {few(name.span.text for name in idle)} to ignore",
                    Label(idle[0].span),
                    help="leave it out of the brackets",
                    fix=_without(ignore.names, idle),
                )

    def _idle(self, name: _Named, range_: Range, ran: Container[str]) -> bool:
        if name.rule is None or name.rule.code not in ran:
            return False
        return not self.entries[name.rule.code, range_].used

    def _with_line(self, comment: Span) -> Span:
        """A comment with the spaces before it, and with its line if nothing else stands there."""
        text = self.source.text
        line = text.rfind("\n", 0, comment.start) + 1
        start, end = line + len(text[line : comment.start].rstrip()), comment.end
        if start == line:
            end = text.find("\n", end) + 1 or len(text)
        return Span(self.source, start, end)


def _without(names: Sequence[_Named], idle: Iterable[_Named]) -> Fix:
    """Brackets with fewer names."""
    out = {name.span.start for name in idle}
    left = ", ".join(name.span.text for name in names if name.span.start not in out)
    whole = Span(names[0].span.source, names[0].span.start, names[-1].span.end)
    return Fix(f"write “{left}”" if len(left) <= 64 else "leave it out", (Edit(whole, left),))


def _read(source: Source) -> Iterator[_Ignore]:
    """The comments, in order."""
    if "spinec" not in source.text:
        return
    for comment, range_ in places_of(source, DIRECTIVE):
        written = _IGNORE.match(comment.text)
        names = None
        if written is not None:
            at = comment.start + written.start("rules")
            words = _WORD.finditer(written["rules"])
            spans = [Span(source, at + word.start(), at + word.end()) for word in words]
            names = tuple(_Named(span, rule_called(span.text)) for span in spans)
        yield _Ignore(comment, names, range_)
