"""The command line: exit codes, what goes where, JSON, stages, and what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import SPECS

import spinedsl.cli
from spinedsl.cli import COMMANDS, run
from spinedsl.specification import standard_networks

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"

TINY = """import "std/resnet.spine"

# Small enough to read.
network tiny {
  title "Tiny-Net"
  input 3 x 32 x 32
  width { 2: 8, 3: 8 }
  scale width 0.5
  stem { conv 3x3 / 4 -> 8, norm, act  s0: residual @2 }
  b1: residual @3 repeat 2 <- s0
  b2: residual @2 <- s0, b1 => P2
  b3: residual @2 <- s0
  endpoints -> 4
}
"""

DETECTOR = (
    TINY
    + """
# A level at a time.
head small(classes) -> detection(classes, size = 3, octaves = 1) {
  each level { tower, conv(bias = true) 3x3 -> classes * anchors => scores  tower, conv 1x1 -> 4 * anchors => boxes }
}
part tower { conv 3x3, norm(per_level = true), act }

# Two parts.
model detector {
  title "Detector"
  backbone tiny
  head small(classes = 2)
  pixels unit
  drop_path 0.1
  expect params = 4K within 50%
}
"""
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(name="spinec")
def _spinec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """The command line, run in a folder with `tiny.spine`, `good.spine` and `bad.spine`."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.spine").write_text(TINY)
    Path("detector.spine").write_text(DETECTOR)
    Path("good.spine").write_text(TINY.replace("b3: residual @2 <- s0\n", "").replace("tiny", "good"))
    Path("bad.spine").write_text(TINY.replace("<- s0, b1", "<- s0, b7").replace("@3 repeat", "@4 repeat"))

    def spinec(*arguments: str) -> Ran:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return spinec


# ---- exit codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "good.spine"], 0),
        (["check", "tiny.spine"], 0),
        (["check", "bad.spine"], 1),
        (["check", "none.spine"], 1),
        (["check", "good.spine", "bad.spine"], 1),
        (["show", "bad.spine"], 1),
        (["show", "bad.spine", "--stage", "syntax"], 0),
        (["show", "bad.spine", "--stage", "ir"], 1),
        (["summary", "good.spine"], 0),
        (["summary", "bad.spine"], 1),
        (["schema"], 0),
        (["schema", "--model"], 0),
        (["list"], 0),
        (["--help"], 0),
        (["--version"], 0),
        ([], 2),
        (["check"], 2),
        (["chekc", "good.spine"], 2),
        (["show", "good.spine", "--stage", "never"], 2),
        (["show", "good.spine", "--set", "repeat"], 2),
        (["show", "good.spine", "--set", "=2"], 2),
        (["show", "good.spine", "--root", "nowhere"], 2),
        (["summary", "good.spine", "bad.spine"], 2),
        (["check", "good.spine", "--format", "xml"], 2),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_exit_code(spinec: Callable[..., Ran], arguments: list[str], code: int) -> None:
    ran = spinec(*arguments)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    if code == 2:
        assert "Usage: spinec" in ran.err + ran.out


