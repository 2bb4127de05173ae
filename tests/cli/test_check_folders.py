"""`spinec check` of folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinedsl.cli import run

SPEC = """
import "std/resnet.spine"
network {name} {{
  input 3 x 8 x 8
  width {{ 1: 4 }}
  stem {{ conv 3x3 / 2 -> 4, norm, act  s0: residual @1 }}
  b0: residual @1 <- s0 => P1
  {more}
}}
"""


def test_a_folder_stands_for_all_specs_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "one.spine").write_text(SPEC.format(name="one", more=""))
    (tmp_path / "deep" / "er" / "two.spine").write_text(SPEC.format(name="two", more="expect params = 1"))
    (tmp_path / "notes.txt").write_text("no spec")
    assert run(["check", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "one.spine:one" in out and "two" not in out
    assert "SP040" in err and "two.spine" in err


def test_a_folder_without_specs_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path)]) == 1
    assert "there is no .spine file" in capsys.readouterr().err


def test_other_specs_are_checked_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.spine").write_text(SPEC.format(name="one", more=""))
    assert run(["check", str(tmp_path / "empty"), str(tmp_path / "one.spine"), "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [n["name"] for n in report["networks"]] == ["one"]
    assert [d["code"] for d in report["diagnostics"]] == ["SP001"]
