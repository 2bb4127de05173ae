"""`spinec check --format`: what CI reads, of errors and of none."""

from __future__ import annotations

import json
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from spinedsl.cli import run
from spinedsl.cli.check_command import FORMATS
from spinedsl.cli.reports import REPORTS
from spinedsl.diagnostics import Diagnostic, Label, Severity
from spinedsl.source import Source, Span

BAD = """import "std/resnet.spine"
network a {
  input 3 x 64 x 64
  width { 2: 8 }
  stem { conv 3x3 / 4 -> 8  s0: bottlenek @2 }
  b: residual @2 <- s0 => P2
}
"""
GOOD = BAD.replace("bottlenek", "residual")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.spine").write_text(BAD)
    (tmp_path / "good one.spine").write_text(GOOD)
    return tmp_path


def check(capsys, style: str, *specs: str) -> tuple[int, str]:
    status = run(["check", *specs, "--format", style])
    out, err = capsys.readouterr()
    assert err == ""
    return status, out


def test_every_format_that_can_be_chosen_has_a_report():
    assert tuple(REPORTS) == FORMATS


@pytest.mark.parametrize("style", REPORTS)
def test_the_working_folder_was_removed(style, here, capsys, monkeypatch):
    (here / "gone").mkdir()
    monkeypatch.chdir("gone")
    Path("../gone").rmdir()
    status, out = check(capsys, style, str(here / "bad.spine"))
    assert status == 1 and "SP020" in out


def test_junit_of_many_files_takes_no_time():
    found = [
        Diagnostic("SP010", "x", primary=Label(Span(Source(f"{number}.spine", "x"), 0, 1)))
        for number in range(4_000)
    ]
    start = time.perf_counter()
    text = REPORTS["junit"]([], found)
    assert time.perf_counter() - start < 2
    assert text.count("<testsuite ") == text.count("<failure ") == 4_000


@pytest.mark.parametrize("style", REPORTS)
def test_nothing_wrong_is_0(here, capsys, style):
    assert check(capsys, style, "good one.spine")[0] == 0


def test_concise(here, capsys):
    status, out = check(capsys, "concise", "bad.spine", "good one.spine")
    assert (status, out) == (
        1, "bad.spine:5:33: error[SP020] there is no kind of block called “bottlenek”\n"
    )  # fmt: skip


def test_github(here, capsys):
    status, out = check(capsys, "github", "bad.spine")
    assert status == 1
    place = "title=SP020,file=bad.spine,line=5,endLine=5,col=33,endColumn=42"
    message = "there is no kind of block called “bottlenek”%0Ahelp: did you mean “bottleneck”?"
    assert out == f"::error {place}::{message}\n"


def test_github_commands_can_not_be_smuggled_in():
    source = Source("a,b:c\n.spine", "x")
    hostile = Diagnostic("SP010", "a\n::error::b%", Severity.NOTE, Label(Span(source, 0, 1)))
    (line,) = REPORTS["github"]([], [hostile]).split("\n")
    assert line.startswith("::notice title=SP010,file=a%2Cb%3Ac%0A.spine,")
    assert line.endswith("::a%0A::error::b%25")


def test_junit(here, capsys):
    status, out = check(capsys, "junit", ".")
    assert status == 1
    bad, good = ElementTree.fromstring(out)
    assert (bad.get("name"), bad.get("tests"), bad.get("failures")) == ("bad.spine", "1", "1")
    failure = bad.find("testcase/failure")
    assert failure is not None and failure.get("type") == "SP020"
    assert failure.text == "did you mean “bottleneck”?"
    assert [case.get("name") for case in good] == ["a"]
    assert good.get("failures") == "0"


def test_junit_is_xml_whatever_a_message_holds():
    text = REPORTS["junit"]([], [Diagnostic("SP010", "\x00\ud800 <&>")])
    (suite,) = ElementTree.fromstring(text)
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.get("message") == "\ufffd\ufffd <&>"


def test_sarif(here, capsys):
    status, out = check(capsys, "sarif", str(here / "bad.spine"), "good one.spine")
    assert status == 1
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    (found,) = log["runs"]
    assert [rule["id"] for rule in found["tool"]["driver"]["rules"]] == ["SP020"]
    (result,) = found["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("SP020", 0, "error")
    (place,) = result["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "bad.spine", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5, "startColumn": 33, "endLine": 5, "endColumn": 42},
    }


def test_fingerprints_survive_moved_lines_and_tell_equal_ones_apart(here, capsys):
    def fingerprints(text: str) -> list[str]:
        (here / "bad.spine").write_text(text)
        found = json.loads(check(capsys, "sarif", "bad.spine")[1])["runs"][0]["results"]
        return [each["partialFingerprints"]["spinec/v1"] for each in found]

    (one,) = fingerprints(BAD)
    assert fingerprints("# moved\n\n" + BAD) == [one]
    two = fingerprints(BAD + BAD.replace("network a", "network b").partition("\n")[2])
    assert len(two) == len(set(two)) == 2 and two[0] == one


def test_a_file_that_is_not_there_has_a_place_too(here, capsys):
    status, out = check(capsys, "sarif", "missing é.spine")
    assert status == 1
    (result,) = json.loads(out)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "missing%20%C3%A9.spine"
