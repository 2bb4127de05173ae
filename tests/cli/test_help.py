"""`--help` of every command: what it says, and that its examples are what the command takes."""

from __future__ import annotations

import inspect
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from spinedsl.cli import COMMANDS, group, run

ROOT = Path(__file__).parents[2]


def commands(
    command: click.Command = group, path: tuple[str, ...] = ("spinec",)
) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


ALL = dict(commands())
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


def examples(command: click.Command) -> list[str]:
    """The command lines of the help's block of examples."""
    _, _, block = inspect.cleandoc(command.help or "").partition("Examples:\n")
    lines = block.split("\n\n")[0].replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines]


def words(line: str) -> list[str]:
    """A command line's words, without what the shell makes of it: pipes and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    found = list(lexer)
    ends = [found.index(sign) for sign in ("|", "<", ">") if sign in found]
    return found[: min(ends, default=len(found))]


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_a_paragraph_and_examples(path: str) -> None:
    command = LEAVES[path]
    assert (command.help or "").strip(), path
    assert examples(command), f"{path} --help has no “Examples:”"
    assert all(line.startswith(f"{path} ") or line == path for line in examples(command)), examples(command)


@pytest.mark.parametrize("line", [line for command in ALL.values() for line in examples(command)])
def test_every_example_can_be_parsed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    program, *arguments = words(line)
    for option, folder in pairwise(arguments):
        if option == "--root":  # which has to be there
            Path(folder).mkdir(parents=True)
    assert program == "spinec"
    command: click.Command = group
    context = group.make_context("spinec", arguments)
    while isinstance(command, click.Group):
        name, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None and below is not None
        context = below.make_context(name, rest, parent=context)
        command = below


@pytest.mark.parametrize("path", ALL)
def test_every_option_says_what_it_does(path: str) -> None:
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help and parameter.help.rstrip()[-1] in ".]", (path, parameter.opts)


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_the_options_that_all_have(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split()[1:], "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("-q, --quiet", "-v, --verbose", "--color [auto|always|never]", "-h, --help"):
        assert shown.count(option) == 1, (path, option)


def test_no_option_is_spelt_twice() -> None:
    for path, command in ALL.items():
        spelt = [name for parameter in command.params for name in parameter.opts]
        assert len(spelt) == len(set(spelt)), (path, spelt)


def test_exit_codes_and_variables_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for code in ("0    fine", "1    ", "2    ", "70   ", "130  "):
        assert f"\n    {code}" in shown
    for variable in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "SPINEC_CACHE_DIR", "SPINEC_NO_CACHE"):
        assert variable in shown
        assert any(
            variable in path.read_text()
            for path in (ROOT / "spinedsl").rglob("*.py")
            if path.name != "__init__.py"
        )


def test_the_table_of_commands_is_what_there_is() -> None:
    files = {
        path.name.removesuffix("_command.py") for path in (ROOT / "spinedsl" / "cli").glob("*_command.py")
    }
    assert files == set(COMMANDS)


def test_help_is_quick_to_come() -> None:
    """Commands are told from the table: none is imported."""
    code = "import sys; from spinedsl.cli import run; run(['--help']); print('lark' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "False"
