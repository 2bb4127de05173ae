"""What lark couldn't parse, said in the words of the language."""

from __future__ import annotations

import unicodedata

from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.source import Source, Span

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "QUANTITY": "a number",
    "BOOLEAN": "true or false",
    "STRING": "a text in quotes",
    "SIZE": "a size such as `3 x 640 x 640`",
    "KERNEL": "a kernel such as `3x3`",
    "PERCENT": "a percentage",
    "DEFINITION_KIND": "a definition",
    "LEFT_ARROW": "“<-” and the blocks it reads",
    "COMPARISON": "a comparison",
    "LBRACE": "“{”",
    "RBRACE": "“}”",
    "LPAR": "“(”",
    "RPAR": "“)”",
    "COMMA": "“,”",
    "COLON": "“:”",
    "EQUAL": "“=”",
    "PLUS": "“+”",
    "MINUS": "“-”",
    "TIMES": "“*”",
    "DIVIDE": "“/”",
    "AT": "“@” and a level",
    "$END": "the end of the file",
}
_EXPRESSION = {"NAME", "NUMBER", "QUANTITY", "BOOLEAN", "LPAR", "MINUS"}
_OPERATORS = {"PLUS", "MINUS", "TIMES", "DIVIDE", "COMPARISON", "OR", "AND"}


def unexpected_token(source: Source, problem: UnexpectedToken) -> DiagnosticError:
    """A whole word or sign in the wrong place, or the end of the text."""
    token = problem.token
    expected = _expectation(problem.accepts or problem.expected)
    if token.type == "$END":
        end = len(source.text.rstrip())
        return fail(
            "SP012",
            "the file ends in the middle of a construct",
            Span(source, max(end - 1, 0), end),
            f"expected {expected} after this",
            help="close what is still open, most often with “}”",
        )
    assert token.start_pos is not None and token.end_pos is not None
    return fail(
        "SP010",
        f"expected {expected}, found “{_shorten(token)}”",
        Span(source, token.start_pos, token.end_pos),
        "not expected here",
        help=_help(source, token.type, str(token), token.start_pos),
    )


def unexpected_character(source: Source, problem: UnexpectedCharacters | UnexpectedEOF) -> DiagnosticError:
    """A character that starts no word of the language."""
    offset = getattr(problem, "pos_in_stream", None)
    if offset is None or offset >= len(source.text):
        end = len(source.text.rstrip())
        return fail("SP012", "the file ends in the middle of a construct", Span(source, end - 1, end))
    character = source.text[offset]
    span = Span(source, offset, offset + 1)
    allowed = getattr(problem, "allowed", None) or set()
    if character == '"':
        return fail("SP011", "a text in quotes has no end on its line", span, help='close it with “"”')
    if character.isascii() and character.isprintable():
        return fail(
            "SP010",
            f"expected {_expectation(allowed)}, found “{character}”",
            span,
            "not expected here",
            help=_help(source, "", character, offset),
        )
    name = unicodedata.name(character, "an unnamed character")
    return fail(
        "SP011",
        f"the character U+{ord(character):04X} ({name.lower()}) is not part of the language",
        span,
        help="names are made of the letters a–z and A–Z, digits and “_”; texts and comments may hold anything",
    )


def _expectation(terminals: set[str] | frozenset[str]) -> str:
    """At most four of the possible terminals, in words."""
    names = set(terminals)
    words = []
    if names >= _EXPRESSION:
        words.append("a value")
        names -= _EXPRESSION
    if len(names & _OPERATORS) > 2:
        names -= _OPERATORS
    for name in sorted(names, key=lambda n: (n not in _WORDS, n)):
        word = _WORDS.get(name) or (f"“{name.lower()}”" if name.isalpha() else None)
        if word and word not in words:
            words.append(word)
    if not words:
        return "something else"
    if len(words) > 5:
        words = [*words[:4], "another declaration"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _help(source: Source, kind: str, text: str, offset: int) -> str | None:
    before = source.text[:offset].rstrip()
    if text == "->" and not before.endswith(")"):
        return "arrows into a block point left: `b4: bottleneck @3 <- b2, b3`"
    if text == "<" and source.text[offset : offset + 2] == "<=":
        return "arrows into a block are `<-`, out of it `=>`"
    if text == "{" and before.endswith(")"):
        return "a body follows the closing parenthesis of a definition only"
    if kind in {"EQUAL"} or text == "=":
        return "declarations have no “=” between word and value: `repeat 2`"
    if text == "<-":
        return "a block needs its level before the arrow: `b4: bottleneck @3 <- b2, b3`"
    return None


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
