"""Names that the text before a place declares, by its words alone."""

from __future__ import annotations

from spinedsl.language_server.context import Context
from spinedsl.language_server.scanning import Token


def parameters_before(context: Context) -> list[str]:
    """Parameters of the definition at hand, from its header."""
    found: list[str] = []
    depth = 0
    for before, token in zip(("", *(t.text for t in context.inner)), context.inner, strict=False):
        depth += (token.text == "(") - (token.text == ")")
        if token.text in ("{", "->"):
            break
        if token.kind == "name" and depth == 1 and before in ("(", ","):
            found.append(token.text)
    return found


def branches_before(context: Context) -> list[str]:
    """Side branches: `name = chain`, outside of parentheses."""
    found: dict[str, None] = {}
    depth = 0
    for token, following in zip(context.inner, context.inner[1:], strict=False):
        depth += (token.text == "(") - (token.text == ")")
        if token.kind == "name" and following.text == "=" and depth == 0:
            found[token.text] = None
    return list(found)


def blocks_before(context: Context) -> dict[str, str]:
    """Blocks and features of the network at hand, with kind and level; not the one being written."""
    found: dict[str, str] = {}
    tokens = context.inner
    for index, token in enumerate(tokens[:-2]):
        if token.kind != "name" or (index and tokens[index - 1].text == ":"):
            continue
        if tokens[index + 1].text == ":":
            found[token.text] = f"{tokens[index + 2].text} @{_level(tokens, index)}"
        elif tokens[index + 1].text == "@":
            found[token.text] = f"feature @{tokens[index + 2].text}"
    found.pop(_being_written(context.before), None)
    return found


def _level(tokens: tuple[Token, ...], index: int) -> str:
    """The level behind the kind of a block, whose arguments may stand between."""
    for at in range(index, min(index + 64, len(tokens) - 1)):
        if tokens[at].text == "@":
            return tokens[at + 1].text
    return "?"


def _being_written(tokens: tuple[Token, ...]) -> str:
    """The block whose arrow the place is behind."""
    for index in reversed(range(1, len(tokens))):
        if tokens[index].text == ":":
            return tokens[index - 1].text
    return ""
