"""`action.yml`: it follows GitHub's schema, and its scripts do what they say, whatever inputs hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spinedsl.cli import group

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
SPINEC = Path(sys.executable).with_name("spinec")
FINE = "block small(width) -> width { conv 3x3 -> width }\n"
BROKEN = "network n { input }\n"
HOSTILE = '"; touch hacked; echo "\' $(touch hacked) `touch hacked` ${{ 1 }} * \\'


def test_it_follows_the_published_schema() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-actions.json"
    schema = json.loads(vendored.read_text())
    jsonschema.Draft7Validator(schema).validate(ACTION)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**ACTION, "runs": {"using": "composite"}})


def test_no_input_is_part_of_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")


def test_every_input_is_used_and_every_used_one_is_an_input() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


def test_its_commands_are_spinecs() -> None:
    script = STEPS["Run spinec"]["run"]
    assert set(re.findall(r'"\$BIN/spinec" (\w+)', script)) | {"check"} <= set(group.list_commands(None))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    outputs: dict[str, str]


def run(name: str, folder: Path, **inputs: str) -> Ran:
    """A step's script, as a runner runs it: in bash, with the inputs in its variables."""
    step = STEPS[name]
    temporary = folder / "temp"
    output = folder / "output"
    output.write_text("")
    given = {key: str(value["default"]) for key, value in ACTION["inputs"].items()} | inputs

    def evaluated(text: str) -> str:
        text = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], text)
        text = text.replace("${{ runner.temp }}", str(temporary))
        return text.replace("${{ steps.install.outputs.bin }}", str(SPINEC.parent))

    environment = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8",
        "RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(output), "GITHUB_ACTION_PATH": str(ROOT),
        **{key: evaluated(value) for key, value in step["env"].items()},
    }  # fmt: skip
    script = folder / "script.sh"
    script.write_text(step["run"])
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    work = folder / "work"
    ran = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert not (work / "hacked").exists()
    return Ran(ran.returncode, ran.stdout + ran.stderr, outputs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work" / "specs").mkdir(parents=True)
    (tmp_path / "temp").mkdir()
    (tmp_path / "work" / "specs" / "fine.spine").write_text(FINE)
    return tmp_path


@pytest.fixture
def broken(folder: Path) -> Path:
    (folder / "work" / "broken.spine").write_text(BROKEN)
    return folder


def test_what_is_fine_passes(folder: Path) -> None:
    ran = run("Run spinec", folder, commands="check lint fmt")
    assert (ran.code, ran.outputs) == (0, {}), ran.out
    assert "1 unchanged" in ran.out
    assert list((folder / "temp" / "spinec-cache").glob("check-*.json"))


def test_what_is_wrong_is_marked_beside_the_line(broken: Path) -> None:
    ran = run("Run spinec", broken)
    assert ran.code == 1
    assert re.match(r"::error title=SP\d+,file=broken\.spine,line=1,", ran.out), ran.out


def test_paths_stand_on_lines(broken: Path) -> None:
    assert run("Run spinec", broken, paths="specs/fine.spine\n\nspecs\n").code == 0
    shutil.copy(broken / "work" / "specs" / "fine.spine", broken / "work" / "a b*.spine")
    assert run("Run spinec", broken, paths="a b*.spine", commands="check fmt", format="text").code == 0


def test_each_command_runs_though_one_fails(broken: Path) -> None:
    (broken / "work" / "specs" / "fine.spine").write_text(FINE.replace(" { ", "{"))
    ran = run("Run spinec", broken, commands="check fmt")
    assert ran.code == 1
    assert "::error" in ran.out and "would reformat specs/fine.spine" in ran.out


def test_sarif_is_written_beside_the_marks(broken: Path) -> None:
    ran = run("Run spinec", broken, sarif="out dir.sarif")
    assert (ran.code, ran.outputs) == (1, {"sarif": "out dir.sarif"})
    document = json.loads((broken / "work" / "out dir.sarif").read_text())
    assert [result["ruleId"] for result in document["runs"][0]["results"]]
    assert "::error" in ran.out


def test_only_what_changed(broken: Path) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=broken / "work", check=True)
    ran = run("Run spinec", broken, **{"changed-since": "HEAD"}, format="text")
    assert (ran.code, ran.out) == (0, "no spec changed since HEAD\n")


@pytest.mark.parametrize("name", ["paths", "commands", "changed-since", "format", "sarif"])
@pytest.mark.parametrize("value", [HOSTILE, "--help", "a\nb=c\nbin=/tmp", "*"])
def test_hostile_inputs(name: str, value: str, folder: Path) -> None:
    ran = run("Run spinec", folder, **{name: value})
    assert set(ran.outputs) <= {"sarif"}
    if name != "sarif":
        assert ran.code != 0, ran.out
    assert "Traceback" not in ran.out


@pytest.mark.parametrize(
    ("version", "what"), [("", str(ROOT)), ("1.2.3", "spinec==1.2.3"), (HOSTILE, f"spinec=={HOSTILE}")]
)
def test_what_is_installed(version: str, what: str, folder: Path) -> None:
    """With a Python that only says what it is asked for."""
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(
        '#!/usr/bin/env bash\nif [[ $2 == venv ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"\n'
        'else printf "%s\\n" "$@"; fi\n'
    )
    python.chmod(0o755)
    ran = run("Install spinec", folder, version=version)
    assert ran.code == 0, ran.out
    asked = ran.out.split("\n")
    assert asked[:3] == ["-m", "pip", "install"]
    assert asked[asked.index("--") + 1 :] == [what, ""]
    assert ran.outputs == {"bin": str(folder / "temp" / "spinec" / "bin")}
