"""Open texts and the files around them, as the server keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest
from marked import NET, at, known

from spinedsl.language_server import workspace as workspace_module
from spinedsl.language_server.completion import completions
from spinedsl.language_server.paths import MAX_PROPOSED
from spinedsl.language_server.renaming import Refused, references
from spinedsl.language_server.symbols import Symbol
from spinedsl.language_server.workspace import Document, Replacement, Workspace

PARTS = "block mine(width) -> width { conv 3x3 / stride -> width }\n"
USER = """import "../parts.spine"
network base {
  input 3 x 64 x 64
  width { 2..3: 8 }
  stem { conv 3x3 / 2 -> 8  s0: mine @2 }
  b0: mine @3 <- s0 => P3
}
"""


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Workspace, Document, Symbol]:
    """A file with a block that another one uses, which is the last of many."""
    for number in range(250):
        folder = tmp_path / f"f{number:03}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / f"{name}.spine").write_text("part p { act }\n")
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "user.spine").write_text(USER)
    workspace = Workspace([tmp_path])
    workspace.folders = [tmp_path]
    document = workspace.open("file:///parts.spine", tmp_path / "parts.spine", PARTS, 1)
    analysis = workspace.analysis(document)
    assert analysis is not None
    found = analysis.occurrences.at(at(PARTS, "block mine"))
    assert found is not None
    return workspace, document, found.symbol


def test_references_are_found_in_the_last_of_many_files(parts: tuple[Workspace, Document, Symbol]) -> None:
    workspace, document, symbol = parts
    places = references(symbol, workspace.naming(symbol, document))
    assert [place.span.source.name for place in places] == ["parts.spine", "user.spine", "user.spine"]


def test_nothing_is_renamed_where_files_may_be_missed(
    parts: tuple[Workspace, Document, Symbol], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, document, symbol = parts
    monkeypatch.setattr(workspace_module, "MAX_SEARCHED", 750)
    with pytest.raises(Refused, match="more than the 750 specs and folders"):
        workspace.for_renaming(symbol, document)


def test_paths_are_proposed_of_the_first_files(tmp_path: Path) -> None:
    for number in range(MAX_PROPOSED + 9):
        (tmp_path / f"a{number:03}.spine").write_text("")
    text = 'import ""\n' + NET
    labels = [p.label for p in completions(known(text, tmp_path / "net.spine"), at(text, 'import "'))[1]]
    assert labels.count("a000.spine") == 1 and f"a{MAX_PROPOSED + 1}.spine" not in labels


def test_a_text_is_linted_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace()
    document = workspace.open("file:///net.spine", tmp_path / "net.spine", NET, 1)
    assert workspace.analysis(document) is not None
    workspace.change(document.uri, [Replacement(None, NET.replace("# The first one.", "#"))], 2)
    assert workspace.lint(document) is None
    workspace.analysis(document)
    lint = workspace.lint(document)
    assert lint is not None and lint().source.text == document.text
    assert workspace.lint(document) is None


def test_a_file_under_two_addresses_counts_until_both_are_closed(tmp_path: Path) -> None:
    path, link = tmp_path / "net.spine", tmp_path / "link.spine"
    path.write_text(NET)
    link.symlink_to(path)
    workspace = Workspace()
    workspace.open("file:///net.spine", path, "# One.\n" + NET, 1)
    workspace.open("file:///link.spine", link, "# The other.\n" + NET, 1)
    workspace.close("file:///link.spine")
    assert workspace.buffers.read(path).text == "# One.\n" + NET
    workspace.close("file:///net.spine")
    assert workspace.buffers.read(path).text == NET
