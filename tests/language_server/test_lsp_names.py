"""What names mean, and renaming them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from marked import NET, at
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import Edit
from spinedsl.language_server.renaming import Refused, edited, references, renameable, renaming
from spinedsl.language_server.workspace import Document, Workspace

PARTS = """# Of its own.
block mine(width, deep = 2) -> width {
  side = input, conv 1x1 / stride -> width
  repeat deep { conv 3x3 / stride -> width, norm }
  add(side)
}
"""
USER = """import "parts.spine"
import "std/resnet.spine"

network base {
  input 3 x 64 x 64
  width { 2..3: 8 }
  stem { conv 3x3 / 2 -> 8  s0: mine(deep = 1) @2 }
  b0: mine @3 <- s0
  b1: residual @2 <- s0, b0 => P2
}
network variant extends base {
  without b1
  b2: mine @2 <- b0 => P2
  expect output(P2) = 8 x 16 x 16
}
"""


def opened(*texts: tuple[str, str], folder: Path) -> tuple[Workspace, list[Document]]:
    workspace = Workspace()
    workspace.folders = [folder]
    return workspace, [
        workspace.open((folder / name).as_uri(), folder / name, text, 1) for name, text in texts
    ]


def renamed(workspace: Workspace, document: Document, offset: int, new: str) -> Sequence[Edit]:
    analysis = workspace.analysis(document)
    assert analysis is not None
    found = renameable(analysis, offset, workspace.fixed)
    return renaming(found, new, *workspace.for_renaming(found.symbol, document))


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_every_name_is_told_where_it_stands(path: Path) -> None:
    workspace = Workspace()
    analysis = workspace.analysis(workspace.open(path.as_uri(), path, path.read_text(encoding="utf-8"), 1))
    assert analysis is not None and analysis.occurrences.found
    for occurrence in analysis.occurrences.found:
        assert occurrence.span.text == occurrence.symbol.name
        if occurrence.target is not None:
            assert occurrence.target.text == occurrence.symbol.name


@pytest.mark.parametrize(
    ("place", "new", "lines"),
    [
        ("  b0", "first", ["first: mine @3 <- s0", "<- s0, first => P2", "<- first => P2"]),
        ("  b1", "last", ["last: residual", "without last"]),
        ("=> P2", "Q2", ["=> Q2\n}", "b2: mine @2 <- b0 => Q2", "output(Q2)"]),
        ("network base", "root", ["network root {", "extends root"]),
        ("s0: mine", "yours", ["s0: yours(deep = 1)", "b0: yours @3", "b2: yours", "block yours("]),
        ("mine(deep", "depth", ["mine(depth = 1)", "(width, depth = 2)", "repeat depth {"]),
    ],
)
def test_renaming_reaches_every_file(place: str, new: str, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "parts.spine").write_text(PARTS)
    workspace, (document,) = opened(("user.spine", USER), folder=tmp_path)
    edits = renamed(workspace, document, at(USER, place), new)
    sources = {edit.span.source.path: edit.span.source for edit in edits}
    text = "\n".join(edited(source, edits).text for source in sources.values())
    for line in lines:
        assert line in text
    assert sum(line.count(new) for line in lines) == len(edits) or len(edits) >= len(lines)


def test_a_side_branch_is_renamed_in_its_body(tmp_path: Path) -> None:
    workspace, (document,) = opened(("parts.spine", PARTS), folder=tmp_path)
    edits = renamed(workspace, document, at(PARTS, "add(side"), "way")
    assert [edit.span.start for edit in edits] == [PARTS.index("side"), PARTS.rindex("side")]


@pytest.mark.parametrize(
    ("place", "new", "reason"),
    [
        ("  b0", "b1", "declared twice"),
        ("  b0", "forward", "already means something in a module"),
        ("  b0", "a_to_b", "which names connections"),
        ("  b0", "3x", "is no name"),
        ("  b0", "a.b", "is no name"),
        ("  b0", "x" * 65, "is no name"),
        ("  b0", "repeat", "word of the language"),
        ("  b0", "class", "is a word of Python"),
        ("=> P2", "keys", "already means something in a module"),
        ("=> P2", "P3", "feeds endpoint"),
        ("network base", "variant", "declared twice"),
        ("s0: mine", "residual", "comes from two imported files"),
        ("  b1: residual", "mine_too", "standard library"),
        ("conv", "mine_too", "is a word of the language"),
        ("import", "other", "nothing here has a name"),
    ],
)
def test_what_can_not_be_renamed(place: str, new: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "parts.spine").write_text(PARTS)
    workspace, (document,) = opened(("user.spine", USER), folder=tmp_path)
    with pytest.raises(Refused, match=reason):
        renamed(workspace, document, at(USER, place), new)


def test_a_name_that_would_mean_something_else_is_refused(tmp_path: Path) -> None:
    workspace, (document,) = opened(("parts.spine", PARTS), folder=tmp_path)
    with pytest.raises(Refused, match="means something"):
        renamed(workspace, document, at(PARTS, "(width, deep"), "stride")


def test_an_old_error_hides_no_new_one(tmp_path: Path) -> None:
    text = NET.replace("= 4 x 16 x 16", "= 5 x 16 x 16")
    workspace, (document,) = opened(("net.spine", text), folder=tmp_path)
    assert [d.code for d in workspace.diagnostics(document)] == ["SP040"]
    with pytest.raises(Refused, match="“b1” is declared twice"):
        renamed(workspace, document, at(text, "  b0"), "b1")
    assert len(renamed(workspace, document, at(text, "  b0"), "b9")) == 3


def test_references_are_found_in_files_that_are_not_open(tmp_path: Path) -> None:
    (tmp_path / "user.spine").write_text(USER)
    workspace, (document,) = opened(("parts.spine", PARTS), folder=tmp_path)
    analysis = workspace.analysis(document)
    assert analysis is not None
    found = analysis.occurrences.at(at(PARTS, "block mine"))
    assert found is not None
    places = references(found.symbol, workspace.naming(found.symbol, document))
    assert sorted(place.span.source.name for place in places) == ["parts.spine", *["user.spine"] * 3]


def test_the_standard_library_can_be_worked_on(tmp_path: Path) -> None:
    path = SPEC_FILES[0]
    workspace = Workspace()
    assert workspace.fixed(path)
    workspace.folders = [path.parent]
    assert not workspace.fixed(path)


def test_names_of_the_net() -> None:
    workspace = Workspace()
    analysis = workspace.analysis(workspace.open("untitled:1", None, NET, 1))
    assert analysis is not None
    assert analysis.occurrences.at(at(NET, "<- s0, b0")) is not None
