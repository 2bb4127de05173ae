"""What every command has: how much is said, in what colour, and how far long work is."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Terminal

from spinedsl.cli import console, run
from spinedsl.cli import progress as progress_module
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import Diagnostic, Severity

ROOT = Path(__file__).parents[2]
SPINEC = str(Path(sys.executable).with_name("spinec"))
TINY = """import "std/resnet.spine"
network tiny {
  input 3 x 32 x 32
  width { 2: 8 }
  stem { conv 3x3 / 4 -> 8, norm, act  s0: residual @2 }
  b: residual @2 <- s0 => P2
}
"""
BAD = TINY.replace("b: residual", "b: residul")
RED = "\x1b[31m"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("tiny.spine").write_text(TINY)
    Path("bad.spine").write_text(BAD)
    return tmp_path


# ---- quiet and verbose

QUIET = {
    "check": (("check", "tiny.spine"), ""),
    "fmt": (("fmt", "tiny.spine"), ""),
    "fmt --check says what was asked": (("fmt", "--check", "bad.spine"), "would reformat bad.spine\n"),
    "compile": (("compile", "tiny.spine", "-o", "tiny.py"), ""),
    "compile to ONNX": (("compile", "tiny.spine", "-o", "tiny.onnx"), ""),
    "the result was asked for": (("show", "tiny.spine", "--stage", "syntax"), None),
    "so it was here": (("summary", "tiny.spine"), None),
}


@pytest.mark.parametrize(("arguments", "expected"), QUIET.values(), ids=QUIET)
@pytest.mark.parametrize("in_front", [True, False])
def test_quiet(arguments, expected, in_front, capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments)
    loud = capsys.readouterr()
    for output in Path().glob("tiny.[po]*"):
        output.unlink()
    Path("tiny.spine").write_text(TINY)
    run(["-q", *arguments] if in_front else [*arguments, "--quiet"])
    quiet = capsys.readouterr()
    if expected is None:
        assert quiet.out == loud.out
    else:
        assert quiet.out == expected and loud.out + loud.err != expected
    assert quiet.err == ""


def test_what_is_wrong_is_said_quietly_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "-q", "tiny.spine", "bad.spine"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "SP020" in err


@pytest.mark.parametrize(("severity", "shown"), [("error", True), ("warning", True), ("note", False)])
def test_quiet_leaves_out_notes(severity: str, shown: bool) -> None:
    stream = io.StringIO()
    console.settings.quiet = True
    try:
        Renderer(stream, colour=False).show([Diagnostic("SP036", "said", Severity(severity))])
    finally:
        console.reset()
    assert ("said" in stream.getvalue()) is shown


def test_verbose_tells_files_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", "tiny.spine", "-o", "tiny.py", "-v"]) == 0
    told = capsys.readouterr().err
    assert "reading tiny.spine\n" in told and "reading std:std/resnet.spine\n" in told
    for stage in ("syntax", "network", "expanded network", "program", "inlined program"):
        assert f"\n{stage}: " in told


def test_a_run_forgets_what_the_one_before_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run(["check", "-q", "tiny.spine"])
    run(["check", "tiny.spine"])
    assert "ok  tiny.spine" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["-q", "check", "-v"], ["check", "-qv"], ["-v", "check", "-q"]])
def test_quiet_and_verbose_exclude_each_other(arguments, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "tiny.spine"]) == 2
    assert "exclude each other" in capsys.readouterr().err


# ---- colours


@pytest.mark.parametrize(
    ("environment", "options", "terminal", "pipe"),
    [
        ({}, (), True, False),
        ({"NO_COLOR": "1"}, (), False, False),
        ({"NO_COLOR": ""}, (), True, False),
        ({"TERM": "dumb"}, (), False, False),
        ({"FORCE_COLOR": "1"}, (), True, True),
        ({"FORCE_COLOR": "0"}, (), True, False),
        ({"CLICOLOR_FORCE": "1"}, (), True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, (), False, False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True, True),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, ("--color=auto",), True, True),
    ],
)  # fmt: skip
def test_colours(environment, options, terminal, pipe, here: Path) -> None:
    whole = {**os.environ, "TERM": "xterm", **environment}
    command = [SPINEC, "check", "bad.spine", *options]
    with Terminal(command, here, whole) as seen:
        assert (RED in seen.rest()) is terminal
    piped = subprocess.run(command, env=whole, capture_output=True, text=True, check=False)
    assert piped.returncode == 1
    assert (RED in piped.stderr) is pipe


# ---- progress


def test_many_files_have_a_bar_which_is_wiped(here: Path) -> None:
    for number in range(8):
        Path(f"net{number:02}.spine").write_text(TINY)
    shown = steps("from spinedsl.cli import progress as p, run; p.PATIENCE = 0; run(['check', '.'])", here)
    assert "checking  [" in shown and "9/10" in shown
    bar, _, behind = shown.rpartition("\x1b[K\x1b[?25h")
    assert "ok  net00.spine" in behind and "checking" not in behind and "ok  " not in bar
    assert all(len(line) <= 100 for line in bar.split("\r"))


STEPS = "import time; from spinedsl.cli import console; from spinedsl.cli.progress import progress\n"


def steps(code: str, here: Path, **environment: str) -> str:
    with Terminal(
        [sys.executable, "-c", STEPS + code], here, {**os.environ, "TERM": "xterm", **environment}
    ) as it:
        return it.rest()


LOOP = """
with progress("counting", patience={patience}) as tell:
    for number in range(3):
        tell(number, 3, "step " + str(number)); time.sleep({pause})
        console.say("line " + str(number))
"""


def test_a_bar_shows_what_comes_next_and_gives_way_to_lines(here: Path) -> None:
    shown = steps(LOOP.format(patience=0, pause=0), here)
    assert "0/3  step 0" in shown and "2/3  step 2" in shown
    for number in range(3):
        assert f"\x1b[Kline {number}\r\n" in shown.replace("\x1b[?25h", "")


@pytest.mark.parametrize(
    ("patience", "environment"), [(60, {}), (0, {"TERM": "dumb"})], ids=["soon done", "a dumb terminal"]
)
def test_no_bar(patience: int, environment: dict[str, str], here: Path) -> None:
    assert steps(LOOP.format(patience=patience, pause=0), here, **environment) == "".join(
        f"line {number}\r\n" for number in range(3)
    )


def test_a_bar_goes_when_the_work_fails(here: Path) -> None:
    code = 'with progress("counting", patience=0) as tell:\n    tell(0, 2)\n    raise SystemExit("failed")'
    assert steps(code, here).endswith("\x1b[K\x1b[?25hfailed\r\n")


def test_plain_lines_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.0)
    with progress("checking") as tell:
        tell(1, 2_000, "a\x1b.spine")
        tell(1_500, 2_000)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "checking: 1 of 2,000, a\N{REPLACEMENT CHARACTER}.spine\nchecking: 1,500 of 2,000\n"


def test_no_lines_of_what_is_soon_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("checking", patience=0) as tell:
        tell(1, 2)
    assert capsys.readouterr() == ("", "")


def test_nothing_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.0)
    console.settings.quiet = True
    try:
        with progress("checking") as tell:
            tell(1, 2)
    finally:
        console.reset()
    assert capsys.readouterr() == ("", "")
