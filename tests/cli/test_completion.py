"""`spinec completion`, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

from spinedsl.cli import COMMANDS, run

BIN = Path(sys.executable).parent
START = {
    "bash": ("bash", "--noprofile", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
PREPARE = {
    "bash": "bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; "
    "bind 'set completion-query-items 0'; bind 'set page-completions off'; "
    "PS1='ready> '; source <(spinec completion bash)\n",
    "zsh": "PS1='ready> '; setopt no_auto_menu list_ambiguous; autoload -U compinit; compinit -u -D; "
    "source <(spinec completion zsh)\n",
    "fish": "function fish_prompt; echo -n 'ready> '; end; spinec completion fish | source\n",
}
NETWORKS = "network one {}\nnetwork other {}\nmodel third {}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my specs").mkdir()
    (tmp_path / "my specs" / "deep.spine").write_text(NETWORKS)
    (tmp_path / "nets.spine").write_text(NETWORKS)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "hidden").mkdir()
    return tmp_path


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest, folder: Path, tmp_path_factory) -> Iterator[Terminal]:
    """A shell that waits for a line."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    home = str(tmp_path_factory.mktemp("home"))
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": home, "TERM": "xterm", "LANG": "C.UTF-8", "ZDOTDIR": home}
    with Terminal(START[request.param], folder, environment) as terminal:
        terminal.type(PREPARE[request.param])
        terminal.until("source")
        terminal.until("ready> ")
        yield terminal


# What is typed, and what stands in the line or below it afterwards.
COMPLETED = {
    "command": ("spinec expl\t", "ain "),
    "group": ("spinec weights im\t", "port "),
    "option": ("spinec check --chan\t", "ged-since "),
    "value": ("spinec show --stage exp\t", "anded "),
    "value behind =": ("spinec check --format=sar\t", "if "),
    "code": ("spinec explain SP05\t", "SP053"),
    "standard network": ("spinec check std:spinenet49_retina\t", "net "),
    # Fish leaves out how a word begins where there's no room.
    "standard, one of many": ("spinec check std:spinenet49s_\t", "s_retinanet"),
    "file": ("spinec check nets\t", ".spine "),
    "network of a file": ("spinec check nets.spine:th\t", "ird "),
    "folder": ("spinec check hid\t", "den/"),
    "behind other commands": ("true && spinec check nets.spine:th\t", "ird "),
    "option that all have": ("spinec list --ver\t", "bose "),
}


@pytest.mark.parametrize("typed", COMPLETED.values(), ids=COMPLETED)
def test_a_tab_completes(shell: Terminal, typed: tuple[str, str]) -> None:
    line, expected = typed
    words = line.rstrip("\t")
    # One after the other: fish shows a list first and the line again below, and the line would be found there.
    shell.type(words)
    shell.until(words)
    shell.type("\t")
    shell.until(expected)


def test_names_with_spaces_are_quoted(shell: Terminal) -> None:
    shell.type("spinec check my\t")
    shell.until("my\\ specs/")


# ---- what shells are told


def told(folder: Path, line: str) -> list[str]:
    environment = os.environ | {"COMP_LINE": line, "_SPINEC_COMPLETE": "bash_complete"}
    process = subprocess.run(
        [BIN / "spinec"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert process.stderr == ""
    return [line.partition("\t")[0] for line in process.stdout.splitlines()]


def test_every_command_is_completed(folder: Path) -> None:
    assert told(folder, "spinec ") == list(COMMANDS)


def test_files_of_other_kinds_are_no_specs(folder: Path) -> None:
    assert told(folder, "spinec check ") == ["hidden/", "my specs/", "nets.spine", "std:"]
    assert told(folder, "spinec compile x --weights n") == ["nets.spine", "notes.txt"]


@pytest.mark.parametrize(
    "line", ["spinec check 'my sp", "spinec check my\\ sp", 'spinec check "my sp', "spinec -q check my\\ sp"]
)
def test_words_in_quotes(folder: Path, line: str) -> None:
    assert told(folder, line) == ["my specs/"]


@pytest.mark.parametrize(
    "line",
    ["", "spinec", "spinec nonsense x", "spinec check \udcff", "spinec check missing/x", "spinec check x:"],
)
def test_nothing_to_say_is_no_error(folder: Path, line: str) -> None:
    told(folder, line)


def test_completing_commands_imports_none(folder: Path) -> None:
    code = (
        "import sys\nfrom spinedsl.cli import run\ntry: run([])\nexcept SystemExit: pass\n"
        "print([m for m in ('pydantic', 'lark', 'spinedsl.pipeline') if m in sys.modules])"
    )
    environment = os.environ | {"COMP_LINE": "spinec c", "_SPINEC_COMPLETE": "zsh_complete"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell_name", START)
def test_scripts_are_valid(shell_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell_name) is None:
        pytest.skip(f"{shell_name} is not installed")
    assert run(["completion", shell_name]) == 0
    script = capsys.readouterr().out
    subprocess.run([shell_name, "-n"], input=script, text=True, check=True)
