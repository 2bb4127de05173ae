"""What an LALR parser has open, and what it would do with a terminal, without doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lark.parsers.lalr_analysis import Shift

OPENING = {"(": ")", "{": "}"}
"""Brackets, and what closes them."""
States = Mapping[int, Mapping[str, tuple[Any, Any]]]
"""lark's table: what each state does with each symbol."""


def open_brackets(values: Sequence[object]) -> list[int]:
    """Positions of the brackets on a stack of values that aren't closed, the outermost first.

    A construct that is whole may still lie there in pieces: what follows decides when it is reduced.
    """
    found: list[int] = []
    for position, value in enumerate(values):
        # Tokens are texts; the hash of a tree would visit all of it.
        sign = value if isinstance(value, str) else ""
        if sign in OPENING:
            found.append(position)
        elif sign in OPENING.values():
            found.pop()
    return found


def advanced(states: States, stack: Sequence[int], terminal: str) -> list[int] | None:
    """The stack of states behind a terminal, once all is reduced that must be; None if it can't stand here."""
    after = list(stack)
    while True:
        action, argument = states[after[-1]].get(terminal, (None, None))
        if action is Shift:
            return [*after, argument]
        if argument is None:
            return None
        if argument.expansion:
            del after[-len(argument.expansion) :]
        _, state = states[after[-1]][argument.origin.name]
        if terminal == "$END" and argument.origin.name == "start":
            return [*after, state]
        after.append(state)


def takes(states: States, stack: Sequence[int], terminal: str) -> bool:
    """Whether a terminal can stand here."""
    return advanced(states, stack, terminal) is not None
