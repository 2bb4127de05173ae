"""`spinec fmt`: files, folders, standard input; nothing is lost or half written."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from spinedsl.cli import run
from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.output import rewrite_file

UGLY = "merge plain{sum(inputs,dangling)}# here\n"
NEAT = "merge plain { sum(inputs, dangling) }  # here\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ugly.spine").write_text(UGLY)
    (tmp_path / "neat.spine").write_text(NEAT)
    return tmp_path


def fmt(capsys, *arguments: str) -> tuple[int, str, str]:
    status = run(["fmt", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_files_are_rewritten(here, capsys):
    (here / "ugly.spine").chmod(0o640)
    status, out, err = fmt(capsys, "ugly.spine", "neat.spine")
    assert (status, out, err) == (0, "reformatted ugly.spine\n", "1 changed, 1 unchanged\n")
    assert (here / "ugly.spine").read_text() == NEAT
    assert (here / "ugly.spine").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in here.iterdir()) == ["neat.spine", "ugly.spine"]


def test_a_folder_stands_for_its_files_each_once(here, capsys):
    (here / "deep").mkdir()
    (here / "deep" / "other.spine").write_text(UGLY)
    status, out, _ = fmt(capsys, ".", "ugly.spine")
    assert (status, out) == (0, "reformatted deep/other.spine\nreformatted ugly.spine\n")


def test_check_writes_nothing(here, capsys):
    status, out, err = fmt(capsys, "--check", ".")
    assert (status, out, err) == (1, "would reformat ugly.spine\n", "1 would change, 1 unchanged\n")
    assert (here / "ugly.spine").read_text() == UGLY
    assert fmt(capsys, "--check", "neat.spine")[0] == 0


def test_diff_shows_what_would_change(here, capsys):
    status, out, _ = fmt(capsys, "--diff", ".")
    assert status == 1
    assert out == f"--- ugly.spine\n+++ ugly.spine, formatted\n@@ -1 +1 @@\n-{UGLY}+{NEAT}"
    assert (here / "ugly.spine").read_text() == UGLY


def test_a_file_with_errors_is_left_alone_and_the_others_are_not(here, capsys):
    (here / "broken.spine").write_text("merge { ")
    status, out, err = fmt(capsys, ".")
    assert status == 1
    assert out == "reformatted ugly.spine\n"
    assert "broken.spine:1:7" in err
    assert (here / "broken.spine").read_text() == "merge { "


@pytest.mark.parametrize(
    ("given", "options", "status", "printed"),
    [
        (UGLY, (), 0, NEAT),
        (UGLY, ("--check",), 1, ""),
        (NEAT, ("--check",), 0, ""),
        (NEAT, ("--diff",), 0, ""),
    ],
)
def test_standard_input(monkeypatch, capsys, given, options, status, printed):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert fmt(capsys, *options, "-")[:2] == (status, printed)


def test_bytes_that_are_no_text(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    status, _, err = fmt(capsys, "-")
    assert status == 1 and "SP003" in err


def test_too_much_standard_input_is_refused_and_not_cut(monkeypatch, capsys):
    given = NEAT * (1 << 16)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    status, out, err = fmt(capsys, "-")
    assert status == 1 and out == "" and "SP002" in err


@pytest.mark.parametrize("path", ["missing.spine", "empty", "a" * 300, ""])
def test_what_is_not_there(here, capsys, path):
    (here / "empty").mkdir()
    status, _, err = fmt(capsys, path)
    assert status == 1 and "SP001" in err and "help" in err


def test_links_are_not_written_through(here, capsys):
    (here / "link.spine").symlink_to("ugly.spine")
    status, _, err = fmt(capsys, "link.spine")
    assert status == 1 and "is a symbolic link" in err
    assert (here / "ugly.spine").read_text() == UGLY


def test_what_was_changed_meanwhile_is_kept(here):
    path = here / "ugly.spine"
    with pytest.raises(DiagnosticError, match="was changed meanwhile"):
        rewrite_file(path, "as it was", NEAT)
    assert path.read_text() == UGLY
    assert sorted(each.name for each in here.iterdir()) == ["neat.spine", "ugly.spine"]
