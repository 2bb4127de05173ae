"""Free text from a spec, on its way into a generated file.

Titles, documentation and sources are written by whoever wrote the spec. They reach docstrings
only, and only through here: no quote, backslash, line break or control character survives as one.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

from spinedsl.emit.torch.layout import WIDTH

MAX_PROSE = 4000
"""Characters of one text that are kept."""

_SENTENCE = re.compile(r"(?<=\.)(?<!\bal\.)(?<!\b[a-z]\.[a-z]\.) ")
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str) -> str:
    """One line that can stand between triple quotes, whatever it was before."""
    shown = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in text[:MAX_PROSE])
    return " ".join(shown.replace("\\", "/").replace('"', "'").split())


def wrapped(text: str, indent: int, hanging: int = 0) -> list[str]:
    """The text as lines of at most `WIDTH` columns, without the indent; later ones hang."""
    return textwrap.wrap(plain(text), WIDTH - indent, subsequent_indent=" " * hanging, break_on_hyphens=False)


def documented(text: str, indent: int, full: bool = True) -> list[str]:
    """A definition's documentation: its first sentence alone, and the rest below it if `full`."""
    first, *others = _SENTENCE.split(plain(text), maxsplit=1)
    # Room for the quotes, so that a line never has to share them out.
    lines = textwrap.wrap(first, WIDTH - indent - 6, break_on_hyphens=False)
    if full and others:
        lines += ["", *textwrap.wrap(others[0], WIDTH - indent, break_on_hyphens=False)]
    return lines


def docstring(lines: Sequence[str], indent: int) -> list[str]:
    """Lines, safe already, as a docstring at an indent; none for no lines."""
    margin = " " * indent
    if not lines:
        return []
    if len(lines) == 1 and indent + len(lines[0]) + 6 <= WIDTH:
        return [f'{margin}"""{lines[0]}"""']
    first, *rest = lines
    return [f'{margin}"""{first}', *((margin + line).rstrip() for line in rest), f'{margin}"""']
