"""Lines and columns in the units of an editor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinedsl.language_server.positions import Encoding, Lines

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
TEXT = st.text(st.sampled_from("ab \n\r\té\N{PILE OF POO}\u2028\ud800"), max_size=40)


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 9), ("utf-16", 7), ("utf-32", 6)])
def test_a_character_of_two_units_counts_as_the_editor_counts(encoding: Encoding, column: int) -> None:
    text = "a\n# \N{ROCKET} b0"
    assert Lines(text, encoding).position(text.index("0")) == (1, column - 1)
    assert Lines(text, encoding).offset(1, column - 1) == text.index("0")


def test_the_middle_of_a_character_is_its_beginning() -> None:
    assert Lines("\N{ROCKET}b", "utf-16").offset(0, 1) == 0


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_the_protocol_has_it(end: str) -> None:
    lines = Lines(f"ab{end}cd\u2028e\x0cf{end}")
    assert lines.position(2 + len(end)) == (1, 0)
    assert lines.line(1) == "cd\u2028e\x0cf"
    assert len(lines.starts) == 3


@pytest.mark.parametrize(("place", "offset"), [((-1, 5), 0), ((0, 99), 2), ((0, -3), 0), ((9, 0), 5)])
def test_places_outside_of_the_text_are_drawn_into_it(place: tuple[int, int], offset: int) -> None:
    assert Lines("ab\ncd").offset(*place) == offset


@given(TEXT, st.integers(-2, 45), st.sampled_from(ENCODINGS))
def test_there_and_back(text: str, offset: int, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    line, column = lines.position(offset)
    inside = max(0, min(offset, len(text)))
    back = lines.offset(line, column)
    # Between the two signs of one line end there is no column.
    assert back == inside or text[back:inside] in ("\r", "\n")
