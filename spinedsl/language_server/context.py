"""Where in a spec a place is, by its words and brackets alone: what somebody types is seldom whole."""

from __future__ import annotations

from dataclasses import field, replace

from spinedsl.language_server.scanning import Token, scan
from spinedsl.language_server.vocabulary import ITEMS
from spinedsl.records import record

DEFINITIONS = frozenset({"block", "resampling", "merge", "part", "head"})
ALWAYS_ITEMS = frozenset({"import", "network", "model", "space", "block", "resampling", "part"})
"""Words that begin an item wherever they begin a line; the others are declarations, too."""
_CLOSING = {")": "(", "}": "{"}


@record
class Frame:
    """A pair of brackets around a place, or the file itself.

    Attributes:
        kind: `file`, `network`, `model`, `conventions`, `space`, `stem`, `widths`, `features`, `body`, `set`
            (the braces of `adjust`), `parameters` or `arguments`.
        name: of the item; in arguments, of what is called.
        extends: what the item extends, or is of.
        definition: the word that introduced a definition, in its body.
        bracket: what opened it.
        tokens: everything since, but for what stands in closed inner brackets.
    """

    kind: str
    name: str = ""
    extends: str = ""
    definition: str = ""
    bracket: str = ""
    tokens: tuple[Token, ...] = field(default=(), repr=False)


@record
class Context:
    """What stands around and before a place.

    Attributes:
        frames: from the file inwards.
        prefix: what has been typed of a word, or of a path in quotes.
        start: where that begins.
        quoted: whether the place is in a text in quotes.
        comment: whether it is in a comment.
        inner: tokens of the item at hand, its brackets' included.
    """

    frames: tuple[Frame, ...]
    prefix: str
    start: int
    quoted: bool = False
    comment: bool = False
    inner: tuple[Token, ...] = field(default=(), repr=False)

    @property
    def frame(self) -> Frame:
        """The innermost one."""
        return self.frames[-1]

    @property
    def before(self) -> tuple[Token, ...]:
        """What stands before the place in the innermost frame."""
        return self.frame.tokens

    def last(self, back: int = 1) -> str:
        """The word or sign that many places before; "" if there is none."""
        return self.before[-back].text if len(self.before) >= back else ""

    def within(self, *kinds: str) -> Frame | None:
        """The innermost frame of one of some kinds."""
        return next((frame for frame in reversed(self.frames) if frame.kind in kinds), None)


class _Stack:
    def __init__(self) -> None:
        self.frames: list[Frame] = [Frame("file")]
        self.tokens: list[list[Token]] = [[]]
        self.inner: list[Token] = []

    def add(self, token: Token, at_line_start: bool) -> None:
        if at_line_start and token.text in ALWAYS_ITEMS:
            # An item begins at the edge: what is still open before was left so.
            del self.frames[1:], self.tokens[1:]
            self.inner.clear()
        self.inner.append(token)
        if token.text in ("(", "{") and token.kind == "sign":
            self.frames.append(_opened(self.frames[-1], self.tokens[-1], token.text))
            self.tokens.append([])
        elif token.text in _CLOSING and token.kind == "sign":
            if len(self.frames) > 1 and self.frames[-1].bracket == _CLOSING[token.text]:
                self.frames.pop()
                self.tokens.pop()
            self.tokens[-1].append(token)
        else:
            self.tokens[-1].append(token)

    def context(self, prefix: str, start: int, *, quoted: bool = False, comment: bool = False) -> Context:
        frames = tuple(
            replace(frame, tokens=tuple(tokens))
            for frame, tokens in zip(self.frames, self.tokens, strict=True)
        )
        return Context(frames, prefix, start, quoted, comment, tuple(self.inner))


def context_at(text: str, offset: int) -> Context:
    """What stands around a place of a text."""
    stack = _Stack()
    for token in scan(text, 0, offset):
        typed = token.end == offset
        if typed and token.kind == "comment":
            return stack.context("", offset, comment=True)
        if typed and token.kind == "string" and (len(token.text) == 1 or not token.text.endswith('"')):
            return stack.context(token.text[1:], token.start + 1, quoted=True)
        if typed and token.kind == "name":
            return stack.context(token.text, token.start)
        if token.kind != "comment":
            stack.add(token, token.start == 0 or text[token.start - 1] == "\n")
    return stack.context("", offset)


def _opened(outer: Frame, tokens: list[Token], bracket: str) -> Frame:
    """The frame that a bracket opens behind some tokens."""
    last = tokens[-1].text if tokens else ""
    before = tokens[-2].text if len(tokens) > 1 else ""
    if outer.kind == "file":
        return _of_item(tokens, bracket)
    if bracket == "(":
        return replace(outer, kind="arguments", name=last, bracket="(")
    if outer.kind == "network":
        kind = "stem" if last == "stem" else "widths" if last == "width" else "features"
        return replace(outer, kind=kind, bracket="{")
    if outer.kind == "space":
        return replace(outer, kind="set", name=before, bracket="{")
    return replace(outer, kind="body" if outer.kind == "body" else "set", bracket="{")


def _of_item(tokens: list[Token], bracket: str) -> Frame:
    """The frame of an item's header or body."""
    index = next((i for i in reversed(range(len(tokens))) if _begins(tokens, i)), None)
    if index is None:
        return Frame("body" if bracket == "{" else "arguments", bracket=bracket)
    header = [token.text for token in tokens[index:]]
    word, name = header[0], header[1] if len(header) > 1 else ""
    joint = next((i for i, text in enumerate(header) if text in ("extends", "of")), len(header))
    extends = header[joint + 1] if joint + 1 < len(header) else ""
    definition = word if word in DEFINITIONS else ""
    if bracket == "(":
        # Behind the arrow of a head stands its task, with arguments.
        kind = "arguments" if "->" in header else "parameters"
        return Frame(kind, header[-1] if "->" in header else name, "", definition, bracket)
    return Frame("body" if definition else word, name, extends, definition, bracket)


def _begins(tokens: list[Token], index: int) -> bool:
    """Whether an item begins at a token: a word of its own, and no name behind one."""
    if tokens[index].text not in ITEMS or tokens[index].kind != "name":
        return False
    return index == 0 or tokens[index - 1].text not in ITEMS
