"""A contextual lexer with one regular expression instead of one for every parser state.

What lark's own contextual lexer reads, this one reads alike, without compiling some sixty regular
expressions at start-up. A word is a keyword where the parser can use that keyword, else a name;
`3x3` is a kernel, `3 x 640 x 640` a size, only where the parser can use one. The table of an LALR
parser lists more than it can use: where it lists both, a keyword and a name, this lexer looks
further than lark's, so that `scale` may stand behind `-> 64` in a body.

It also counts: a list or declaration without an end is refused before it costs seconds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from lark import Token
from lark.common import LexerConf
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.lexer import LexerState, PatternStr

from spinedsl.syntax.automaton import takes

_NUMERIC = ("SIZE", "KERNEL", "QUANTITY", "PERCENT", "NUMBER")

MAX_RUN = 10_000
"""Most words in a row without a brace or an arrow into a block."""
_ENDS_RUN = frozenset({"{", "}", "<-"})


class TooManyWords(Exception):
    """More than `MAX_RUN` words in a row; `position` is where the next one stands."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class Lexer:
    """What lark calls for the tokens of one text; made once for a parser."""

    def __init__(
        self, conf: LexerConf, states: dict[int, Collection[str]], always_accept: Collection[str] = ()
    ) -> None:
        patterns = {t.name: t.pattern for t in conf.terminals}
        self.accepts = states
        self.words = {
            p.value: name
            for name, p in patterns.items()
            if isinstance(p, PatternStr) and p.value[0].isalpha()
        }
        self.signs = {
            p.value: name
            for name, p in patterns.items()
            if isinstance(p, PatternStr) and not p.value[0].isalpha()
        }
        signs = "|".join(re.escape(s) for s in sorted(self.signs, key=len, reverse=True))
        groups = {name: patterns[name].to_regexp() for name in ("NAME", "STRING", "COMPARISON")}
        self.blank = re.compile(rf"(?:{patterns['WS'].to_regexp()}|{patterns['COMMENT'].to_regexp()})+")
        # Comparisons hold `<` and `=`, which start longer signs: signs of two characters first.
        self.master = re.compile(
            rf"(?P<NAME>{groups['NAME']})|(?P<STRING>{groups['STRING']})|(?P<DIGIT>[0-9])"
            rf"|(?P<LONG>->|<-|=>|\.\.)|(?P<COMPARISON>{groups['COMPARISON']})|(?P<SIGN>{signs})"
        )
        self.numeric = {name: re.compile(patterns[name].to_regexp()) for name in _NUMERIC}
        self.kinds = re.compile(patterns["DEFINITION_KIND"].to_regexp())

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:
        """Tokens of the text, each as the parser's current state can use it.

        Raises:
            UnexpectedToken: a token that exists, but not here.
            UnexpectedCharacters: no token at all.
            TooManyWords: a list or declaration that goes on and on.
        """
        text = lexer_state.text.text
        counter, end = lexer_state.line_ctr, len(text)
        position, line, line_start, run = counter.char_pos, counter.line, counter.line_start_pos, 0
        last: Token | None = None
        while True:
            blank = self.blank.match(text, position)
            if blank:
                newlines = text.count("\n", position, blank.end())
                if newlines:
                    line += newlines
                    line_start = text.rfind("\n", position, blank.end()) + 1
                position = blank.end()
            if position >= end:
                lexer_state.line_ctr.char_pos = end
                return
            accepted = self.accepts[parser_state.position]
            kind, value = self.token(text, position, accepted, parser_state)
            column = position - line_start + 1
            if not kind:
                raise UnexpectedCharacters(  # type: ignore[no-untyped-call]
                    text,
                    position,
                    line,
                    column,
                    allowed=set(accepted),
                    token_history=last and [last],
                    state=parser_state,
                )
            stop = position + len(value)
            previous, last = last, Token(kind, value, position, line, column, line, column + len(value), stop)
            lexer_state.last_token = last
            if kind not in accepted:
                raise UnexpectedToken(  # type: ignore[no-untyped-call]
                    last, set(accepted), state=parser_state, token_history=previous and [previous]
                )
            run = 0 if value in _ENDS_RUN else run + 1
            if run > MAX_RUN:
                raise TooManyWords(position)
            yield last
            position = stop

    def token(
        self, text: str, position: int, accepted: Collection[str], parser_state: Any
    ) -> tuple[str, str]:
        """Terminal and text of what stands at a position; nothing if no token does."""
        match = self.master.match(text, position)
        if match is None:
            return "", ""
        kind, value = match.lastgroup or "", match.group()
        if kind == "NAME":
            return self._word(value, accepted, parser_state), value
        if kind == "DIGIT":
            for name in _NUMERIC:
                number = self.numeric[name].match(text, position)
                if number and (name in accepted or name == "NUMBER"):
                    return name, number.group()
        if kind in ("SIGN", "LONG"):
            return self.signs.get(value, ""), value
        return kind, value

    def _word(self, word: str, accepted: Collection[str], parser_state: Any) -> str:
        name = self.words.get(word)
        if name is not None and name in accepted:
            return "NAME" if "NAME" in accepted and not _can_use(parser_state, name) else name
        if word in ("true", "false") and "BOOLEAN" in accepted:
            return "BOOLEAN"
        if "DEFINITION_KIND" in accepted and self.kinds.fullmatch(word):
            return "DEFINITION_KIND"
        # Where neither fits, the keyword makes the better error message.
        return name if name is not None and "NAME" not in accepted else "NAME"


def _can_use(parser_state: Any, terminal: str) -> bool:
    return takes(parser_state.parse_conf.states, parser_state.state_stack, terminal)
