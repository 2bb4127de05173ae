"""Both targets in their runtimes, compared; and what happens when one of them is wrong or missing."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from tolerances import TORCH_ONNX

import spinedsl
from spinedsl.api import torch_source
from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit import torch as torch_target
from spinedsl.runtime import load_module, tools, verify
from spinedsl.runtime.modules import load_state
from spinedsl.runtime.verify import compare, default_size
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

NARROW = {"scale.width": "0.125"}
NETWORKS = {
    "std:spinenet49": NARROW,
    "std:spinenet_mobile49xs": {"scale.width": "0.3"},
    "std:eff_spinenet_m0": {"scale.width": "0.3"},
    "std:r50_fpn": NARROW,
    "std:r23_sp30": NARROW,
    "std:bifpn": {"stack": "2"},
    "std:nas_fpn": {"stack": "1"},
}


def narrow(**overrides: str):
    return open_spec("std:spinenet49", {**NARROW, **overrides})


@pytest.mark.parametrize("name", NETWORKS)
def test_targets_agree(name):
    report = verify(open_spec(name, NETWORKS[name]))
    assert report.passed
    assert report.diagnostics() == ()
    assert [c.endpoint for c in report.endpoints] == ["P3", "P4", "P5", "P6", "P7"][: len(report.endpoints)]
    # Far below what is allowed, far above what would compare nothing.
    assert 0 < report.worst < 2e-5
    assert all(0.01 < c.largest < 1000 for c in report.endpoints)


SMALL_HEADS = {
    "detection": "retinanet(classes = 5, width = 16, depth = 2)",
    "separable": "retinanet(classes = 5, width = 16, depth = 2, separable = true)",
    "classification": "classifier(classes = 20)",
    "segmentation": "semantic(classes = 7, width = 16)",
}
MODELS = {
    "detection": ("std:spinenet49_retinanet", {"head": SMALL_HEADS["detection"]}),
    "separable": ("std:spinenet_mobile49xs_retinanet", {"head": SMALL_HEADS["separable"]}),
    "necks": ("std:r50_nas_fpn_retinanet", {"neck": "resnet_levels", "head": SMALL_HEADS["detection"]}),
    "classification": ("std:spinenet49_classifier", {"head": SMALL_HEADS["classification"]}),
    "segmentation": ("std:spinenet49_semantic", {"head": SMALL_HEADS["segmentation"]}),
    # Heads on regions are as wide as they ship: `--set head` would replace all three.
    "masks": ("std:spinenet49s_mask_rcnn", {"act": "swish"}),
}


def narrow_model(task: str, **overrides: str):
    name, changes = MODELS[task]
    return open_spec(name, {**NARROW, **changes, **overrides})


@pytest.mark.parametrize("task", MODELS)
def test_targets_agree_on_models(task):
    compilation = narrow_model(task)
    report = verify(compilation)
    assert report.passed
    expected = [e.name for e in compilation.program.endpoints]
    for part, program in compilation.assembly.region_programs():
        expected += [f"{part.name}.{e.name}" for e in program.endpoints]
    assert [c.endpoint for c in report.endpoints] == expected
    assert 0 < report.worst < 2e-5
    assert all(0.001 < c.largest < 1e5 for c in report.endpoints)


@pytest.mark.parametrize("conventions", ["garden", "tpu", "port"])
@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_targets_agree_on_models_under_every_convention(task, conventions):
    assert verify(narrow_model(task, conventions=conventions)).worst < 2e-5


def test_rounded_levels_of_models():
    for size in ((100, 75), (224, 224)):
        report = verify(narrow_model("classification"), size=size)
        assert report.worst < 2e-5
    assert verify(narrow_model("detection", sizes="any"), size=(150, 201)).worst < 2e-5


def test_a_model_of_other_pads_is_found(monkeypatch):
    """Necks and heads follow the model's settings; a target that doesn't is told apart."""
    emit = torch_target.emit_model

    def wrong(model, networks, assembly):
        other = narrow_model("detection", act="swish").resized(128, 128)
        return emit(other.model, [part.network for part in other.parts], other.assembly)

    monkeypatch.setattr(torch_target, "emit_model", wrong)
    report = verify(narrow_model("detection"))
    assert report.worst > TORCH_ONNX
    assert {d.code for d in report.diagnostics()} == {"SP053"}


def test_weights_of_a_model_go_from_torch_through_a_file_to_onnx(tmp_path):
    """What a trained module saves compiles into an ONNX file that computes what the module does."""
    torch_only = pytest.importorskip("safetensors.torch")
    compilation = narrow_model("detection")
    module = load_module(torch_source(compilation), "SpineNet49RetinaNet")()
    load_state(module, dict(random_weights(compilation.parameters, seed=4)).items())
    path = tmp_path / "trained.safetensors"
    torch_only.save_file(module.state_dict(), path)
    assert verify(compilation, weights=path).passed
    name, changes = MODELS["detection"]
    overrides = {**NARROW, **changes, "input": "3 x 128 x 128"}
    spinedsl.compile(name, output=tmp_path / "trained.onnx", overrides=overrides, weights=path)
    session = onnxruntime.InferenceSession(tmp_path / "trained.onnx", providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).standard_normal((1, 3, 128, 128), np.float32)
    names = [output.name for output in session.get_outputs()]
    actual = dict(zip(names, session.run(names, {"image": image}), strict=True))
    with torch.no_grad():
        expected = module.eval().outputs(torch.from_numpy(image))
    assert list(expected) == names
    for output, value in expected.items():
        assert compare(output, value.numpy(), actual[output]).difference < 2e-5
    # A file of another model's weights is refused.
    with pytest.raises(DiagnosticError, match="SP051"):
        verify(narrow_model("detection", head="retinanet(classes = 6, width = 16, depth = 2)"), weights=path)


@pytest.mark.parametrize("conventions", ["garden", "tpu", "port"])
def test_targets_agree_under_every_convention(conventions):
    assert verify(narrow(conventions=conventions)).worst < 2e-5


@pytest.mark.parametrize("opset", [18, 21])
def test_sizes_batches_and_opsets(opset):
    report = verify(narrow(), size=(128, 256), batch=3, seed=5, opset=opset)
    assert report.passed
    assert report.endpoints[0].shape == (3, 256, 16, 32)
    assert (report.size, report.batch, report.opset) == ((128, 256), 3, opset)


def test_rounded_levels():
    compilation = narrow(sizes="any")
    assert default_size(compilation) == (128, 128)
    report = verify(compilation, size=(150, 201), batch=1)
    assert report.worst < 2e-5


def test_default_size_is_the_smallest_that_divides():
    assert default_size(narrow()) == (128, 128)
    assert default_size(open_spec("std:bifpn")) == (128, 128)


def test_sizes_that_do_not_divide():
    with pytest.raises(DiagnosticError, match="SP038"):
        verify(narrow(), size=(130, 128))


def test_weights_of_a_file(tmp_path):
    compilation = narrow()
    path = tmp_path / "w.safetensors"
    save_file(dict(random_weights(compilation.inlined.parameters(), seed=9)), path)
    from_file = verify(compilation, weights=path)
    assert from_file.endpoints == verify(compilation, weights=path, seed=0).endpoints
    assert from_file.passed
    assert [c.largest for c in from_file.endpoints] != [c.largest for c in verify(compilation).endpoints]
    with pytest.raises(DiagnosticError, match="SP051"):
        verify(open_spec("std:spinenet49", {"scale.width": "0.25"}), weights=path)


@pytest.mark.parametrize("conventions", ["garden", "tpu", "port"])
def test_a_wrong_target_is_found(conventions, monkeypatch):
    """Other pads, epsilons or activations under the same names are told apart."""
    emit = torch_target.emit

    def wrong(network, program, inlined):
        other = narrow(conventions=conventions).resized(128, 128)
        return emit(other.network, other.program, other.inlined)

    monkeypatch.setattr(torch_target, "emit", wrong)
    report = verify(narrow())
    assert not report.passed
    assert report.worst > TORCH_ONNX
    found = report.diagnostics()
    assert {d.code for d in found} == {"SP053"}
    assert any("P3" in d.message for d in found)


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_missing_library(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DiagnosticError) as caught:
        verify(narrow())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP052"
    assert f"needs {name}" in diagnostic.message
    assert f"pip install 'spinec[{tools.EXTRAS[name]}]'" in diagnostic.help


ONE = np.array([[1.0, -4.0]], np.float32)


@pytest.mark.parametrize(
    ("expected", "actual", "difference"),
    [
        (ONE, ONE, 0.0),
        (ONE, ONE + np.float32(0.5), 0.125),
        (ONE, ONE[:, :1], math.inf),
        (ONE, ONE * np.float32(np.nan), math.inf),
        (ONE * np.float32(np.inf), ONE * np.float32(np.inf), math.inf),
        (ONE * 0, ONE * 0, math.inf),
    ],
)
def test_differences(expected, actual, difference):
    assert compare("P3", expected, actual).difference == difference


def test_generated_modules_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    verify(narrow())
    assert not any("spinec_generated" in name for name in set(sys.modules) - before)
    assert list(tmp_path.iterdir()) == []


def test_targets_with_other_names_are_a_bug():
    compilation = narrow()
    source = torch_target.emit(compilation.network, compilation.program, compilation.inlined)
    network = load_module(source, "SpineNet49")()
    weights = dict(random_weights(compilation.inlined.parameters()))
    load_state(network, weights.items())
    name, array = weights.popitem()
    with pytest.raises(RuntimeError, match="missing"):
        load_state(network, weights.items())
    with pytest.raises(RuntimeError, match="unexpected"):
        load_state(network, [*weights.items(), (name, array), ("elsewhere.weight", array)])


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("spinedsl.runtime", {"torch", "onnxruntime", "onnx"}),
        ("spinedsl.weights", {"torch", "onnxruntime", "onnx", "safetensors"}),
        ("spinedsl.emit.output", {"torch", "onnxruntime", "onnx", "numpy"}),
        ("spinedsl.emit.onnx", {"torch", "onnxruntime"}),
    ],
)
def test_imports_stay_lazy(module, unwanted):
    script = f"import sys, {module}; print({unwanted!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
