"""Going on behind a syntax error, so that one run finds several, and an editor keeps what stands.

Newlines mean nothing to the grammar, but people indent: the text goes on at the next line that is
indented no deeper than the declaration with the error.

1. A declaration that could have ended where the error is, is kept; else it is left out.
2. Bodies around the error stay open if the next line is indented as if it were inside of them, and
   are closed otherwise.
3. A body that lines leave by their indentation without closing it is reported as unclosed, at its
   brace; what the parser made of those lines is forgotten.
4. A line that can't start anything where it stands is skipped in silence: it belongs to the error.
"""

from __future__ import annotations

from typing import Any

from lark import Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import LexerState, LexerThread
from lark.parsers.lalr_parser_state import ParserState
from lark.utils import TextSlice

from spinedsl.diagnostics import Diagnostic
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax.automaton import advanced, open_brackets, takes
from spinedsl.syntax.errors import syntax_error, unclosed
from spinedsl.syntax.indentation import (
    closings,
    ends_line,
    filled_lines,
    indentation,
    line_start,
    mispaired,
    word_at,
)

MAX_SYNTAX_ERRORS = 20
"""Most errors that one run reports in a file."""
_FILE = -1
"""Where the brace of a body would be, for the file itself."""


def recover(source: Source, problem: UnexpectedInput) -> tuple[Tree[Token], list[Diagnostic]]:
    """Parse on behind an error.

    Returns:
        The tree of all that stands, and a diagnostic for each error.

    Raises:
        TooManyWords: as the lexer.
    """
    found: list[Diagnostic] = []
    while True:
        parser: Any = problem.interactive_parser
        # Told before the repair, which changes what the parser expects.
        error = syntax_error(source, problem)
        repair = _Repair(source, parser.parser_state, _offset(source, problem))
        left = repair.left_open()
        resumed = repair.resume_behind() if left is None else repair.resume_at(left.resume)
        found += _told(source, error, left, resumed)
        if resumed is None or len(found) >= MAX_SYNTAX_ERRORS:
            return repair.finish(), found[:MAX_SYNTAX_ERRORS]
        try:
            repair.state.lexer = _from(source, repair.state, resumed.start)
            tree: Tree[Token] = parser.parser.parse_from_state(repair.state)
            return tree, found
        except UnexpectedInput as another:
            problem = another


def _told(
    source: Source, error: Diagnostic, left: _Left | None, resumed: _Resumed | None
) -> list[Diagnostic]:
    """What to say of one error: at least one thing."""
    if left is not None and left.brace is not None:
        # Its partner closes another body, which is then not what isn't closed.
        return [unclosed(source, left.brace, left.before)]
    bodies = () if resumed is None else resumed.unclosed
    found = [unclosed(source, brace, word_at(source, resumed.start)) for brace in bodies if resumed]
    return found if found and left is not None else [error, *found]


def _offset(source: Source, problem: UnexpectedInput) -> int:
    if isinstance(problem, UnexpectedToken):
        # lark places the end of the text at its last word.
        return len(source.text) if problem.token.type == "$END" else problem.token.start_pos or 0
    return problem.pos_in_stream or 0


def _from(source: Source, state: ParserState[int], position: int) -> LexerThread:
    """The lexer of the text from a position on."""
    slice_ = TextSlice(source.text, position, len(source.text))
    return LexerThread(state.lexer.lexer, LexerState(slice_))


@record
class _Left:
    """A body that lines leave by their indentation without closing it.

    Attributes:
        resume: where the first line stands that can be read as if it had been closed.
        brace: its brace, and what stands where it should have been closed; None if that is what
            resuming finds out.
    """

    resume: int
    brace: Token | None
    before: Span


@record
class _Resumed:
    """Where the parser goes on.

    Attributes:
        unclosed: braces of bodies that were closed for it, though the text doesn't close them.
    """

    start: int
    unclosed: tuple[Token, ...]


