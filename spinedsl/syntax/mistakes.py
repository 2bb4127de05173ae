"""What was most likely meant where the parser stopped: help, and a fix where a tool can make it.

A mistake is a function that looks at a place and answers, or doesn't; the first one of `MISTAKES`
that answers wins. tests/syntax/test_mistakes.py has an example of each, and of what its fix makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from spinedsl.diagnostics import Edit, Fix, nearest
from spinedsl.source import Span
from spinedsl.syntax.grammar import keywords
from spinedsl.syntax.place import Meant, Place

_OF_NETWORKS = frozenset({"endpoints", "member", "stem", "width", "without"})
_OF_MODELS = frozenset({"backbone", "neck", "head", "pixels"})
_KIND = r"[A-Za-z_]\w*[ \t]*(?:\([^()\n]*\))?"
_REST_OF_BLOCK = re.compile(rf"[ \t]*{_KIND}[ \t]*@")
"""Behind the colon of a block."""
_READ = re.compile(r"<-[^\n<=]*[\w)][ \t]+$")
"""Before a name that stands behind another one, both behind an arrow into a block."""
_DIGITS = re.compile(r"[0-9]+")


Mistake = Callable[[Place], Meant | None]


def arrow_of_a_chain(at: Place) -> Meant | None:
    """`conv 3x3 -> 8 => scores` in a block."""
    if "EACH" in at.expected and at.found in ("->", "=>"):
        return Meant("a step puts its channels behind one `->`; a chain of a head ends in `=> name`")
    return None


def in_a_model(at: Place) -> Meant | None:
    """What a model doesn't have: `model m { width { 2: 64 } }`."""
    if "BACKBONE" not in at.expected:
        return None
    if at.found in _OF_NETWORKS:
        found = at.found
        return Meant(
            f"`{found}` is a network's: write `network mine extends … {{ {found} … }}`, and `backbone mine`"
        )
    words = sorted(_OF_MODELS)
    match = nearest(at.found.lower(), [*words, "title", "published", "input", "expect", "conventions"])
    if match:
        return _near(at, match)
    return Meant(f"a model has {', '.join(f'`{word}`' for word in words)}, and settings")


def arrow_into_a_block(at: Place) -> Meant | None:
    """`b4: bottleneck @3 -> b2, b3`"""
    if "LEFT_ARROW" not in at.expected or at.found not in ("->", "<=", "=", "<", "←", "-"):
        return None
    dash = re.match(r"[ \t]*-", at.behind) if at.found == "<" else None
    more = dash.group() if dash else ""
    return Meant("arrows into a block point left: `b4: bottleneck @3 <- b2, b3`", at.replaced("<-", more))


def arrow_out_of_a_block(at: Place) -> Meant | None:
    """`b4: bottleneck @3 <- b2, b3 -> P3`"""
    if "DOUBLE_ARROW" not in at.expected or at.found not in ("->", "<=", "=", "→", "⇒"):
        return None
    return Meant("arrows into a block are `<-`, out of it `=>`", at.replaced("=>"))


def level_without_number(at: Place) -> Meant | None:
    """`b4: bottleneck @ <- b2`, `b4: bottleneck @P3 <- b2`"""
    if at.previous is None or at.previous != "@":
        return None
    number = re.fullmatch(r"[A-Za-z]([0-9]+)", at.found)
    if number:
        return Meant(f"a level is a number: `@{number[1]}`", at.replaced(number[1]))
    return Meant("a level is a number behind the sign: `@3` is 1/8 of the input's size")


def level_missing(at: Place) -> Meant | None:
    """`b4: bottleneck <- b2`, `b4: bottleneck 3 <- b2`"""
    if "AT" not in at.expected:
        return None
    if at.found[0].isdigit():
        return Meant(f"a level is written with its sign: `@{at.found}`", at.inserted("@", at.offset))
    if at.found == "<-":
        return Meant("a block needs its level before the arrow: `b4: bottleneck @3 <- b2, b3`")
    return None


def level_before_its_block(at: Place) -> Meant | None:
    """`@3 b4: bottleneck <- b2`"""
    if at.found != "@":
        return None
    return Meant("a block is `name: kind @level`, and outside of the stem `<- inputs`")


def separator(at: Place) -> Meant | None:
    """`repeat 2; stack 2`, a comma at the end of a block"""
    if at.found not in (",", ";") or not at.expected & {"RBRACE", "NETWORK"}:
        return None
    # Elsewhere than at the end of a line, it may stand for a comma.
    ends = not at.behind.partition("#")[0].strip()
    return Meant("nothing stands between declarations: remove it", at.replaced("", safe=ends))


def equals_in_a_declaration(at: Place) -> Meant | None:
    """`repeat = 2`"""
    if at.found != "=" or "EQUAL" in at.expected:
        return None
    safe = at.previous is not None and at.previous in keywords()
    space = len(at.behind) - len(at.behind.lstrip(" "))
    fix = at.replaced("", at.behind[:space]) if safe else None
    return Meant("declarations have no “=” between word and value: `repeat 2`", fix)


