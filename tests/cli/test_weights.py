"""`spinec weights`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from weights.checkpoints import SPEC, unpacked

from spinedsl.cli import run


@pytest.fixture
def weights(capsys) -> Callable[..., tuple[int, str, str]]:
    """`weights(arguments…)`: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(["weights", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def imported(weights, tmp_path) -> Path:
    """The detector of a trainer's checkpoint."""
    output = tmp_path / "out.safetensors"
    checkpoint = unpacked("garden_training", tmp_path)
    code, _, _ = weights(
        "import", checkpoint, "--from", "garden", "--for", f"{SPEC}:narrow_retinanet", "-o", output
    )
    assert code == 0
    return output


def test_import_reports(weights, tmp_path):
    checkpoint, output = unpacked("garden_training", tmp_path), tmp_path / "out.safetensors"
    code, out, err = weights(
        "import", checkpoint, "--from", "garden", "--for", f"{SPEC}:narrow", "-o", output
    )
    assert (code, err) == (0, "")
    wrote, counts, left_out, shifted = out.splitlines()
    assert wrote.startswith(f"wrote {output}  ")
    assert counts == "narrow: 650 tensors, 37,044 numbers, from a TensorFlow 2 checkpoint file"
    assert left_out.startswith("left out: tensors of heads and decoders (92), ")
    assert "optimizer slots (442), moving averages (442)" in left_out
    assert "layers count from batch_normalization_86" in shifted


def test_conventions_are_asked_for(weights, tmp_path):
    checkpoint, output = unpacked("garden_backbone", tmp_path), tmp_path / "out.safetensors"
    arguments = ("import", checkpoint, "--from", "garden", "--for", "std:spinenet49", "-o", output)
    code, out, err = weights(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error[SP051]: “spinenet49” has the conventions “torch”")
    assert "--set conventions=garden" in err
    assert not output.exists()


@pytest.mark.parametrize("command", ["compile", "verify"])
def test_other_conventions_are_refused_wherever_weights_go(command, weights, tmp_path, capsys):
    """`compile` and `verify` ask the record that `import` made."""
    checkpoint, output = unpacked("garden_backbone", tmp_path), tmp_path / "out.safetensors"
    weights("import", checkpoint, "--from", "garden", "--for", f"{SPEC}:narrow", "-o", output)
    options = ["-o", str(tmp_path / "out.onnx")] if command == "compile" else []
    arguments = [command, f"{SPEC}:narrow", "--weights", str(output), *options]
    assert run(arguments) == 0
    capsys.readouterr()
    assert run([*arguments, "--set", "conventions=torch"]) == 1
    assert "trained under the conventions “garden”" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_a_checkpoint_that_is_cut(part, weights, tmp_path):
    checkpoint, output = unpacked("garden_backbone", tmp_path), tmp_path / "out.safetensors"
    path = tmp_path / f"ckpt.{part}"
    path.write_bytes(path.read_bytes()[:-1000])
    code, out, err = weights(
        "import", checkpoint, "--from", "garden", "--for", f"{SPEC}:narrow", "-o", output
    )
    assert (code, out) == (1, "")
    assert err.startswith(f"error[SP051]: can't read the checkpoint “{checkpoint}”: ")
    assert "Traceback" not in err
    assert not output.exists()


def test_export(weights, imported, tmp_path):
    spec = f"{SPEC}:narrow_retinanet"
    code, out, _ = weights("export", imported, "--to", "garden", "--for", spec, "-o", tmp_path / "own")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[:2]] == [
        str(tmp_path / "own.index"),
        str(tmp_path / "own.data-00000-of-00001"),
    ]
    code, _, _ = weights("diff", tmp_path / "own", tmp_path / "ckpt")
    assert code == 1  # the second network of its process has other numbers
    again = tmp_path / "again.safetensors"
    code, _, _ = weights("import", tmp_path / "own", "--from", "garden", "--for", spec, "-o", again)
    assert again.read_bytes() == imported.read_bytes()


def test_show(weights, imported):
    code, out, _ = weights("show", imported)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"{imported}: safetensors"
    assert "  conventions: garden" in lines
    row = next(line for line in lines if line.startswith("backbone.stem.conv1.weight "))
    assert row.split()[1:9] == ["64", "x", "3", "x", "7", "x", "7", "F32"]
    assert lines[-1].startswith("742 tensors, ")
    assert lines[-1].endswith("; 0 not finite")


def test_show_counts_what_is_not_finite(weights, tmp_path):
    save_file({"x": np.array([1, np.nan, np.inf], np.float32)}, tmp_path / "w.safetensors")
    _, out, _ = weights("show", tmp_path / "w.safetensors")
    assert out.splitlines()[-1] == "1 tensor, 3 numbers, 0.0 KiB; 2 not finite"


def test_show_as_json(weights, imported):
    code, out, _ = weights("show", imported, "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["metadata"]["source"] == "garden"
    tensors = {tensor["name"]: tensor for tensor in shown["tensors"]}
    kernel = load_file(imported)["backbone.stem.conv1.weight"]
    found = tensors["backbone.stem.conv1.weight"]
    assert (found["shape"], found["elements"], found["bad"]) == ([64, 3, 7, 7], 9408, 0)
    assert (found["lowest"], found["highest"]) == (float(kernel.min()), float(kernel.max()))
    assert found["mean"] == pytest.approx(float(kernel.mean()), abs=1e-6)


def test_show_of_a_tensorflow_checkpoint(weights, tmp_path):
    code, out, _ = weights("show", unpacked("garden_training", tmp_path).with_suffix(".index"))
    assert code == 0
    assert "retina_net_model/retina_net_head/scores/bias" in out
    assert out.splitlines()[-1].startswith("left out: counters and settings (5), ")


def test_names_from_strangers_command_no_terminal(weights, tmp_path):
    save_file({"\x1b[31mred": np.ones(1, np.float32)}, tmp_path / "w.safetensors")
    _, out, _ = weights("show", tmp_path / "w.safetensors")
    assert "\x1b" not in out


def test_diff(weights, imported, tmp_path):
    tensors = load_file(imported)
    tensors["backbone.stem.norm1.bias"] += 0.5
    tensors["more"] = tensors.pop("backbone.P7.conv1.weight")
    other = tmp_path / "other.safetensors"
    save_file(tensors, other)
    code, out, _ = weights("diff", imported, other)
    assert code == 1
    lines = out.splitlines()
    assert lines[:4] == [
        f"only in {imported}: 1",
        "  backbone.P7.conv1.weight",
        f"only in {other}: 1",
        "  more",
    ]
    assert lines[4] == "of other numbers: 1 of 741"
    assert lines[5].split()[:2] == ["backbone.stem.norm1.bias", "0.5"]
    assert "recorded conventions: garden / nothing" in lines
    code, out, _ = weights("diff", imported, other, "--json")
    shown = json.loads(out)
    assert (code, shown["equal"], shown["left"]) == (1, False, ["backbone.P7.conv1.weight"])


def test_diff_of_a_file_and_itself(weights, imported):
    assert weights("diff", imported, imported)[:2] == (0, "tensors compared: 742; no difference\n")


def test_diff_names_the_file_that_is_damaged(weights, imported, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(imported.read_bytes()[:-4])
    code, out, err = weights("diff", imported, tmp_path / "cut.safetensors")
    assert (code, out) == (1, "")
    assert "cut.safetensors”: it is cut short: 4 bytes are missing" in err


def test_infinite_differences_are_null_in_json(weights, tmp_path):
    for name, value in (("a", 1.0), ("b", np.nan)):
        save_file({"x": np.array([value], np.float32)}, tmp_path / f"{name}.safetensors")
    code, out, _ = weights("diff", tmp_path / "a.safetensors", tmp_path / "b.safetensors", "--json")
    assert code == 1
    assert json.loads(out)["differences"] == [{"name": "x", "largest": None, "relative": None}]


@pytest.mark.parametrize("command", ["show", "diff"])
def test_files_that_are_none(command, weights, tmp_path):
    (tmp_path / "w").write_bytes(b"\0" * 100)
    files = [tmp_path / "w"] * (2 if command == "diff" else 1)
    code, _, err = weights(command, *files)
    assert code == 1
    assert "error[SP051]: can't read the checkpoint" in err
