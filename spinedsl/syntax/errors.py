"""What lark couldn't parse, said in the words of the language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from spinedsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity, nearest
from spinedsl.source import Source, Span
from spinedsl.syntax.automaton import OPENING, open_brackets, takes
from spinedsl.syntax.grammar import keywords
from spinedsl.syntax.mistakes import meant
from spinedsl.syntax.place import Meant, Place

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "QUANTITY": "a number",
    "BOOLEAN": "true or false",
    "STRING": "a text in quotes",
    "SIZE": "a size such as `3 x 640 x 640`",
    "KERNEL": "a kernel such as `3x3`",
    "PERCENT": "a percentage",
    "LEFT_ARROW": "“<-” and the blocks it reads",
    "RIGHT_ARROW": "“->”",
    "DOUBLE_ARROW": "“=>” and a name",
    "RANGE": "“..”",
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
_BLOCK = re.compile(r"[ \t]*[A-Za-z_][^\n]*@")
"""What stands behind the colon of a block."""


def syntax_error(source: Source, problem: UnexpectedInput) -> Diagnostic:
    """What to say of the place where the parser stopped."""
    if isinstance(problem, UnexpectedCharacters):
        return _unexpected_character(source, problem)
    assert isinstance(problem, UnexpectedToken)
    return _unexpected_token(source, problem)


def _unexpected_token(source: Source, problem: UnexpectedToken) -> Diagnostic:
    """A whole word or sign in the wrong place, or the end of the text."""
    token = problem.token
    expected = _expected(problem, problem.expected)
    if token.type == "$END":
        return _unexpected_end(source, problem, expected)
    previous = next(iter(problem.token_history or ()), None)
    place = Place(source, str(token), token.start_pos or 0, expected, previous)
    if token == ":" and previous is not None and previous in keywords():
        return _keyword_before_colon(place, previous)
    answer = meant(place)
    if place.follows_name and "COLON" in expected and previous is not None and answer is None:
        return _unknown_declaration(source, problem, previous)
    return _error(place, answer)


def _unexpected_character(source: Source, problem: UnexpectedCharacters) -> Diagnostic:
    """A character that starts no word of the language."""
    offset = problem.pos_in_stream or 0
    character = source.text[offset]
    expected = _expected(problem, problem.allowed)
    previous = next(iter(problem.token_history or ()), None)
    place = Place(source, character, offset, expected, previous)
    if character == '"':
        unclosed_text = Meant('close it with “"”', place.closed_text())
        return _said("SP011", "a text in quotes has no end on its line", place.span, "", unclosed_text)
    answer = meant(place)
    if character.isascii() and character.isprintable():
        return _error(place, answer)
    letters = "names are made of the letters a–z and A–Z, digits and “_”; texts and comments may hold others"
    message = f"the character {_named(character)} is not part of the language"
    return _said("SP011", message, place.span, "", answer or Meant(letters))


def invisible_character(source: Source, offset: int) -> Diagnostic:
    """A character that a reader wouldn't see, and that no text needs."""
    span = Span(source, offset, offset + 1)
    message = f"the invisible character {_named(source.text[offset])} can't stand anywhere in a spec"
    return _said("SP011", message, span, "", Meant("remove it", Fix("remove it", (Edit(span, ""),))))


def unclosed(source: Source, opening: Token, before: Span) -> Diagnostic:
    """A body that goes on where, by its indentation, something else starts.

    Args:
        opening: its brace.
        before: what starts there.
    """
    indentation = before.column - 1
    fix = Fix(
        "close it", (Edit(Span(source, before.start, before.start), "}\n" + " " * indentation),), safe=False
    )
    return Diagnostic(
        "SP012",
        "a “{” is not closed",
        Severity.ERROR,
        Label(_span(source, opening), "opened here"),
        (Label(before, "not inside, by its indentation"),),
        f"put a “}}” before line {before.line}",
        fix,
    )


