"""What lark couldn't parse, said in the words of the language."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from spinedsl.diagnostics import DiagnosticError, fail, nearest
from spinedsl.source import Source, Span
from spinedsl.syntax.grammar import keywords

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


def unexpected_token(source: Source, problem: UnexpectedToken) -> DiagnosticError:
    """A whole word or sign in the wrong place, or the end of the text."""
    token = problem.token
    expected = _expected(problem, problem.expected)
    if token.type == "$END":
        # lark places the end of the text at its last word.
        return fail(
            "SP012",
            "the file ends in the middle of a construct",
            _span(source, token),
            f"expected {_expectation(expected)} after this",
            help="close what is still open, most often with “}”",
        )
    previous = next(iter(problem.token_history or ()), None)
    if token == ":" and previous is not None and previous in keywords():
        return fail(
            "SP010",
            f"“{previous}” is a word of the language and can't be a name here",
            _span(source, previous),
            help=f"choose another name, such as `{previous}_1`",
        )
    return fail(
        "SP010",
        f"expected {_expectation(expected)}, found “{_shorten(token)}”",
        _span(source, token),
        "not expected here",
        help=_help(source, token, token.start_pos or 0, expected, previous),
    )


def unexpected_character(source: Source, problem: UnexpectedCharacters) -> DiagnosticError:
    """A character that starts no word of the language."""
    offset = problem.pos_in_stream or 0
    character = source.text[offset]
    span = Span(source, offset, offset + 1)
    if character == '"':
        return fail("SP011", "a text in quotes has no end on its line", span, help='close it with “"”')
    if character.isascii() and character.isprintable():
        expected = _expected(problem, problem.allowed)
        previous = next(iter(problem.token_history or ()), None)
        return fail(
            "SP010",
            f"expected {_expectation(expected)}, found “{character}”",
            span,
            "not expected here",
            help=_help(source, character, offset, expected, previous),
        )
    return fail(
        "SP011",
        f"the character {_named(character)} is not part of the language",
        span,
        help="names are made of the letters a–z and A–Z, digits and “_”; texts and comments may hold others",
    )


def invisible_character(source: Source, offset: int) -> DiagnosticError:
    """A character that a reader wouldn't see, and that no text needs."""
    return fail(
        "SP011",
        f"the invisible character {_named(source.text[offset])} can't stand anywhere in a spec",
        Span(source, offset, offset + 1),
        help="remove it",
    )


def _expected(problem: UnexpectedInput, terminals: Collection[str]) -> set[str]:
    """The terminals that could really follow; the table's own list holds some that only seem to."""
    parser = getattr(problem, "interactive_parser", None)
    return set(terminals if parser is None else parser.accepts())


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


_HELP = {
    "->": "arrows into a block point left: `b4: bottleneck @3 <- b2, b3`",
    "<=": "arrows into a block are `<-`, out of it `=>`",
    "=": "declarations have no “=” between word and value: `repeat 2`",
    "<-": "a block needs its level before the arrow: `b4: bottleneck @3 <- b2, b3`",
    "@": "a block is `name: kind @level`, and outside of the stem `<- inputs`",
    ";": "nothing stands between declarations: remove it",
    "'": 'a text stands in double quotes: `title "SpineNet-49"`',
}
"""What most likely was meant, by what was found."""


_TASK = "a head says what it is for: `head name(classes) -> detection(classes) { … }`"
_OF_NETWORKS = {"endpoints", "member", "stem", "width", "without"}
_OF_MODELS = {"backbone", "neck", "head", "pixels"}


def _help(source: Source, found: str, offset: int, expected: set[str], previous: Token | None) -> str | None:
    if "EACH" in expected and found in ("->", "=>"):
        return "a step puts its channels behind one `->`; a chain of a head ends in `=> name`"
    if "BACKBONE" in expected:
        return _help_in_model(found, previous)
    if found in _HELP:
        return _HELP[found]
    if found == "{" and "RIGHT_ARROW" in expected and expected <= {"LPAR", "RIGHT_ARROW"}:
        return _TASK
    if previous is not None and previous == "->" and expected == {"NAME"}:
        return _TASK
    if expected == {"LEVEL"}:
        return "what happens to every level is `each level { … }`"
    if previous is not None and expected == {"LBRACE"} and previous.type == "NAME":
        return f"write its body right behind: `from {previous} {{ … }}`"
    if found == "{" and source.text[:offset].rstrip().endswith(")"):
        return "a body follows the closing parenthesis of a definition only"
    if found == "{" and "EACH" in expected:
        return "bodies stand behind `repeat …`, `when …`, `else`, `each level` and `from …`"
    if found == ":" and "EQUAL" in expected:
        return "an argument is `name = value`"
    if found in keywords() and "NAME" in expected:
        return f"“{found}” is a word of the language: choose another name"
    if found == "}" and "NETWORK" in expected:
        return "one “}” too many: remove it"
    if expected == {"STRING"}:
        return "put it in double quotes"
    if "KERNEL" in expected and found[0].isdigit():
        return "a kernel is written without spaces: `3x3`"
    if "AT" in expected and found[0].isdigit():
        return f"a level is written with its sign: `@{found}`"
    if "COLON" in expected and previous is not None and previous.type == "NAME":
        return _help_for_a_block(found, previous)
    possible = [word for word in keywords() if word.upper() in expected]
    if "NETWORK" in expected:
        possible += ["block", "resampling", "merge", "part"]
    match = nearest(found.lower(), possible)
    return f"did you mean “{match}”?" if match else None


def _help_in_model(found: str, previous: Token | None) -> str:
    """Where a model could go on with its next declaration."""
    if found == "-" and previous is not None and previous.type == "NAME":
        return "names are made of letters, digits and “_”"
    if found in (",", ";"):
        return "nothing stands between declarations: remove it"
    if found in _OF_NETWORKS:
        return (
            f"`{found}` is a network's: write `network mine extends … {{ {found} … }}`, and `backbone mine`"
        )
    words = sorted(_OF_MODELS)
    match = nearest(found.lower(), [*words, "title", "published", "input", "expect", "conventions"])
    known = f"a model has {', '.join(f'`{word}`' for word in words)}, and settings"
    return f"did you mean “{match}”?" if match else known


def _help_for_a_block(found: str, previous: Token) -> str:
    """Behind a name that could have been a block's."""
    if found == "-":
        return "names are made of letters, digits and “_”"
    if previous in _OF_MODELS:
        return f"`{previous}` is a model's: write `model name {{ {previous} … }}`"
    word = nearest(previous.lower(), keywords())
    return f"did you mean “{word}”?" if word else "a block is `name: kind @level <- inputs`"


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
