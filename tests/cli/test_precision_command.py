"""`spinec compile --precision`: options that go together, files, tables, warnings, progress."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import network_text

import spinedsl
from spinedsl.cli import precision_options, run

SPEC = network_text("b1: residual @3 <- s0  b2: residual @2 <- s0, b1 => P2", declarations="endpoints -> 8")


@pytest.fixture(name="spinec")
def _spinec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`spinec compile tiny.spine …` in a folder with that file and two images: exit code, out, err."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.spine").write_text(SPEC)
    folder = Path("images")
    folder.mkdir()
    for number in range(2):
        np.save(
            folder / f"{number}.npy",
            np.random.default_rng(number).integers(0, 256, (40, 50, 3)).astype(np.uint8),
        )

    def compile_(*arguments: str) -> tuple[int, str, str]:
        code = run(["compile", "tiny.spine", *arguments])
        return code, *capsys.readouterr()

    return compile_


INT8 = ("-o", "tiny.onnx", "--precision", "int8", "--calibrate", "images")


def types() -> set[int]:
    return {tensor.data_type for tensor in onnx.load("tiny.onnx").graph.initializer}


def test_fp32_is_the_default_and_changes_nothing(spinec) -> None:
    assert spinec("-o", "a.onnx")[0] == spinec("-o", "b.onnx", "--precision", "fp32")[0] == 0
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()


def test_fp16(spinec) -> None:
    code, out, err = spinec("-o", "tiny.onnx", "--precision", "fp16")
    assert (code, err) == (0, "")
    assert out.startswith("wrote tiny.onnx")
    assert types() == {onnx.TensorProto.FLOAT16}
    code, out, _ = spinec(
        "-o", "tiny.onnx", "--precision", "fp16", "--keep", "stem, b1", "--keep", "b2.conv1,"
    )
    assert code == 0
    kept = {t.name for t in onnx.load("tiny.onnx").graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    assert {name.partition(".")[0] for name in kept} == {"stem", "b1", "b2"}


def test_int8_shows_the_worst_layers(spinec) -> None:
    code, out, err = spinec(*INT8)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("wrote tiny.onnx")
    assert lines[2] == "int8 against fp32 on 2 images, signal to noise in dB (20: a tenth, 40: a hundredth):"
    assert lines[3].split() == ["output", "value"]
    assert lines[4].split()[0] == "P2"
    assert lines[5].split() == ["worst", "layers", "value", "weights"]
    rows = [line.split() for line in lines[6:]]
    assert len(rows) == precision_options.WORST
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    assert "nobody has trained" in err
    assert onnx.TensorProto.INT8 in types()


def test_int8_writes_a_report(spinec) -> None:
    code, out, _ = spinec(*INT8, "--report", "report.json")
    assert code == 0
    assert "wrote report.json" in out
    found = json.loads(Path("report.json").read_text())
    assert found["images"] == 2
    assert {"name", "output_db", "weights_db"} == set(found["layers"][0])
    assert "unchanged report.json" in spinec(*INT8, "--report", "report.json")[1]


def test_weights_that_are_given_are_not_warned_of(spinec) -> None:
    from safetensors.numpy import save_file

    from spinedsl.specification import open_spec
    from spinedsl.weights import random_weights

    save_file(dict(random_weights(open_spec("tiny.spine").inlined.parameters())), "w.safetensors")
    code, _, err = spinec(*INT8, "--weights", "w.safetensors")
    assert (code, err) == (0, "")


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
@pytest.mark.parametrize("placement", ["onnxruntime", "tensorrt"])
def test_methods_and_placements(method, placement, spinec) -> None:
    code, _, _ = spinec(*INT8, "--calibration-method", method, "--placement", placement)
    assert code == 0
    metadata = {p.key: p.value for p in onnx.load("tiny.onnx").metadata_props}
    found = json.loads(metadata["spinec.precision"])
    assert (found["method"], found["placement"]) == (method, placement)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "torch", "--precision", "fp16"], "--precision: only for --target onnx"),
        (["-o", "a.onnx", "--keep", "b1"], "--keep: only with --precision fp16 or int8"),
        (["-o", "a.onnx", "--precision", "fp32", "--calibrate", "images"], "--calibrate: only with --precision"),
        (["-o", "a.onnx", "--precision", "fp16", "--calibrate", "images"], "--calibrate: only with --precision int8"),
        (["-o", "a.onnx", "--precision", "fp16", "--report", "r.json", "--placement", "tensorrt"],
         "--placement, --report: only with --precision int8"),
        (["-o", "a.onnx", "--precision", "int4"], "'int4' is not one of"),
        ([*INT8, "--report", "./images/../tiny.onnx"], "--report and --output name the same file"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(arguments, message, spinec) -> None:
    code, out, err = spinec(*arguments)
    assert code == 2
    assert message in err
    assert not list(Path().glob("*.onnx")) and out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--precision", "int8"], "SP057", "int8 has to see images"),
        (["--precision", "int8", "--calibrate", "nowhere"], "SP057", "there is no folder “nowhere”"),
        ([*INT8[2:], "--keep", "b9"], "SP020", "nothing is called “b9”"),
        (["--precision", "fp16", "--keep", "conv1"], "SP020", "nothing is called “conv1”"),
    ],
)
def test_what_is_refused_leaves_no_file(arguments, code, message, spinec) -> None:
    exit_code, out, err = spinec("-o", "tiny.onnx", *arguments)
    assert exit_code == 1
    assert f"error[{code}]: {message}" in err
    assert "help: " in err
    assert not Path("tiny.onnx").exists() and out == ""


def test_numbers_beyond_the_range_leave_the_old_file(spinec) -> None:
    from safetensors.numpy import save_file

    from spinedsl.specification import open_spec
    from spinedsl.weights import random_weights

    spinec("-o", "tiny.onnx", "--precision", "fp16")
    before = Path("tiny.onnx").read_bytes()
    weights = dict(random_weights(open_spec("tiny.spine").inlined.parameters()))
    weights["b2.norm2.bias"][0] = 1e6
    save_file(weights, "w.safetensors")
    code, _, err = spinec("-o", "tiny.onnx", "--precision", "fp16", "--weights", "w.safetensors")
    assert code == 1
    assert "error[SP056]: “b2.conv2.bias” holds 1,0" in err
    assert Path("tiny.onnx").read_bytes() == before
    assert (
        spinec("-o", "tiny.onnx", "--precision", "fp16", "--weights", "w.safetensors", "--keep", "b2.conv2")[
            0
        ]
        == 0
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "fp8"}, "“fp8” is no precision"),
        ({"precision": "int8", "calibration_method": "max"}, "“max” is no calibration method"),
        ({"precision": "int8", "placement": "openvino"}, "“openvino” is no placement"),
        ({"keep": ["b1"]}, "means nothing for fp32"),
        ({"calibrate": "images"}, "means nothing for fp32"),
    ],
)
def test_wrong_words_from_python(wrong, message, spinec) -> None:
    with pytest.raises(spinedsl.DiagnosticError, match=message) as caught:
        spinedsl.compile("tiny.spine", output="tiny.onnx", **wrong)
    (found,) = caught.value.diagnostics
    assert found.code == "SP030" and found.help
    assert not Path("tiny.onnx").exists()


def test_from_python(spinec) -> None:
    written = spinedsl.compile(
        "tiny.spine", output="tiny.onnx", precision="int8", calibrate="images", keep=["stem"],
        calibration_method="percentile", placement="tensorrt", report="report.json",
    )  # fmt: skip
    assert [file.path.name for file in written] == ["tiny.onnx", "report.json"]
    names = {tensor.name for tensor in onnx.load("tiny.onnx").graph.initializer}
    assert "stem.conv1.weight" in names and "b1.conv1.weight_quantized" in names
    (half,) = spinedsl.compile("tiny.spine", output="tiny.onnx", precision="fp16")
    assert half.changed
