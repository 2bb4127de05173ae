"""Ranges: what each method sees, whatever the order of the images; and numbers that aren't finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.precisions import CALIBRATION_METHODS
from spinedsl.ops import Shape
from spinedsl.runtime import activations
from spinedsl.runtime.activations import Activations
from spinedsl.runtime.calibration import Range, calibrate
from spinedsl.runtime.calibration_images import calibration_folder

SHAPE = Shape(4, 8, 8)
STREAM = np.random.default_rng(0)


def model():
    """x → double = 2x → cut = relu(double)."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *SHAPE]) for name in ("x", "cut")]
    two = helper.make_tensor("two", TensorProto.FLOAT, [], [2])
    nodes = [helper.make_node("Mul", ["x", "two"], ["double"]), helper.make_node("Relu", ["double"], ["cut"])]
    graph = helper.make_graph(nodes, "g", value[:1], value[1:], [two])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def seen(**extents) -> Activations:
    return Activations(model(), ["double", "cut"], extents)


def folder_of(path: Path, arrays) -> object:
    path.mkdir(exist_ok=True)
    for number, array in enumerate(arrays):
        np.save(path / f"{number}.npy", array.astype(np.float32))
    return calibration_folder(path, {"x": SHAPE})


NORMAL = [STREAM.standard_normal(SHAPE) for _ in range(4)]
OUTLIER = [*NORMAL, np.where(np.arange(256).reshape(SHAPE) == 7, 500, NORMAL[0])]


def test_minmax_is_the_smallest_and_the_largest(tmp_path) -> None:
    found = calibrate(seen(), folder_of(tmp_path, NORMAL))
    lowest, highest = (f(np.float32(array) for array in NORMAL).item() for f in (smallest, largest))
    assert found.ranges["x"] == Range(lowest, highest)
    assert found.ranges["double"] == Range(2 * lowest, 2 * highest)
    assert found.ranges["cut"] == Range(0, 2 * highest)
    assert [path.name for path in found.images] == ["0.npy", "1.npy", "2.npy", "3.npy"]


def smallest(arrays):
    return min(array.min() for array in arrays)


def largest(arrays):
    return max(array.max() for array in arrays)


@pytest.mark.parametrize("symmetric", [True, False])
def test_percentile_leaves_out_the_outermost(symmetric, tmp_path) -> None:
    arrays = [np.append(STREAM.uniform(-1, 1, 10**6).astype(np.float32), [sign * 30]) for sign in (1, -1)]
    large = Shape(1, 1, 10**6 + 1)
    for number, array in enumerate(arrays):
        np.save(tmp_path / f"{number}.npy", array.reshape(large))
    folder = calibration_folder(tmp_path, {"x": large})
    nothing = Activations(free_model(), [], {})
    found = calibrate(nothing, folder, "percentile", symmetric=symmetric).ranges["x"]
    assert found.highest == pytest.approx(1, abs=0.1)
    assert found.lowest == pytest.approx(-1, abs=0.1)


def free_model():
    made = model()
    for value in (*made.graph.input, *made.graph.output):
        del value.type.tensor_type.shape.dim[:]
        for name in "abcd":
            value.type.tensor_type.shape.dim.add(dim_param=name)
    return made


def test_entropy_cuts_to_half_of_the_range_at_most(tmp_path) -> None:
    tails = [np.sign(array) * np.exp(2 * np.abs(array)) for array in NORMAL]
    whole = calibrate(seen(), folder_of(tmp_path, tails)).ranges
    cut = calibrate(seen(), folder_of(tmp_path, tails), "entropy").ranges
    for name in ("x", "double", "cut"):
        largest = max(-whole[name].lowest, whole[name].highest)
        assert whole[name].lowest <= cut[name].lowest <= 0
        assert 0.49 * largest < max(-cut[name].lowest, cut[name].highest) < 0.99 * largest


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_the_order_of_the_images_does_not_matter(method, tmp_path) -> None:
    forwards = calibrate(seen(), folder_of(tmp_path / "a", OUTLIER), method)
    backwards = calibrate(seen(), folder_of(tmp_path / "b", OUTLIER[::-1]), method)
    assert forwards.ranges == backwards.ranges


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_a_value_that_is_always_zero(method, tmp_path) -> None:
    found = calibrate(seen(), folder_of(tmp_path, [np.zeros(SHAPE)]), method)
    assert found.ranges["cut"].lowest <= 0 <= found.ranges["cut"].highest
    assert np.isfinite([found.ranges["cut"].lowest, found.ranges["cut"].highest]).all()


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_values_fetched_in_groups_are_the_same(method, tmp_path, monkeypatch) -> None:
    folder = folder_of(tmp_path, NORMAL)
    whole = calibrate(seen(double=(1, *SHAPE), cut=(1, *SHAPE)), folder, method)
    monkeypatch.setattr(activations, "GROUP_BYTES", 4 * 256)
    parts = seen(double=(1, *SHAPE), cut=(1, *SHAPE))
    assert parts._groups == [["double"], ["cut"]]
    assert calibrate(parts, folder, method).ranges == whole.ranges


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_numbers_that_overflow_are_named(method, tmp_path) -> None:
    arrays = [*NORMAL, np.full(SHAPE, 3e38)]
    with pytest.raises(DiagnosticError) as caught:
        calibrate(seen(), folder_of(tmp_path, arrays), method)
    (found,) = caught.value.diagnostics
    assert found.code == "SP057"
    assert "“double” is not finite" in found.message
    assert "4.npy" in found.message
    assert found.help


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_progress_goes_up_to_all(method, tmp_path, capsys) -> None:
    told = []
    calibrate(seen(), folder_of(tmp_path, NORMAL), method, progress=lambda *numbers: told.append(numbers))
    total = 4 if method == "minmax" else 8
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_progress_reaches_the_end_over_files_that_are_left_out(tmp_path) -> None:
    folder_of(tmp_path, NORMAL)
    (tmp_path / "z.npy").write_bytes(b"no array")
    told = []
    found = calibrate(
        seen(), calibration_folder(tmp_path, {"x": SHAPE}), "percentile", progress=lambda *n: told.append(n)
    )
    assert told[-1] == (10, 10)
    assert len(found.warnings) == 1