def test_a_bug_is_owned_up_to(spinec: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("spinedsl.checking.check.open_all", broken)
    ran = spinec("check", "good.spine")
    assert ran.code == spinedsl.cli.EXIT_BUG == 70
    assert "RuntimeError: the sky fell" in ran.err
    assert "This is a bug in spinec" in ran.err
    assert "not in your spec" in ran.err


def test_a_command_that_is_misspelled_is_guessed(spinec: Callable[..., Ran]) -> None:
    assert "did you mean “check”?" in spinec("chekc", "good.spine").err


def test_every_command_has_help(spinec: Callable[..., Ran]) -> None:
    overview = spinec("--help").out
    for name in COMMANDS:
        assert name in overview
        ran = spinec(name, "--help")
        assert ran.code == 0
        assert f"Usage: spinec {name}" in ran.out


# ---- check


def test_check_says_what_it_proved(spinec: Callable[..., Ran]) -> None:
    ran = spinec("check", "std:spinenet49", "good.spine")
    assert ran.out.splitlines()[-1] == "ok  good.spine:good"
    assert "spinenet49, " in ran.out and "expectations hold" in ran.out
    assert ran.err == ""


def test_check_looks_at_every_file_and_network(spinec: Callable[..., Ran]) -> None:
    Path("more.spine").write_text(
        TINY + "network other extends tiny { repeat 0 }\nnetwork third extends tiny { stack 0 }"
    )
    ran = spinec("check", "bad.spine", "none.spine", "more.spine", "good.spine")
    assert ran.code == 1
    assert ran.out.splitlines() == ["ok  more.spine:tiny", "ok  good.spine:good"]
    for expected in (
        "unknown block “b7”",
        "level 4, which has no width",
        "can't read “none.spine”",
        "a repeat count",
        "a stack",
    ):
        assert expected in ran.err
    assert ran.err.rstrip().endswith("5 errors")


def test_check_of_one_network(spinec: Callable[..., Ran]) -> None:
    Path("more.spine").write_text(TINY + "network other extends tiny { repeat 0 }")
    assert spinec("check", "more.spine:tiny").code == 0
    assert spinec("check", "more.spine:other").code == 1


def test_check_of_definitions_alone(spinec: Callable[..., Ran]) -> None:
    Path("kinds.spine").write_text("block k(width) -> width { conv 3x3 -> width }")
    assert spinec("check", "kinds.spine") == Ran(0, "ok  kinds.spine, 1 definition\n", "")
    Path("kinds.spine").write_text("part a { b }\npart b { a }\npart c { nrom }")
    ran = spinec("check", "kinds.spine")
    assert ran.code == 1
    assert "“a” uses itself in a circle" in ran.err
    assert "did you mean “norm”?" in ran.err


def test_warnings_do_not_fail(spinec: Callable[..., Ran]) -> None:
    ran = spinec("check", "tiny.spine")
    assert ran.code == 0
    assert "warning[SP043]: no endpoint needs “b3”: not built" in ran.err or ran.err == ""


PLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file", "line", "column", "end_line", "end_column", "label"],
    "properties": {
        "file": {"type": "string"},
        "line": {"type": "integer", "minimum": 1},
        "column": {"type": "integer", "minimum": 1},
        "end_line": {"type": "integer", "minimum": 1},
        "end_column": {"type": "integer", "minimum": 1},
        "label": {"type": "string"},
    },
}
FIX = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "safe", "edits"],
    "properties": {
        "title": {"type": "string"},
        "safe": {"type": "boolean"},
        "edits": {"type": "array", "minItems": 1},
    },
}
REPORT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["networks", "errors", "diagnostics"],
    "properties": {
        "errors": {"type": "integer"},
        "networks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["file", "name", "expectations", "errors"],
                "properties": {
                    "file": {"type": "string"},
                    "name": {"type": "string"},
                    "expectations": {"type": "integer"},
                    "errors": {"type": "integer"},
                },
            },
        },
        "diagnostics": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["code", "severity", "message", "location", "related", "help", "fix"],
                "properties": {
                    "code": {"type": "string", "pattern": "^SP[0-9]{3}$"},
                    "severity": {"enum": ["error", "warning", "note"]},
                    "message": {"type": "string"},
                    "location": {"anyOf": [PLACE, {"type": "null"}]},
                    "related": {"type": "array", "items": PLACE},
                    "help": {"type": ["string", "null"]},
                    "fix": {"anyOf": [FIX, {"type": "null"}]},
                },
            },
        },
    },
}


def test_check_as_json(spinec: Callable[..., Ran]) -> None:
    ran = spinec("check", "good.spine", "bad.spine", "none.spine", "--format", "json")
    assert (ran.code, ran.err) == (1, "")
    report = ran.document
    jsonschema.validate(report, REPORT)
    assert [(n["file"], n["name"], n["errors"]) for n in report["networks"]] == [
        ("good.spine", "good", 0),
        ("bad.spine", "tiny", 2),
    ]
    assert report["errors"] == 3
    level, unknown, missing = report["diagnostics"]
    assert [d["code"] for d in (level, unknown, missing)] == ["SP034", "SP020", "SP001"]
    lines = Path("bad.spine").read_text().splitlines()
    place = unknown["location"]
    assert lines[place["line"] - 1][place["column"] - 1 : place["end_column"] - 1] == "b7"
    assert spinec("check", "good.spine", "--format", "json").document["diagnostics"] == []


def test_json_says_anything(spinec: Callable[..., Ran]) -> None:
    Path("ünïcode – “x”.spine").write_text("network ü {}")
    ran = spinec("check", "ünïcode – “x”.spine", "--format", "json")
    assert ran.document["diagnostics"][0]["location"]["file"] == "ünïcode – “x”.spine"


# ---- show


@pytest.mark.parametrize("stage", ["syntax", "ir", "expanded", "graph"])
@pytest.mark.parametrize("name", ["tiny", "detector"])
def test_show_every_stage(
    spinec: Callable[..., Ran], name: str, stage: str, golden: Callable[[str, Path], None]
) -> None:
    ran = spinec("show", f"{name}.spine", "--stage", stage)
    assert (ran.code, ran.err) == (0, "")
    golden(ran.out, GOLDEN / f"{name}.{stage}.txt")


