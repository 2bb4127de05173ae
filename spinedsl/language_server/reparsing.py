"""Parsing after an edit: what stands before and behind it is kept.

1. The edit is what lies between the longest common beginning and end of both texts.
2. In a network or model, the declarations next to the edit on both sides are parsed again with what is
   between them; around and between items, the items next to it.
3. If the outer two come out as they were, everything beyond them would too: an LALR parser has nothing
   else to remember there. Their neighbours are kept, and moved.
4. If not, or if something is wrong elsewhere in the file, all of it is parsed.

Ensures: without errors, the file that `parse` makes of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spinedsl.diagnostics import Diagnostic
from spinedsl.language_server.moving import moved, moved_diagnostic
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import Parsed, parse_what_stands

MAX_TEXT = 300_000
"""Longer texts are parsed whole: limits on the number of blocks and lines must be seen."""
_HEADER = {nodes.Network: "network n {\n", nodes.Model: "model n {\n"}
_OPENING = re.compile(r"(?:[^{}#]|#[^\n]*)*\{")
Container = nodes.Network | nodes.Model


@record
class Change:
    """What was replaced: `[start, old_end)` of the old text by `[start, new_end)` of the new one."""

    start: int
    old_end: int
    new_end: int

    @property
    def shift(self) -> int:
        """How far everything behind it moves."""
        return self.new_end - self.old_end


def change_between(old: str, new: str) -> Change:
    """The smallest single change that makes `new` of `old`."""
    shorter = min(len(old), len(new))
    start = _common(old, new, shorter)
    tail = _common(old[::-1], new[::-1], shorter - start)
    return Change(start, len(old) - tail, len(new) - tail)


def _common(left: str, right: str, most: int) -> int:
    """Length of the longest common beginning, at most `most`: by halves, since comparing is fast."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def reparse(old: Parsed, before: Source, after: Source) -> Parsed:
    """What stands of a text, given what stood of it before an edit; never raises.

    Args:
        old: what `before` was parsed to.
        before, after: the texts.
    """
    if old.file is None or len(after.text) > MAX_TEXT:
        return parse_what_stands(after)
    edit = _Edit(before, after, change_between(before.text, after.text), old.diagnostics)
    return edit.inside_item(old.file) or edit.among_items(old.file) or parse_what_stands(after)


@record
class _Again:
    """Children of a node after the edit, and what is wrong among them."""

    children: tuple[Any, ...]
    found: tuple[Diagnostic, ...]


