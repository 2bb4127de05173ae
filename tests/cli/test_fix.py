"""`spinec check --fix`: files are mended, whole or not at all."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinedsl.cli import run

RIGHT = """\
import "std/resnet.spine"

network tiny {
  input 3 x 64 x 64
  width { 2: 16 }
  stem { conv 3x3 / 2 -> 8, norm, act, maxpool 3x3 / 2  s0: residual @2 }
  b1: residual @2 <- s0 => P2
}
"""
WRONG = RIGHT.replace("3 x 64 x 64", "3 × 64 × 64").replace("<- s0 => P2", "-> s0 -> P2")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPINEC_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path


class Check:
    """`spinec check`, and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["check", *arguments])
        return code, *self.capsys.readouterr()


@pytest.fixture(name="check")
def _check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


def test_without_it_the_file_is_left_alone_and_it_is_offered(check: Check) -> None:
    Path("a.spine").write_text(WRONG)
    code, _, err = check("a.spine")
    assert code == 1
    assert err.splitlines()[-1] == "2 of them can be mended with --fix"
    assert Path("a.spine").read_text() == WRONG


def test_the_file_is_mended_and_then_checked(check: Check) -> None:
    Path("a.spine").write_text(WRONG)
    Path("a.spine").chmod(0o640)
    assert check("a.spine", "--fix") == (0, "ok  a.spine:tiny\n", "fixed 3 in a.spine\n")
    assert Path("a.spine").read_text() == RIGHT
    assert stat.S_IMODE(Path("a.spine").stat().st_mode) == 0o640
    assert check("a.spine", "--fix")[2] == ""


def test_what_is_unsafe_is_left_to_a_person(check: Check) -> None:
    text = RIGHT.replace("residual @2 <- s0", "residul @2 <- s0")
    Path("a.spine").write_text(text)
    code, _, err = check("a.spine", "--fix")
    assert code == 1
    assert "did you mean “residual”?" in err
    assert "--fix" not in err
    assert Path("a.spine").read_text() == text


def test_one_network_of_a_file(check: Check) -> None:
    Path("a.spine").write_text(WRONG)
    assert check("a.spine:tiny", "--fix")[0] == 0
    assert Path("a.spine").read_text() == RIGHT


def test_an_import_is_not_touched(check: Check) -> None:
    Path("kinds.spine").write_text("block k(width) -> width { conv 3 x 3 -> width }")
    Path("a.spine").write_text('import "kinds.spine"\n' + RIGHT)
    assert check("a.spine", "--fix")[0] == 1
    assert Path("kinds.spine").read_text() == "block k(width) -> width { conv 3 x 3 -> width }"


def test_only_what_would_be_mended_is_offered(check: Check) -> None:
    Path("kinds.spine").write_text("block k(width) -> width { conv 3 × 3 -> width }")
    Path("a.spine").write_text('import "kinds.spine"\n' + RIGHT)
    code, _, err = check("a.spine")
    assert code == 1 and "kinds.spine:1:" in err and "--fix" not in err
    assert check("a.spine", "kinds.spine")[2].endswith(" of them can be mended with --fix\n")
    assert check("a.spine:tiny", "./kinds.spine:k")[2].endswith(" of them can be mended with --fix\n")


def test_a_link_is_not_written_through(check: Check) -> None:
    Path("real.spine").write_text(WRONG)
    Path("a.spine").symlink_to("real.spine")
    code, _, err = check("a.spine", "--fix")
    assert code == 1
    assert "symbolic link" in err
    assert Path("real.spine").read_text() == WRONG


def test_the_standard_library_is_not_touched(check: Check) -> None:
    assert check("std:spinenet49", "--fix")[0] == 0


def test_fixes_are_in_the_json(check: Check) -> None:
    Path("a.spine").write_text(WRONG)
    report = json.loads(check("a.spine", "--format", "json")[1])
    fix = next(d["fix"] for d in report["diagnostics"] if d["location"]["line"] == 7)
    assert fix == {
        "title": "write “<-”",
        "safe": True,
        "edits": [
            {"file": "a.spine", "line": 7, "column": 19, "end_line": 7, "end_column": 21, "text": "<-"}
        ],
    }