@pytest.mark.parametrize("name", ["tiny", "detector"])
def test_what_show_prints_can_be_read_again(spinec: Callable[..., Ran], name: str) -> None:
    text = spinec("show", f"{name}.spine", "--stage", "ir").out
    Path("again.spine").write_text(text)
    assert spinec("show", f"again.spine:{name}", "--stage", "ir").out == text
    text = spinec("show", f"{name}.spine", "--stage", "syntax").out
    needs = 'import "std/resnet.spine"\n' if name == "tiny" else DETECTOR.partition("# Two parts.")[0]
    Path("again.spine").write_text(needs + text)
    assert spinec("show", f"again.spine:{name}", "--stage", "syntax").out == text


def test_show_ir_as_json_follows_the_schema(spinec: Callable[..., Ran]) -> None:
    document = spinec("show", "tiny.spine", "--stage", "ir", "--json").document
    jsonschema.validate(document, spinec("schema").document)
    assert document["name"] == "tiny"


def test_show_ir_of_a_model_follows_the_schema_of_models(spinec: Callable[..., Ran]) -> None:
    document = spinec("show", "std:spinenet49_retinanet", "--stage", "ir", "--json").document
    schema = spinec("schema", "--model").document
    jsonschema.validate(document, schema)
    assert schema["title"] == "spinec model IR"
    assert (document["name"], document["backbone"]["name"]) == ("spinenet49_retinanet", "spinenet49")
    assert not jsonschema.Draft202012Validator(spinec("schema").document).is_valid(document)


def test_show_the_expanded_form_by_default(spinec: Callable[..., Ran]) -> None:
    assert spinec("show", "tiny.spine").out == spinec("show", "tiny.spine", "--stage", "expanded").out


# ---- which network


def test_specs_by_name_and_by_path(spinec: Callable[..., Ran]) -> None:
    file = next(n.file for n in standard_networks() if n.name == "spinenet96")
    by_name = spinec("show", "std:spinenet96", "--stage", "syntax")
    assert "network spinenet96 extends " in by_name.out
    assert spinec("show", f"{SPECS / file}:spinenet96", "--stage", "syntax") == by_name


def test_set(spinec: Callable[..., Ran]) -> None:
    def summary(*settings: str) -> Any:
        pairs = [word for setting in settings for word in ("--set", setting)]
        return spinec("summary", "tiny.spine", "--json", *pairs).document

    plain = summary()
    assert summary("repeat=2")["totals"]["parameters"] > plain["totals"]["parameters"]
    assert summary("input=3 x 64 x 64")["totals"]["macs"] == 4 * plain["totals"]["macs"]
    assert summary("scale.width=1") == summary("scale width=1") == summary("scale_width=1")
    assert summary("repeat=2", "repeat=1") == plain
    assert summary("repeat = 1") == plain


def test_two_defaults_are_both_set(spinec: Callable[..., Ran]) -> None:
    shown = spinec("show", "tiny.spine", "--stage", "ir", "--set", "default=residual(dilation = 2)",
                   "--set", "default=endpoint(activate = false)").out  # fmt: skip
    assert "default residual(dilation = 2)" in shown
    assert "default endpoint(activate = false)" in shown


def test_set_errors_point_into_what_was_typed(spinec: Callable[..., Ran]) -> None:
    ran = spinec("show", "tiny.spine", "--set", "resample=cross_scal(alpha = 1)")
    assert ran.code == 1
    assert "--> --set resample=cross_scal(alpha = 1)" in ran.err
    excerpt, carets = ran.err.splitlines()[3:5]
    start = carets.index("^")
    assert excerpt[start : start + carets.count("^")] == "cross_scal"


def test_roots(spinec: Callable[..., Ran]) -> None:
    Path("outside").mkdir()
    Path("outside/kinds.spine").write_text("block k(width) -> width { conv 3x3 -> width }")
    Path("inside").mkdir()
    Path("inside/n.spine").write_text(
        'import "../outside/kinds.spine"\n' + TINY.replace("b1: residual", "b1: k")
    )
    ran = spinec("check", "inside/n.spine")
    assert ran.code == 1
    assert "leads out of the allowed folders" in ran.err
    assert "--root" in ran.err
    assert spinec("check", "inside/n.spine", "--root", "outside").code == 0
    assert spinec("show", "inside/n.spine", "--root", "outside").code == 0


