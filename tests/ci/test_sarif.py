"""SARIF and JUnit against what is published about them, for every kind of diagnostic and odd names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest

from spinedsl.cli import run
from spinedsl.cli.reports import REPORTS
from spinedsl.diagnostics import CODES, Diagnostic, Edit, Fix, Label, Severity
from spinedsl.source import Source, Span

CASES = Path(__file__).parents[1] / "diagnostics" / "cases"
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
SPINEC = str(Path(sys.executable).with_name("spinec"))
BROKEN = "network n { input }\n"
JUNIT_REQUIRES = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "failure": set(),
}
JUNIT_ALLOWS = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
}  # fmt: skip
"""What junit-10.xsd says, of Jenkins' xunit-plugin."""


def validate(text: str) -> dict[str, Any]:
    """The run of a log that follows the schema."""
    document = json.loads(text)
    jsonschema.Draft4Validator(SCHEMA).validate(document)
    (only,) = document["runs"]
    return only


def validate_junit(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    for element in root.iter():
        assert JUNIT_REQUIRES[element.tag] <= set(element.attrib) <= JUNIT_ALLOWS[element.tag]
    for suite in root:
        cases = suite.findall("testcase")
        assert (suite.get("tests"), suite.get("errors")) == (str(len(cases)), "0")
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    return root


def test_the_schema_refuses_what_it_should() -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate('{"version": "2.1.0", "runs": [{"results": []}]}')


def test_sarif_of_every_kind_of_diagnostic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(CASES)
    assert run(["check", ".", "--format", "sarif"]) == 1
    found = validate(capsys.readouterr().out)
    rules = found["tool"]["driver"]["rules"]
    assert len(rules) > 25
    for rule in rules:
        assert rule["shortDescription"]["text"] == CODES[rule["id"]]
        assert rule["fullDescription"]["text"] in rule["help"]["text"]
        assert rule["help"]["markdown"].count("```") >= 2
    for result in found["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for place in result.get("locations", []):
            file = place["physicalLocation"]["artifactLocation"]
            if not file["uri"].startswith("std:"):
                assert file["uriBaseId"] in found["originalUriBaseIds"]
                assert (CASES / file["uri"]).is_file()
    prints = [result["partialFingerprints"]["spinec/v1"] for result in found["results"]]
    assert len(set(prints)) == len(prints)


def test_junit_of_every_kind_of_diagnostic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(CASES)
    assert run(["check", ".", "--format", "junit"]) == 1
    assert len(validate_junit(capsys.readouterr().out)) > 50


NAMES = [
    b"with space.spine", b"100%.spine", b"a%20b.spine", b"#1?.spine", b"co:lon.spine", b"std:x.spine", b"<&>\"'.spine",
    b"back\\slash.spine", b"new\nline.spine", b"esc\x1b[31m.spine", "ünï\N{SNOWMAN}.spine".encode(), b"not\xfftext.spine",
    b"-dash.spine",
]  # fmt: skip


@pytest.mark.parametrize("style", ["text", *REPORTS])
def test_odd_names(style: str, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / os.fsdecode(name)).write_text(BROKEN)
    (tmp_path / "fine\x1b\udcfe.spine").write_text("block b(width) -> width { conv 3x3 -> width }\n")
    ran = subprocess.run(
        [SPINEC, "check", ".", "--format", style], cwd=tmp_path, capture_output=True, check=False
    )
    assert ran.returncode == 1, ran.stderr.decode()
    assert b"\x1b" not in ran.stdout + ran.stderr
    text = ran.stdout.decode("utf-8")  # which is strict
    if style == "sarif":
        uris = [
            result["locations"][0]["physicalLocation"]["artifactLocation"]
            for result in validate(text)["results"]
        ]
        assert all(re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri["uri"]) for uri in uris)
        assert {unquote_to_bytes(uri["uri"]) for uri in uris} == set(NAMES)
        assert {uri["uriBaseId"] for uri in uris} == {"%SRCROOT%"}
    elif style == "junit":
        assert len(validate_junit(text)) == len(NAMES)
    elif style == "github":
        assert [line.partition(" ")[0] for line in text.splitlines()] == ["::error"] * len(NAMES)
    elif style == "concise":
        assert len(text.splitlines()) == len(NAMES)


def artifact(name: str) -> dict[str, str]:
    place = Label(Span(Source(name, "x"), 0, 1))
    found = validate(REPORTS["sarif"]([], [Diagnostic("SP010", "said", primary=place)]))
    return found["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a.spine", "a.spine"),
        ("./deep/../a.spine", "a.spine"),
        ("deep/a.spine", "deep/a.spine"),
        ("co:lon.spine", "co%3Alon.spine"),
    ],
)
def test_paths_below_the_working_folder_are_relative(name, uri, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert artifact(name) == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert artifact(str(tmp_path / name)) == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_paths_elsewhere_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    found = artifact("../a b.spine")
    assert found == {"uri": f"file://{tmp_path}/a%20b.spine"}
    assert urlsplit(found["uri"]).scheme == "file"
    assert artifact("std:std/resnet.spine") == {"uri": "std:std/resnet.spine"}


def test_fixes_and_related_places_are_told() -> None:
    source = Source("a.spine", "one\ntwo three\n")
    fix = Fix("write “2”", (Edit(Span(source, 4, 7), "2"), Edit(Span(source, 8, 8), "of ")))
    diagnostic = Diagnostic(
        "SP010", "said", Severity.WARNING, Label(Span(source, 4, 7), "here"), (Label(Span(source, 0, 3), "there"),),
        help="write “2”", fix=fix,
    )  # fmt: skip
    found = validate(REPORTS["sarif"]([], [diagnostic]))
    (result,) = found["results"]
    assert (
        result["level"] == found["tool"]["driver"]["rules"][0]["defaultConfiguration"]["level"] == "warning"
    )
    (related,) = result["relatedLocations"]
    assert related["message"]["text"] == "there"
    (made,) = result["fixes"]
    (change,) = made["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 4},
            "insertedContent": {"text": "2"},
        },
        {
            "deletedRegion": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 5},
            "insertedContent": {"text": "of "},
        },
    ]


def test_a_rule_has_the_level_of_its_worst_result() -> None:
    found = [Diagnostic("SP010", "one", Severity.NOTE), Diagnostic("SP010", "two", Severity.ERROR)]
    (rule,) = validate(REPORTS["sarif"]([], found))["tool"]["driver"]["rules"]
    assert rule["defaultConfiguration"]["level"] == "error"


def test_fingerprints_are_those_of_the_file_however_it_is_named(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.spine").write_text(BROKEN)

    def prints(name: str) -> list[str]:
        run(["check", name, "--format", "sarif"])
        return [r["partialFingerprints"]["spinec/v1"] for r in validate(capsys.readouterr().out)["results"]]

    first = prints("a.spine")
    assert first == prints("./a.spine") == prints(str(tmp_path / "a.spine"))
    Path("a.spine").write_text("# moved\n\n" + BROKEN)
    assert prints("a.spine") == first


def test_annotations_of_several_lines_have_no_columns() -> None:
    source = Source("a.spine", "one\ntwo\n")
    (line,) = REPORTS["github"](
        [], [Diagnostic("SP010", "x", primary=Label(Span(source, 1, 6)))]
    ).splitlines()
    assert line == "::error title=SP010,file=a.spine,line=1,endLine=2::x"