@record
class _Repair:
    """A parser that stopped, and how to make it go on.

    Positions in its stack are counted in values; `stack[n]` is the state before value `n`.
    """

    source: Source
    state: ParserState[int]
    offset: int

    # ---- what is open

    def _braces(self) -> list[int]:
        """Positions of the braces of open bodies, the innermost first."""
        values = self.state.value_stack
        return [position for position in reversed(open_brackets(values)) if values[position] == "{"]

    def _list_end(self, brace: int) -> int:
        """How many values stand up to the last whole declaration of a body."""
        values, after = self.state.value_stack, brace + 1
        # lark collects what repeats under a name of its own.
        collects = (
            after < len(values) and isinstance(values[after], Tree) and values[after].data.startswith("__")
        )
        return after + collects

    def _brace_indentation(self, brace: int) -> int:
        return self._indentation(self.state.value_stack[brace].start_pos)

    def _indentation(self, offset: int) -> int:
        return indentation(self.source, offset)

    def left_open(self) -> _Left | None:
        """Whether the error is most likely that a body isn't closed."""
        for brace in self._braces()[:1]:
            token = self.state.value_stack[brace]
            opened = self._brace_indentation(brace)
            indents = not ends_line(self.source, token.end_pos)
            for start in filled_lines(self.source, token.start_pos, self.offset + 1):
                if self._indentation(start) > opened:
                    indents = True
                    continue
                if not indents or self.source.text[start] in ")}":
                    break
                return _Left(start, None, word_at(self.source, start))
        pair = mispaired(self.source, self.offset)
        if pair is None:
            return None
        brace, partner = pair
        resume = line_start(self.source, self.offset) + self._indentation(self.offset)
        if self.offset == len(self.source.text):
            resume = self.offset
        token = Token("LBRACE", "{", brace, end_pos=brace + 1)
        return _Left(resume, token, word_at(self.source, partner))

    # ---- going on

    def resume_behind(self) -> _Resumed | None:
        """Prepare the parser for a line behind the error."""
        return self._resume(self.offset, self._broken_indentation())

    def resume_at(self, start: int) -> _Resumed | None:
        """The same for a line before the error; what was made of it is forgotten."""
        if start == len(self.source.text):
            return None
        if self._braces():
            self._forget(start)
        return self._prepare(start, start) or self._resume(start, self._indentation(start))

    def _resume(self, offset: int, most: int) -> _Resumed | None:
        for start in filled_lines(self.source, offset, len(self.source.text)):
            resumed = self._prepare(start, offset) if self._indentation(start) <= most else None
            if resumed is not None:
                return resumed
        return None

    def _broken_indentation(self) -> int:
        braces = self._braces()
        values = self.state.value_stack[self._list_end(braces[0] if braces else _FILE) :]
        at = self._indentation(self.offset)
        start = _start(values[0]) if values else None
        return at if start is None else min(at, self._indentation(start))

    def _forget(self, start: int) -> None:
        """Take back what begins at `start` or later."""
        values = self.state.value_stack
        keep = self._list_end(self._braces()[0])
        if keep < len(values) and (_start(values[keep]) or 0) >= start:
            self._cut(keep)
        if isinstance(values[keep - 1], Tree):
            values[keep - 1].children[:] = [
                child for child in values[keep - 1].children if (_start(child) or 0) < start
            ]

    def _prepare(self, start: int, skipped: int) -> _Resumed | None:
        """Close what a line isn't inside of, by its indentation, if it can go on there.

        Args:
            start: where the line stands.
            skipped: where the text begins that is not read.
        """
        given = self._indentation(start)
        closes = self.source.text[start] == "}"
        for body in self._braces():
            opened = self._brace_indentation(body)
            if opened == given if closes else opened < given:
                break
        else:
            if closes:
                return None
            body = _FILE
        steps, stack = self._closing(body)
        if not takes(self._table, stack, "RBRACE" if body != _FILE else "$END"):
            steps.append(self._list_end(body))
            stack = stack[: steps[-1] + 1]
        if not self._fits(start, stack):
            return None
        inner = [self.state.value_stack[brace] for brace in self._braces() if brace > body]
        self._take(steps)
        return _Resumed(start, tuple(inner[closings(self.source, skipped, start) :]))

    def _fits(self, start: int, stack: list[int]) -> bool:
        """Whether what stands at a position can go on behind these states."""
        lexer: Any = self.state.lexer.lexer
        trial = ParserState(self.state.parse_conf, self.state.lexer, stack)
        accepted = lexer.accepts[stack[-1]]
        kind, _ = lexer.token(self.source.text, start, accepted, trial)
        return kind in accepted and takes(self._table, stack, kind)

    def finish(self) -> Tree[Token]:
        """Close everything; the tree."""
        steps, stack = self._closing(_FILE)
        if not takes(self._table, stack, "$END"):
            steps.append(self._list_end(_FILE))
        self._take(steps)
        tree: Tree[Token] = self.state.feed_token(self._token("$END", ""), is_end=True)
        return tree

    # ---- closing bodies: first on the states alone, since values can't be taken back

    @property
    def _table(self) -> Any:
        return self.state.parse_conf.states

    def _closing(self, body: int) -> tuple[list[int], list[int]]:
        """Steps that close every body inside of one, and the states behind them.

        A step is how many values stay, or `_CLOSE` for a brace.
        """
        steps: list[int] = []
        stack = list(self.state.state_stack)
        inner = [brace for brace in self._braces() if brace > body]
        for brace, outer in zip(inner, [*inner, body][1:], strict=True):
            after = advanced(self._table, stack, "RBRACE")
            if after is None:
                steps.append(self._list_end(brace))
                stack = stack[: steps[-1] + 1]
                after = advanced(self._table, stack, "RBRACE")
            if after is None:
                # It needs something inside: leave it out.
                steps.append(self._list_end(outer))
                stack = stack[: steps[-1] + 1]
            else:
                steps.append(_CLOSE)
                stack = after
        return steps, stack

    def _take(self, steps: list[int]) -> None:
        for step in steps:
            if step == _CLOSE:
                self.state.feed_token(self._token("RBRACE", "}"))
            else:
                self._cut(step)

    def _cut(self, values: int) -> None:
        del self.state.value_stack[values:]
        del self.state.state_stack[values + 1 :]

    def _token(self, kind: str, text: str) -> Token:
        line, column = self.source.position(self.offset)
        return Token(kind, text, self.offset, line, column, line, column, self.offset)


_CLOSE = -1


def _start(value: Tree[Token] | Token) -> int | None:
    """Where a value of the stack begins; None for one that is empty."""
    if isinstance(value, Token):
        return value.start_pos
    start: int | None = getattr(value.meta, "start_pos", None)
    return start