# ---- summary and list


@pytest.mark.parametrize("name", ["tiny", "detector"])
def test_summary_table(spinec: Callable[..., Ran], name: str, golden: Callable[[str, Path], None]) -> None:
    golden(spinec("summary", f"{name}.spine").out, GOLDEN / f"{name}.summary.txt")


def test_summary_json_adds_up(spinec: Callable[..., Ran]) -> None:
    document = spinec("summary", "std:spinenet49", "--json").document
    assert document["totals"]["parameters"] == 21_831_488
    for total in ("parameters", "macs", "activation_bytes"):
        assert document["totals"][total] == sum(row[total] for row in document["rows"])
    assert document["input_shapes"] == {"image": [3, 640, 640]}
    assert {"name", "kind", "level", "inputs", "shape", "endpoint"} <= set(document["rows"][0])


def test_list(spinec: Callable[..., Ran]) -> None:
    document = spinec("list", "--json").document
    names = [network["name"] for network in document]
    kinds = {network["name"]: network["kind"] for network in document}
    assert (kinds["spinenet49"], kinds["spinenet49_retinanet"]) == ("network", "model")
    assert len(set(names)) == len(names)
    text = spinec("list").out
    for name in names:
        assert f"std:{name} " in text
    assert all((SPECS / network["file"]).is_file() for network in document)


# ---- the process


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("environment", {})}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False, **options
    )


HEAVY = ("torch", "onnx", "onnx_ir", "onnxruntime", "numpy", "safetensors", "jinja2")
OF_MODELS = (
    "spinedsl.ir.models",
    "spinedsl.passes.lower_model",
    "spinedsl.graph.assembly",
    "spinedsl.graph.tasks",
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "std:spinenet49"],
        ["show", "std:spinenet49", "--stage", "graph"],
        ["summary", "std:spinenet49"],
        ["schema"],
        ["list"],
        ["--help"],
    ],
    ids=lambda a: a[0],
)
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    # Nor what only models need: networks start sooner.
    assert imported(arguments, (*HEAVY, *OF_MODELS)) == "[] 0"


def test_models_are_checked_without_runtimes() -> None:
    assert imported(["check", "std:spinenet49_mask_rcnn"], HEAVY) == "[] 0"


def imported(arguments: list[str], modules: tuple[str, ...]) -> str:
    """Which of the modules a command line imports, and its exit code."""
    code = (
        "import sys\n"
        "from spinedsl.cli import run\n"
        f"code = run({arguments!r})\n"
        f"print(sorted(set({modules!r}) & set(sys.modules)), code, file=sys.stderr)"
    )
    return process("-c", code).stderr.splitlines()[-1]


def test_the_front_door(tmp_path: Path) -> None:
    (tmp_path / "tiny.spine").write_text(TINY)
    ran = process(str(ROOT / "cli.py"), "check", "tiny.spine", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "ok  tiny.spine:tiny\n")
    assert process(str(ROOT / "cli.py"), "check", "none.spine", cwd=tmp_path).returncode == 1
    assert process(str(ROOT / "cli.py"), "chekc", cwd=tmp_path).returncode == 2


def test_a_reader_that_goes_away_is_no_failure() -> None:
    command = f"{sys.executable} {ROOT / 'cli.py'} show std:spinenet49 --stage graph | head -1"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert ran.stdout.startswith("function ")
    assert ran.returncode in (0, 141)


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)]
)
def test_colour_only_for_people(tmp_path: Path, variables: dict[str, str], coloured: bool) -> None:
    """`script` gives the command a terminal; NO_COLOR (no-color.org) counts unless it is empty."""
    import pty

    read, write = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "check", "none.spine"],
        stderr=write, stdout=subprocess.DEVNULL, cwd=tmp_path, check=False, env={**environment, **variables},
    )  # fmt: skip
    os.close(write)
    text = os.read(read, 10_000).decode()
    os.close(read)
    assert "SP001" in text
    assert ("\x1b[" in text) is coloured


def test_no_colour_into_a_file(tmp_path: Path) -> None:
    ran = process(str(ROOT / "cli.py"), "check", "none.spine", cwd=tmp_path)
    assert "\x1b" not in ran.stderr


def test_output_does_not_depend_on_the_locale(tmp_path: Path) -> None:
    (tmp_path / "bad.spine").write_text("network é {}")
    ran = process(
        str(ROOT / "cli.py"),
        "check",
        "bad.spine",
        cwd=tmp_path,
        environment={"LC_ALL": "C", "PYTHONUTF8": "0"},
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