def colon_in_an_argument(at: Place) -> Meant | None:
    """`retinanet(classes: 3)`"""
    if at.found != ":" or "EQUAL" not in at.expected:
        return None
    return Meant("an argument is `name = value`", at.replaced(" =" if at.behind.startswith(" ") else " = "))


def range_of_levels(at: Place) -> Meant | None:
    """`endpoints 3-7`, `endpoints 3...7`"""
    if "RANGE" not in at.expected and at.previous != "..":
        return None
    if at.previous == "..":
        if at.found != ".":
            return None
        return Meant("a range is written with two dots: `3..7`", at.replaced(""))
    if at.found not in ("-", "–", "—", "…", ":"):
        return None
    if at.found == ":" and "COLON" in at.expected:
        return None
    more = at.behind[: len(at.behind) - len(at.behind.lstrip(" "))]
    return Meant("a range is written with two dots: `3..7`", at.replaced("..", more))


def sign_of_another_script(at: Place) -> Meant | None:
    """`input 3 × 64 × 64`, `title “SpineNet”`, a no-break space"""
    if at.found in _LOOKALIKES:
        text, what = _LOOKALIKES[at.found]
        return Meant(what, at.replaced(text))
    if at.found in "“”„«»":
        closing = re.search(r"[“”«»]", at.behind)
        return Meant('a text stands in straight quotes: `"…"`', _quoted(at, closing))
    return None


_SIZE = "sizes and kernels are written with the letter x: `3 x 640 x 640`, `3x3`"
_BLANK = "write an ordinary space"
_LOOKALIKES = {
    "×": ("x", _SIZE),
    "✕": ("x", _SIZE),
    "−": ("-", "write an ordinary minus"),
    "–": ("-", "write an ordinary minus"),
    "←": ("<-", "arrows into a block are `<-`"),
    "→": ("->", "write `->`"),
    "⇒": ("=>", "arrows out of a block are `=>`"),
    "≤": ("<=", "write `<=`"),
    "≥": (">=", "write `>=`"),
    "≠": ("!=", "write `!=`"),
    "·": ("*", "write `*`"),
    "\u00a0": (" ", _BLANK),
    "\u2009": (" ", _BLANK),
    "\u202f": (" ", _BLANK),
    "\u3000": (" ", _BLANK),
}
"""Signs that word processors and papers write for those of the language."""


def sign_in_a_size(at: Place) -> Meant | None:
    """`input 3*640*640`, `input 3 × 640 × 640`, `input 3, 640, 640`"""
    if "SIZE" not in at.expected or not at.found.isdigit():
        return None
    rest = re.match(r"(?:[ \t]*[*×✕,X][ \t]*[0-9]+)+", at.behind)
    if rest is None:
        return Meant(_SIZE)
    size = " x ".join(_DIGITS.findall(at.found + rest.group()))
    return Meant(_SIZE, at.replaced(size, rest.group()))


def single_quotes(at: Place) -> Meant | None:
    """`title 'SpineNet'`"""
    if at.found != "'":
        return None
    return Meant(
        'a text stands in double quotes: `title "SpineNet-49"`', _quoted(at, re.search("'", at.behind))
    )


def comment_of_another_language(at: Place) -> Meant | None:
    """`// a remark`"""
    if at.found == "/" and at.behind.startswith("/"):
        return Meant("a comment starts with “#”", at.replaced("#", "/"))
    if at.found in ("/", "//") and at.behind.startswith("*"):
        return Meant("a comment starts with “#”, on each of its lines")
    return None


def task_missing(at: Place) -> Meant | None:
    """`head h(classes) { … }`"""
    before_body = at.found == "{" and "RIGHT_ARROW" in at.expected and at.expected <= {"LPAR", "RIGHT_ARROW"}
    if before_body or (at.previous is not None and at.previous == "->" and at.expected == {"NAME"}):
        return Meant("a head says what it is for: `head name(classes) -> detection(classes) { … }`")
    return None


def each_level(at: Place) -> Meant | None:
    """`each levels { … }`"""
    if at.expected != {"LEVEL"}:
        return None
    fix = at.replaced("level") if at.found == "levels" else None
    return Meant("what happens to every level is `each level { … }`", fix)


def body(at: Place) -> Meant | None:
    """`from coarsest to finest { … }`, `conv(bias = true) { … }`, `for level { … }`"""
    if at.follows_name and at.expected == {"LBRACE"}:
        return Meant(f"write its body right behind: `from {at.previous} {{ … }}`")
    if at.found != "{":
        return None
    if at.source.text[: at.offset].rstrip().endswith(")"):
        return Meant("a body follows the closing parenthesis of a definition only")
    if "EACH" in at.expected:
        return Meant("bodies stand behind `repeat …`, `when …`, `else`, `each level` and `from …`")
    return None


def closed_too_often(at: Place) -> Meant | None:
    """A “}” behind the last one."""
    if at.found == "}" and "NETWORK" in at.expected:
        return Meant("one “}” too many: remove it", at.replaced("", safe=False))
    return None


