"""`spinec lint`: exit codes, what goes where, which rules, configuration, fixing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lint_support import network

from spinedsl.cli import run
from spinedsl.cli.check_command import FORMATS
from spinedsl.lint import RULES

FINE = network("b0: residual @2 <- s0 => P2")
TWICE = network("b0: residual @2 <- s0, s0 => P2")
BROKEN = network("b0: residul @2 <- s0 => P2")
UNUSED = network("b0: residual @2 <- s0 => P2  # spinec: ignore[SP101] as published")


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def codes(self) -> list[str]:
        return [d["code"] for d in json.loads(self.out)["diagnostics"]]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`spinec lint`, in a folder with some specs."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("fine", FINE), ("twice", TWICE), ("broken", BROKEN), ("unused", UNUSED)):
        Path(f"{name}.spine").write_text(text)

    def lint(*arguments: str) -> Ran:
        code = run(["lint", *arguments])
        return Ran(code, *capsys.readouterr())

    return lint


def configure(text: str, folder: str = ".") -> None:
    Path(folder, "pyproject.toml").write_text(text)


# ---- exit codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["fine.spine"], 0),
        (["fine.spine", "--strict"], 0),
        (["twice.spine"], 0),
        (["twice.spine", "--strict"], 1),
        (["twice.spine", "--strict", "--ignore", "SP102"], 0),
        (["twice.spine", "--strict", "--select", "SP103, long-connection"], 0),
        (["twice.spine", "--strict", "--select", "repeated-input"], 1),
        (["broken.spine"], 1),
        (["none.spine"], 1),
        (["."], 1),
        (["std:spinenet49", "--strict"], 0),
        (["fine.spine:tiny"], 0),
        (["fine.spine:tony"], 1),
        (["--rules"], 0),
        ([], 2),
        (["fine.spine", "--select", "SP999"], 2),
        (["fine.spine", "--format", "xml"], 2),
        (["fine.spine", "--config", "none.toml"], 1),
    ],
)
def test_exit_codes(lint, arguments, code):
    assert lint(*arguments).code == code


@pytest.mark.parametrize(("level", "strict", "code"), [
    ("off", True, 0), ("note", True, 0), ("warning", False, 0), ("warning", True, 1), ("error", False, 1),
])  # fmt: skip
def test_levels_decide(lint, level, strict, code):
    configure(f"[tool.spinec.lint.rules]\nSP102 = '{level}'")
    assert lint("twice.spine", *(["--strict"] if strict else [])).code == code


# ---- what is said


def test_text(lint):
    ran = lint("twice.spine", "fine.spine", "unused.spine")
    assert ran.out == ""
    assert "warning[SP102]: “b0” reads “s0” twice, in the same way\n  --> twice.spine:8:26\n" in ran.err
    assert ran.err.endswith("2 warnings in 3 files\n1 of them can be mended with --fix\n")
    assert lint("fine.spine").out == "ok  1 file\n"


def test_errors_are_counted_once(lint):
    Path("second.spine").write_text(BROKEN)
    err = lint("broken.spine", "second.spine").err
    assert err.endswith("\n\n2 errors in 2 files\n") and err.count("2 errors") == 1


def test_only_what_would_be_mended_is_offered(lint):
    Path("kinds.spine").write_text("block k(width) -> width { conv 3 × 3 -> width }")
    Path("user.spine").write_text('import "kinds.spine"\n' + FINE)
    ran = lint("user.spine")
    assert ran.code == 1 and "--fix" not in ran.err
    assert "can be mended with --fix" in lint("user.spine", "kinds.spine").err


def test_what_is_wrong_is_told_as_check_tells_it(lint, capsys):
    told = lint("broken.spine", "--format", "json").out
    run(["check", "broken.spine", "--format", "json"])
    assert json.loads(told)["diagnostics"] == json.loads(capsys.readouterr().out)["diagnostics"] != []


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_of_check(lint, style):
    ran = lint("twice.spine", "--format", style)
    assert (ran.code, ran.err) == (0, "")
    if style != "junit":
        assert "SP102" in ran.out


def test_a_folder_is_linted_whole(lint):
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/more.spine").write_text(TWICE)
    assert sorted(lint(".", "--format", "json").codes) == ["SP020", "SP100", "SP102", "SP102"]


def test_a_folder_without_specs_is_an_error_and_others_are_linted(lint):
    Path("empty").mkdir()
    assert lint("empty", "twice.spine", "--format", "json").codes == ["SP001", "SP102"]


def test_rules_are_listed_as_they_are_configured(lint):
    configure("[tool.spinec.lint.rules]\nlong-connection = { level = 'error', levels = 4 }")
    lines = lint("--rules", "--ignore", "SP104").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [rule.code for rule in RULES]
    assert next(line for line in lines if "SP103" in line).split()[1:6] == [
        "long-connection", "error", "levels", "=", "4",
    ]  # fmt: skip
    assert next(line for line in lines if "SP104" in line).split()[2] == "off"


# ---- configuration


def test_each_file_has_the_configuration_above_it(lint):
    Path("old").mkdir()
    Path("old/twice.spine").write_text(TWICE)
    configure("[tool.spinec.lint.rules]\nSP102 = 'off'", "old")
    ran = lint("old", "twice.spine", "--format", "json")
    assert [d["location"]["file"] for d in json.loads(ran.out)["diagnostics"]] == ["twice.spine"]
    assert lint("old", "twice.spine", "--format", "json", "--config", "old/pyproject.toml").codes == []


def test_what_is_selected_is_not_off_but_where_files_are_ignored(lint):
    configure(
        "[tool.spinec.lint]\nrules = { SP102 = 'off' }\n[tool.spinec.lint.per-file-ignores]\n'tw*' = ['SP102']"
    )
    Path("other.spine").write_text(TWICE)
    assert lint("twice.spine", "other.spine", "--format", "json").codes == []
    ran = lint("twice.spine", "other.spine", "--format", "json", "--select", "SP102")
    assert [d["location"]["file"] for d in json.loads(ran.out)["diagnostics"]] == ["other.spine"]


def test_a_mistake_in_the_configuration_is_shown_once(lint):
    configure("[tool.spinec.lint.rules]\nSP102 = 'of'")
    ran = lint(".")
    assert (ran.code, ran.err.count("pyproject.toml:2:1")) == (1, 1)
    assert "help: did you mean “off”?" in ran.err


def test_what_ships_is_linted_as_the_project_here_says(lint):
    configure("[tool.spinec.lint]\nruntime = 'ort-cuda'\nopset = 19")
    assert lint("std:spinenet49", "--format", "json").codes == ["SP107"]


def test_weights_are_of_one_network(lint):
    assert lint("fine.spine", "twice.spine", "--weights", "w.safetensors").code == 2
    assert lint("fine.spine", "--weights", "w.safetensors", "--format", "json").codes == ["SP051"]


@pytest.mark.parametrize("other", ["fine.spine", "syntax.spine"])
def test_nothing_is_mended_where_the_command_line_is_wrong(lint, other):
    Path("syntax.spine").write_text(FINE.replace("3 x 64 x 64", "3 × 64 × 64"))
    assert lint("unused.spine", other, "--weights", "w.safetensors", "--fix").code == 2
    assert Path("unused.spine").read_text() == UNUSED


def test_what_else_there_is_to_say_is_said_without_weights(lint):
    ran = lint("twice.spine", "--weights", "none.safetensors", "--format", "json")
    assert sorted(ran.codes) == ["SP051", "SP102"]
    assert [each["errors"] for each in json.loads(ran.out)["networks"]] == [1]


def test_a_broken_configuration_stops_only_what_it_is_for(lint):
    Path("a").mkdir()
    for name in ("a/one.spine", "a/two.spine"):
        Path(name).write_text(TWICE)
    configure("[tool.spinec.lint.rules]\nSP102 = 'of'", "a")
    ran = lint(".", "--format", "json", "--select", "SP102")
    places = [d["location"]["file"] for d in json.loads(ran.out)["diagnostics"]]
    assert sorted(places) == ["a/pyproject.toml", "broken.spine", "twice.spine"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("SP107", "SP107 needs `runtime` in the pyproject.toml\n"),
        ("conventions-unlike-weights", "SP108 needs `weights` in the pyproject.toml, or --weights\n"),
    ],
)
def test_a_rule_that_can_look_at_nothing_is_not_selected(lint, rule, message):
    ran = lint("fine.spine", "--select", rule)
    assert ran.code == 2 and ran.err.endswith(message)
    configure("[tool.spinec.lint]\nruntime = 'ort-cuda'\nweights = { other = 'w.safetensors' }")
    assert lint("fine.spine", "--select", rule).code == 0
    assert lint("fine.spine", "twice.spine", "--config", "pyproject.toml", "--select", rule).code == 0


def test_a_configuration_that_is_given_has_the_section(lint):
    configure("[project]\nname = 'x'")
    ran = lint("fine.spine", "--config", "pyproject.toml")
    assert ran.code == 1 and "error[SP032]: “pyproject.toml” has no [tool.spinec]" in ran.err
    assert lint("fine.spine").code == 0


# ---- fixing


def test_safe_fixes_are_made(lint):
    ran = lint("unused.spine", "--fix")
    assert (ran.code, ran.out) == (0, "ok  1 file\n")
    assert "fixed 1 in unused.spine" in ran.err
    assert Path("unused.spine").read_text() == FINE


def test_other_fixes_are_not(lint):
    assert lint("twice.spine", "--fix", "--format", "json").codes == ["SP102"]
    assert Path("twice.spine").read_text() == TWICE


def test_what_ships_is_never_written(lint):
    assert lint("std:spinenet49", "--fix", "--select", "SP100").code == 0
