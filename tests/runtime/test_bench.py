"""`spinec bench` without a pipeline: what takes part, what is said of it, and what isn't there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="runs modules")

import torch

from spinedsl.benchmark import Bench, Wanted
from spinedsl.cli import run
from spinedsl.diagnostics import fail
from spinedsl.runtime.bench import graphs, modules, report
from spinedsl.runtime.bench.comparison import Contender, Measured, Row, Section, measure
from spinedsl.runtime.bench.timing import Timed
from spinedsl.specification import open_spec

TEXT = """import "std/resnet.spine"
network tiny {
  title "Tiny"
  input 3 x 64 x 64
  width { 2..3: 8 }
  resample cross_scale
  stem { conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2  s0: residual @2 }
  b1: residual @3 <- s0 => P3
  b2: residual @2 <- s0, b1 => P2
}
"""


@pytest.fixture
def spine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.spine"
    path.write_text(TEXT)
    return path


def bench(capsys, *arguments: str) -> tuple[int, str, str]:
    status = run(["bench", "tiny.spine", "--repeats", "1", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_network_is_compared_wherever_it_can_run(spine, capsys):
    status, out, err = bench(capsys, "--json", "--chart", "tiny.png")
    assert status == 0
    found = json.loads(out)
    assert found["network"] == "Tiny" and found["versions"]["torch"] == torch.__version__.partition("+")[0]
    sections = {each["title"]: each for each in found["sections"]}
    inference = sections["PyTorch, one image of 64 x 64"]["rows"]
    assert [row["contender"] for row in inference] == ["spinec -O0", "spinec -O1", "spinec -O2"]
    assert all(row["median"] > 0 and row["peak_bytes"] > 0 for row in inference)
    training = sections["PyTorch, a step of training with 2 images of 64 x 64"]["rows"]
    assert training[2]["peak_bytes"] < training[1]["peak_bytes"]
    if not torch.cuda.is_available():
        missing = sections["CUDA, fp16, channels last, one image of 64 x 64"]
        assert missing["rows"] == [] and missing["missing"] == "torch has no CUDA device here"
    assert Path("tiny.png").read_bytes().startswith(b"\x89PNG")
    assert "wrote tiny.png" in err


@pytest.mark.parametrize(("runtime", "library"), [("ONNX Runtime", "onnxruntime"), ("OpenVINO", "openvino")])
def test_files_are_compared_with_what_an_exporter_makes(spine, capsys, runtime, library):
    for name in (library, "onnxslim", "onnxscript"):
        pytest.importorskip(name, reason="takes part")
    status, out, _ = bench(capsys, "--json", "--device", "cpu")
    assert status == 0
    (section,) = (s for s in json.loads(out)["sections"] if s["title"].startswith(runtime + ","))
    exported, written, rewritten = section["rows"]
    assert exported["contender"] == "torch.onnx.export + onnxslim, spinec -O0"
    assert exported["faster"] == 1.0
    assert rewritten["nodes"] <= exported["nodes"] < written["nodes"]
    for kind in ("BatchNormalization", "Reshape"):
        assert kind not in rewritten["left"]


def test_several_sizes(spine, capsys):
    status, out, _ = bench(capsys, "--size", "64,32x96", "--device", "cpu")
    assert status == 0
    assert "PyTorch, one image of 64 x 64" in out and "PyTorch, one image of 32 x 96" in out
    assert re.search(r"spinec -O2 +[\d.]+ ms +[\d.]+–[\d.]+ +\d\.\d\d +\d+ MiB", out)


def test_markdown(spine, capsys):
    status, out, _ = bench(capsys, "--markdown", "--device", "cuda")
    assert status == 0
    if not torch.cuda.is_available():
        assert "Not measured: torch has no CUDA device here." in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tiny.spine", "--size", "30"], 1, "doesn't divide"),
        (["tiny.spine", "--threads", "2"], 2, "--threads: only with --pipeline"),
        (["tiny.spine", "--json", "--markdown"], 2, "exclude each other"),
        (["std:bifpn"], 1, "reads features, and there is nobody who makes any"),
        (["std:spinenet49_retinanet"], 1, "name its backbone, “spinenet49”, or add `--pipeline`"),
        (["std:spinenet49_retinanet", "--pipeline", "detection", "--compiled"], 2, "not with --pipeline"),
    ],
)
def test_what_can_not_be_compared(spine, capsys, arguments, code, message):
    assert run(["bench", *arguments]) == code
    assert message in capsys.readouterr().err


def test_compiled_modules_take_part(spine, tmp_path):
    compilation = open_spec(str(spine))
    wanted = Wanted((64, 64), compiled=True)
    titles = {s.title: list(s.makers) for s in Bench(compilation, wanted, tmp_path).sections()}
    assert titles["PyTorch compiled, one image of 64 x 64"] == [
        "spinec -O0, torch.compile",
        "spinec -O2, torch.compile",
    ]


def test_other_modules_come_first_in_every_section(spine, tmp_path):
    compilation = open_spec(str(spine))
    others = {"mine": torch.nn.Identity}
    for device in ("cpu", "cuda"):
        for section in Bench(compilation, Wanted((64, 64), device=device), tmp_path, others).sections():
            assert "mine" in next(iter(section.makers))


def test_a_missing_tool_leaves_out_its_section_only():
    def absent() -> Contender:
        raise fail("SP052", "openvino is not installed")

    assert measure(Section("a", {"b": absent}, 1)) == Measured("a", missing="openvino is not installed")

    def broken() -> Contender:
        raise fail("SP042", "a bug")

    with pytest.raises(Exception, match="a bug"):
        measure(Section("a", {"b": broken}, 1))


def test_contenders_take_turns():
    order = []
    makers = {name: lambda name=name: Contender(lambda: order.append(name)) for name in "ab"}
    found = measure(Section("title", makers, 3))
    assert "".join(order) == "ab" * 5  # two rounds warm up
    assert [row.name for row in found.rows] == ["a", "b"]


def test_the_peak_is_what_a_run_holds_at_once():
    """Three values of 4 MiB, of which two are held at once."""
    given = torch.zeros(1 << 20)
    peak = modules.peak_of(lambda: (given + 1).mul(2).sum(), given)()
    assert 8 << 20 <= peak < 9 << 20


def test_columns_that_say_nothing_are_left_out():
    rows = (
        Row("a", Timed(0.002, 0.001, 0.003), None, 7, {"Conv": 2, "Add": 3}),
        Row("b", Timed(0.001, 0.001, 0.001), None, 5, {}),
    )
    text = report.markdown(Measured("Title", rows))
    assert "peak memory" not in text
    assert "| a | 2.0 ms | 1.0–3.0 | 1.00 | 7 | 3 Add, 2 Conv |" in text
    assert "| b | 1.0 ms | 1.0–1.0 | 2.00 | 5 |  |" in text


def test_what_torch_exports_is_slim(tmp_path):
    for name in ("onnxslim", "onnxscript"):
        pytest.importorskip(name, reason="takes part")
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.ReLU())
    given = torch.zeros(1, 3, 8, 8)
    path = graphs.exported(layers, given, tmp_path / "a.onnx")
    assert graphs.in_onnxruntime(path, given.numpy()).operators == 2