def quotes_missing(at: Place) -> Meant | None:
    """`import std/resnet.spine`, `title SpineNet-49`"""
    if at.expected != {"STRING"}:
        return None
    end = re.match(r"[^\n#{}]*", at.source.text[at.offset : at.offset + 200])
    written = end.group().rstrip() if end else ""
    if not written or '"' in written:
        return Meant("put it in double quotes")
    span = Span(at.source, at.offset, at.offset + len(written))
    return Meant("put it in double quotes", Fix("put it in double quotes", (Edit(span, f'"{written}"'),)))


def quotes_too_many(at: Place) -> Meant | None:
    """`conventions "torch"`"""
    name = at.found.strip('"')
    if "NAME" not in at.expected or not at.found.startswith('"') or not re.fullmatch(r"[A-Za-z_]\w*", name):
        return None
    return Meant("a name stands without quotes", at.replaced(name))


def spaces_in_a_kernel(at: Place) -> Meant | None:
    """`conv 3 x 3 -> 64`"""
    if "KERNEL" not in at.expected or not at.found[0].isdigit():
        return None
    rest = re.match(r"[ \t]*[x×*][ \t]*([0-9]+)", at.behind)
    fix = at.replaced(f"{at.found}x{rest[1]}", rest.group()) if rest and at.found.isdigit() else None
    return Meant("a kernel is written without spaces: `3x3`", fix)


def percentage(at: Place) -> Meant | None:
    """`expect params = 22M within 1`"""
    if at.expected != {"PERCENT"}:
        return None
    fix = at.inserted("%", at.offset + len(at.found)) if at.found.replace(".", "", 1).isdigit() else None
    return Meant("a tolerance is a percentage: `within 1%`", fix)


def dash_in_a_name(at: Place) -> Meant | None:
    """`network spine-net { … }`"""
    if at.found == "-" and at.follows_name and not at.expected & {"MINUS", "RANGE"}:
        return Meant("names are made of letters, digits and “_”")
    return None


def comma_between_inputs(at: Place) -> Meant | None:
    """`b4: bottleneck @3 <- b2 b3`"""
    if not at.follows_name or "COLON" not in at.expected or at.previous is None:
        return None
    if not _READ.search(at.before):
        return None
    start = len(at.before.rstrip()) - len(at.before) + (at.previous.start_pos or 0)
    return Meant("a comma stands between inputs: `<- b2, b3`", at.inserted(",", start))


def colon_of_a_block(at: Place) -> Meant | None:
    """`b4 bottleneck @3 <- b2`"""
    if not at.follows_name or "COLON" not in at.expected or at.previous is None:
        return None
    if not _REST_OF_BLOCK.match(at.found + at.behind):
        return None
    return Meant("a block is `name: kind @level <- inputs`", at.inserted(":", at.previous.end_pos or 0))


def declaration_of_a_model(at: Place) -> Meant | None:
    """`network n { backbone tiny }`"""
    if at.previous is None or "COLON" not in at.expected or at.previous not in _OF_MODELS:
        return None
    return Meant(f"`{at.previous}` is a model's: write `model name {{ {at.previous} … }}`")


def misspelled(at: Place) -> Meant | None:
    """`blok b(width) -> width { … }`, `network n exteds a { … }`"""
    possible = [word for word in keywords() if word.upper() in at.expected]
    if "NETWORK" in at.expected:
        # Kinds of definitions are one terminal; operators of expressions start no declaration.
        possible += ["block", "resampling", "merge", "part"]
    match = nearest(at.found.lower(), possible)
    return _near(at, match) if match else None


def _near(at: Place, word: str) -> Meant:
    return Meant(f"did you mean “{word}”?", at.replaced(word, safe=False))


def _quoted(at: Place, closing: re.Match[str] | None) -> Fix | None:
    """A fix that writes straight quotes for the one that was found and the one that closes."""
    if closing is None:
        return None
    end = at.offset + len(at.found) + closing.start()
    edits = (Edit(at.span, '"'), Edit(Span(at.source, end, end + 1), '"'))
    return Fix("write straight double quotes", edits)


MISTAKES: tuple[Mistake, ...] = (
    sign_of_another_script,
    single_quotes,
    sign_in_a_size,
    dash_in_a_name,
    arrow_of_a_chain,
    range_of_levels,
    level_without_number,
    level_missing,
    arrow_into_a_block,
    arrow_out_of_a_block,
    level_before_its_block,
    colon_in_an_argument,
    equals_in_a_declaration,
    comment_of_another_language,
    separator,
    task_missing,
    each_level,
    body,
    in_a_model,
    closed_too_often,
    quotes_missing,
    quotes_too_many,
    spaces_in_a_kernel,
    percentage,
    comma_between_inputs,
    colon_of_a_block,
    declaration_of_a_model,
    misspelled,
)


def meant(at: Place) -> Meant | None:
    """The first answer of `MISTAKES`."""
    for mistake in MISTAKES:
        answer = mistake(at)
        if answer is not None:
            return answer
    return None