@record
class _Edit:
    before: Source
    after: Source
    change: Change
    known: tuple[Diagnostic, ...]

    def inside_item(self, file: nodes.File) -> Parsed | None:
        """Rules 2 and 3 for an edit between the braces of a network or model."""
        change, items = self.change, file.items
        index = next((i for i, item in enumerate(items) if item.span.end > change.old_end), len(items))
        item = items[index] if index < len(items) else None
        if not isinstance(item, nodes.Network | nodes.Model):
            return None
        inside = _inside(item, self.before.text)
        if inside is None or change.start < inside[0] or inside[1] < change.old_end:
            return None
        again = self._again(item.declarations, inside, _HEADER[type(item)])
        if again is None:
            return None
        span = Span(self.after, item.span.start, item.span.end + change.shift)
        container: Any = item
        shell = moved(replace(container, declarations=()), self.after, 0)
        whole = replace(shell, declarations=again.children, span=span)
        return self._parsed([*self._kept(items[:index], 0), whole, *self._kept(items[index + 1 :])], again)

    def among_items(self, file: nodes.File) -> Parsed | None:
        """Rules 2 and 3 for items."""
        again = self._again(file.items, (0, len(self.before.text)), "")
        return None if again is None else self._parsed(again.children, again)

    def _again(self, children: Sequence[nodes.Node], ends: tuple[int, int], header: str) -> _Again | None:
        """Children between two ends of the old text, parsed again next to the edit.

        What is half written often takes the one behind it along; so the one behind that is tried, too.
        """
        first, last = self._neighbours(children)
        again = self._between(children, first, last, ends, header)
        if again is None and last is not None and last + 1 < len(children):
            again = self._between(children, first, last + 1, ends, header)
        return again

    def _between(
        self,
        children: Sequence[nodes.Node],
        first: int | None,
        last: int | None,
        ends: tuple[int, int],
        header: str,
    ) -> _Again | None:
        start = ends[0] if first is None else self._line_start(children[first].span.start)
        end = ends[1] if last is None else children[last].span.end
        text = self.after.text[start : end + self.change.shift]
        parsed = parse_what_stands(Source("", f"{header}{text}{'}' if header else ''}"))
        fresh, by = _children(parsed.file, header), start - len(header)
        if fresh is None or not self._as_they_were(children, first, last, fresh, by):
            return None
        found = [moved_diagnostic(d, lambda span: self._placed(span, by)) for d in parsed.diagnostics]
        least = start if first is None else children[first].span.end
        most = len(self.after.text) if last is None else children[last].span.start + self.change.shift
        # Behind an error without a whole declaration behind it, anything may follow from it.
        if (found and last is None) or not (_within(self.known, start, end) and _within(found, least, most)):
            return None
        # What is known of the first one stays: its documentation stands above what was parsed.
        before = self._kept(children[: 0 if first is None else first + 1], 0)
        again = [moved(child, self.after, by) for child in fresh[0 if first is None else 1 :]]
        behind = [] if last is None else self._kept(children[last + 1 :])
        return _Again((*before, *again, *behind), tuple(found))

    def _neighbours(self, children: Sequence[nodes.Node]) -> tuple[int | None, int | None]:
        """The last child before the edit, and the first behind it; neither touches it."""
        first = last = None
        for index, child in enumerate(children):
            if child.span.end < self.change.start:
                first = index
            elif child.span.start > self.change.old_end:
                last = index
                break
        return first, last

    def _line_start(self, offset: int) -> int:
        """Where a line begins that a node is the first on: recovery looks at indentation."""
        start = self.before.text.rfind("\n", 0, offset) + 1
        return offset if self.before.text[start:offset].strip() else start

    def _as_they_were(
        self,
        children: Sequence[nodes.Node],
        first: int | None,
        last: int | None,
        fresh: Sequence[nodes.Node],
        by: int,
    ) -> bool:
        if len(fresh) < (first is not None) + (last is not None):
            return False
        return (first is None or _same(children[first], fresh[0], -by)) and (
            last is None or _same(children[last], fresh[-1], self.change.shift - by)
        )

    def _kept(self, children: Sequence[nodes.Node], by: int | None = None) -> list[Any]:
        by = self.change.shift if by is None else by
        return [moved(child, self.after, by) for child in children]

    def _placed(self, span: Span, by: int) -> Span:
        return Span(self.after, span.start + by, span.end + by)

    def _parsed(self, items: Sequence[nodes.Item], again: _Again) -> Parsed:
        ends = (items[0].span.start, items[-1].span.end) if items else (0, 0)
        return Parsed(nodes.File(tuple(items), span=Span(self.after, *ends)), again.found)


def _children(file: nodes.File | None, header: str) -> Sequence[nodes.Node] | None:
    """What was parsed: declarations of the one container, or items."""
    if file is None or not header:
        return None if file is None else file.items
    alone = file.items[0] if len(file.items) == 1 else None
    return alone.declarations if isinstance(alone, nodes.Network | nodes.Model) else None


def _inside(container: Container, text: str) -> tuple[int, int] | None:
    """Where the text between a container's braces begins and ends."""
    name = container.extends or container.name
    opening = _OPENING.match(text, name.span.end)
    if opening is None or text[container.span.end - 1] != "}":
        return None
    return opening.end(), container.span.end - 1


def _same(old: nodes.Node, fresh: nodes.Node, by: int) -> bool:
    at = (old.span.start + by, old.span.end + by)
    return at == (fresh.span.start, fresh.span.end) and old == fresh


def _within(found: Sequence[Diagnostic], start: int, end: int) -> bool:
    """Whether everything that is wrong lies between two places."""
    places = [d.primary.span if d.primary is not None else None for d in found]
    return all(place is not None and start <= place.start and place.end <= end for place in places)
