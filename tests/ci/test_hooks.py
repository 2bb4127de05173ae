"""`.pre-commit-hooks.yaml`: pre-commit takes it, and runs its commands on a commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from repositories import Repository

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text())}
BIN = Path(sys.executable).parent
FINE = "block small(width) -> width { conv 3x3 -> width }\n"
USER = """import "small.spine"

network n {
  input 3 x 8 x 8
  width { 1: 32 }

  stem {
    conv 3x3 / 2 -> 32
    s0: small @1
  }

  b0: small @1 <- s0 => P1
}
"""


def pre_commit(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
        "PATH": path, "PRE_COMMIT_HOME": str(folder / ".git" / "pre-commit"), "PRE_COMMIT_COLOR": "never",
    }  # fmt: skip
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "hooks.yaml").write_text(MANIFEST.read_text())
    ran = pre_commit("validate-manifest", "hooks.yaml", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_there_are_three_and_they_are_installed_as_a_package() -> None:
    assert set(HOOKS) == {"spinec-check", "spinec-fmt", "spinec-lint"}
    assert {hook["language"] for hook in HOOKS.values()} == {"python"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository whose hooks are ours, with the spinec that is installed here."""
    repository = Repository(tmp_path)
    hooks = [{**hook, "language": "system"} for hook in HOOKS.values()]
    repository.write(
        ".pre-commit-config.yaml", yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]})
    )
    repository.commit({"small.spine": FINE, "n.spine": USER})
    return repository


def results(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What became of each hook."""
    lines = [line for line in ran.stdout.splitlines() if line.startswith("spinec ") and "...." in line]
    return {line.partition(".")[0]: line.rpartition(".")[2] for line in lines}


def test_what_is_fine_passes(repository: Repository) -> None:
    ran = pre_commit("run", "--all-files", folder=repository.folder)
    assert results(ran) == {"spinec check": "Passed", "spinec fmt": "Passed", "spinec lint": "Passed"}, (
        ran.stdout
    )
    assert ran.returncode == 0


def test_a_layout_is_mended(repository: Repository) -> None:
    repository.write("small.spine", FINE.replace(" { ", "{"))
    repository.git("add", "--all")
    ran = pre_commit("run", folder=repository.folder)
    assert results(ran)["spinec fmt"] == "Failed"
    assert (repository.folder / "small.spine").read_text() == FINE


def test_a_definition_is_checked_where_it_is_used(repository: Repository) -> None:
    repository.write("small.spine", FINE.replace("small", "smaller"))
    repository.git("add", "--all")
    ran = pre_commit("run", "spinec-check", folder=repository.folder)
    assert results(ran) == {"spinec check": "Failed"}
    assert "n.spine:10:" in ran.stdout or "n.spine:9:" in ran.stdout


def test_what_is_not_meant_is_seen(repository: Repository) -> None:
    """A hook that passes says nothing: its warnings would be lost."""
    repository.write("n.spine", USER.replace("<- s0", "<- s0, s0"))
    repository.git("add", "--all")
    ran = pre_commit("run", "spinec-lint", folder=repository.folder)
    assert results(ran) == {"spinec lint": "Failed"}
    assert "warning[SP102]" in ran.stdout


def test_other_files_concern_no_hook(repository: Repository) -> None:
    repository.write("notes.txt", "x")
    repository.git("add", "--all")
    ran = pre_commit("run", folder=repository.folder)
    assert {word.rpartition(")")[2] for word in results(ran).values()} == {"Skipped"}