def _unexpected_end(source: Source, problem: UnexpectedToken, expected: frozenset[str]) -> Diagnostic:
    values = problem.interactive_parser.parser_state.value_stack
    opened = [values[position] for position in open_brackets(values)]
    last = _span(source, problem.token)
    closing = "".join(f"\n{OPENING[bracket]}" for bracket in reversed(opened))
    secondary = tuple(Label(_span(source, bracket), "opened here") for bracket in opened[-1:])
    edits = (Edit(Span(source, last.end, last.end), closing),)
    # lark places the end of the text at its last word.
    return Diagnostic(
        "SP012",
        "the file ends in the middle of a construct",
        Severity.ERROR,
        Label(last, f"expected {_expectation(set(expected))} after this"),
        secondary,
        "close what is still open, most often with “}”",
        Fix("close what is open", edits, safe=False) if {"RBRACE", "RPAR"} & expected else None,
    )


def _keyword_before_colon(place: Place, word: Token) -> Diagnostic:
    """`repeat: 2`, or a block that is called like a word of the language."""
    span = _span(place.source, word)
    if _BLOCK.match(place.behind):
        return _said(
            "SP010",
            f"“{word}” is a word of the language and can't be a name here",
            span,
            "",
            Meant(f"choose another name, such as `{word}_1`"),
        )
    answer = Meant(f"declarations have no “:” between word and value: `{word} …`", place.replaced(""))
    return _error(place, answer)


def _unknown_declaration(source: Source, problem: UnexpectedToken, word: Token) -> Diagnostic:
    """`repaet 2`: the parser took the word for a block's name."""
    state = problem.interactive_parser.parser_state
    table, stack = state.parse_conf.states, list(state.state_stack[:-1])
    known = {name for name in keywords() if takes(table, stack, name.upper())}
    span = _span(source, word)
    match = nearest(word.lower(), known)
    fix = Fix(f"write “{match}”", (Edit(span, match),), safe=False) if match else None
    return _said(
        "SP010",
        f"there is no declaration “{_shorten(word)}”",
        span,
        "",
        Meant(
            f"did you mean “{match}”?"
            if match
            else f"declarations here are {_listed(known)}; a block is `name: kind @level <- inputs`",
            fix,
        ),
    )


def _error(place: Place, answer: Meant | None) -> Diagnostic:
    message = f"expected {_expectation(set(place.expected))}, found “{_shorten(place.found)}”"
    return _said("SP010", message, place.span, "not expected here", answer)


def _said(code: str, message: str, span: Span, label: str, answer: Meant | None) -> Diagnostic:
    help, fix = (answer.help, answer.fix) if answer else (None, None)
    return Diagnostic(code, message, Severity.ERROR, Label(span, label), (), help, fix)


def _listed(words: set[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))


def _expected(problem: UnexpectedInput, terminals: Collection[str]) -> frozenset[str]:
    """The terminals that could really follow; the table's own list holds some that only seem to."""
    parser = getattr(problem, "interactive_parser", None)
    return frozenset(terminals if parser is None else parser.accepts())


def _named(character: str) -> str:
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start_pos or 0, token.end_pos or 0)


def _expectation(terminals: set[str]) -> str:
    """The possible terminals in words: a few, the rest as what they have in common."""
    if "NETWORK" in terminals:
        return "“network”, “block”, “import” or another declaration"
    names = set(terminals)
    words = []
    if names >= _EXPRESSION:
        words.append("a value")
        names -= _EXPRESSION | {"NOT"}
    if len(names & _OPERATORS) > 2:
        names -= _OPERATORS
    if len(names) > 3:
        names -= {"RIGHT_ARROW", "DOUBLE_ARROW", "RANGE"}
    words += [_WORDS[name] for name in sorted(names & set(_WORDS))]
    named = sorted(name for name in names - set(_WORDS) if name.isalpha())
    words += ["a declaration"] if len(named) > 4 else [f"“{name.lower()}”" for name in named]
    words = list(dict.fromkeys(words))
    if not words:
        return "something else"
    if len(words) > 5:
        words = [*words[:4], "something else"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
