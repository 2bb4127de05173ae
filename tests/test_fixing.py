"""Fixes: which are made, and what of those that get in each other's way."""

from __future__ import annotations

from pathlib import Path

from spinedsl.diagnostics import Diagnostic, Edit, Fix
from spinedsl.fixing import apply_fixes, fixed, safe_fixes
from spinedsl.source import Files, Source, Span, read_source
from spinedsl.syntax.parser import parse_what_stands

SOURCE = Source("a.spine", "0123456789", Path("a.spine"))


def fix(*edits: tuple[int, int, str], safe: bool = True) -> Fix:
    return Fix("mend it", tuple(Edit(Span(SOURCE, start, end), text) for start, end, text in edits), safe)


def test_all_that_are_apart_are_made() -> None:
    assert apply_fixes(SOURCE, [fix((7, 8, "")), fix((2, 4, "x")), fix((0, 0, "!"))]) == ("!01x45689", 3)


def test_edits_of_one_fix_are_made_together() -> None:
    assert apply_fixes(SOURCE, [fix((8, 9, '"'), (1, 2, '"'))]) == ('0"234567"9', 1)


def test_of_two_in_one_place_the_first_is_made() -> None:
    assert apply_fixes(SOURCE, [fix((2, 5, "a")), fix((3, 6, "b"))]) == ("01a56789", 1)
    assert apply_fixes(SOURCE, [fix((3, 3, "a")), fix((3, 3, "a"))]) == ("012a3456789", 1)


def test_neighbours_are_both_made() -> None:
    assert apply_fixes(SOURCE, [fix((2, 4, "a")), fix((4, 6, "b"))]) == ("01ab6789", 2)


def test_only_safe_fixes_of_the_source_itself() -> None:
    other = Source("b.spine", SOURCE.text, Path("b.spine"))
    elsewhere = Fix("mend it", (Edit(Span(other, 0, 1), ""),))
    found = [
        Diagnostic("SP010", "", fix=f) for f in (fix((0, 1, "")), fix((1, 2, ""), safe=False), elsewhere)
    ]
    assert safe_fixes([*found, Diagnostic("SP010", "")], SOURCE) == [fix((0, 1, ""))]


def test_what_a_fix_uncovers_is_fixed_too(tmp_path: Path) -> None:
    path = tmp_path / "a.spine"
    path.write_text("network n {\n  b: k 3 -> a -> P3;\n  repeat = 2\n}\n")

    def diagnose(files: Files) -> tuple[Diagnostic, ...]:
        return parse_what_stands(files.read(path, "a.spine")).diagnostics

    source = read_source(path, "a.spine")
    assert fixed(source, diagnose).text == "network n {\n  b: k @3 <- a => P3\n  repeat 2\n}\n"
    assert path.read_text() == source.text
