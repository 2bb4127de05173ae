"""`-O`, `--runtime`, `--why` and `--validate` on the command line."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from spinedsl.analysis import validation
from spinedsl.cli import run

TEXT = """import "std/resnet.spine"
network tiny {
  input 3 x 64 x 64
  width { 2..4: 64 }
  stem { conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2  s0: residual @2 }
  b1: residual @4 <- s0
  b2: residual @2 <- s0, b1 => P2
  b3: residual @3 <- b1 => P3
}
"""

ORT = ("--runtime", "ort-cpu")


@pytest.fixture
def spine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tiny.spine").write_text(TEXT)
    monkeypatch.chdir(tmp_path)

    def call(capsys, *arguments: str) -> tuple[int, str, str]:
        status = run([*arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_the_graph_is_shown_as_it_is_rewritten(spine, capsys):
    _, written, _ = spine(capsys, "show", "tiny.spine", "--stage", "graph")
    status, rewritten, _ = spine(capsys, "show", "tiny.spine", "--stage", "graph", "-O1", *ORT)
    assert status == 0
    assert "upsample1: 32 x 16 x 16" in written
    assert "upsample1: 64 x 16 x 16" in rewritten


def test_why_says_what_was_done_and_what_was_not(spine, capsys):
    show = ("show", "tiny.spine", "--stage", "graph", "--why")
    status, out, _ = spine(capsys, *show, "-O2", *ORT)
    assert status == 0
    assert "+ late upsampling  cross_scale.3.upsample1: behind norm2: 13.4 µs became 7.1 µs\n" in out
    _, out, _ = spine(capsys, *show, "-O1", "--set", "act=swish")
    assert "- in place  cross_scale.3.act1: the derivative of swish needs its input\n" in out


def test_a_summary_counts_what_is_rewritten(spine, capsys):
    _, written, _ = spine(capsys, "summary", "tiny.spine")
    _, rewritten, _ = spine(capsys, "summary", "tiny.spine", "-O1", *ORT)
    assert written != rewritten
    assert [line.split()[0] for line in written.splitlines() if line] == [
        line.split()[0] for line in rewritten.splitlines() if line
    ]


@pytest.mark.parametrize("file", ["tiny.py", "tiny.onnx"])
def test_a_file_says_that_it_was_rewritten_and_validated(spine, capsys, file):
    status, out, _ = spine(capsys, "compile", "tiny.spine", "-o", file, "-O1", *ORT, "--validate")
    assert status == 0
    assert out.splitlines()[-1] == "validated: P2, P3 are exactly what was written, at 16 x 16"
    if file.endswith(".py"):
        assert "# Rewritten with -O1 for ort-cpu." in Path(file).read_text().splitlines()
    else:
        found = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
        assert found["spinec.rewritten"] == "-O1 for ort-cpu"


def test_a_rewritten_onnx_model_is_compared_with_the_written_module(spine, capsys):
    pytest.importorskip("torch", reason="runs the module")
    status, out, _ = spine(capsys, "verify", "tiny.spine", "-O2", "--size", "64")
    assert status == 0
    assert "torch and ONNX agree" in out


def test_a_wrong_rewrite_writes_nothing(spine, capsys, monkeypatch):
    def wrong(program, inlined, right=validation.at_random):
        found = right(program, inlined)
        places = [node.name for node in inlined.nodes]
        if places.index("b1_to_b2.upsample1") > places.index("b1_to_b2.conv2"):
            found["P2"][0, 0, 0] += 1
        return found

    monkeypatch.setattr(validation, "at_random", wrong)
    status, _, err = spine(capsys, "compile", "tiny.spine", "-O1", *ORT, "--validate")
    assert status == 70
    assert "P2 of “tiny” is not what was written" in err
    assert not Path("tiny.py").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "tiny.spine", "-O1"], "only with --stage graph"),
        (["show", "tiny.spine", "--stage", "graph", "--why"], "--why: only with -O1 or -O2"),
        (["compile", "tiny.spine", "--validate"], "--validate: only with -O1 or -O2"),
        (["summary", "tiny.spine", "-O3"], "3 is not in the range"),
    ],
)
def test_options_that_say_nothing_are_refused(spine, capsys, arguments, message):
    status, _, err = spine(capsys, *arguments)
    assert status == 2
    assert message in err


@pytest.mark.parametrize("command", [("compile", "-o", "tiny.onnx"), ("verify",)])
def test_no_onnx_file_is_for_torch(spine, capsys, command):
    status, _, err = spine(capsys, command[0], "tiny.spine", *command[1:], "-O1", "--runtime", "torch")
    assert status == 1
    assert "“torch” runs modules, and no ONNX files" in err
    assert not Path("tiny.onnx").exists()


def test_from_python(spine, tmp_path):
    import spinedsl

    spinedsl.compile("tiny.spine", output="a.py", level=1)
    assert "# Rewritten with -O1 for torch." in Path("a.py").read_text()
    spinedsl.compile("tiny.spine", output="a.onnx", level=2)
    found = {entry.key: entry.value for entry in onnx.load("a.onnx").metadata_props}
    assert found["spinec.rewritten"] == "-O2 for ort-cpu"
    with pytest.raises(spinedsl.DiagnosticError) as caught:
        spinedsl.compile("tiny.spine", output="b.onnx", level=2, runtime="ort")
    assert "no runtime “ort”" in caught.value.diagnostics[0].message
    assert not Path("b.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "net.onnx"], "--checkpoint: only for --target torch"),
        (["-O2"], "--checkpoint: is for training, and -O2 isn't"),
    ],
)
def test_checkpoints_are_for_training_in_torch(spine, capsys, arguments, message):
    status, _, err = spine(capsys, "compile", "tiny.spine", "--checkpoint", *arguments)
    assert status == 2
    assert message in err
