"""What `--runtime` means for an ONNX file: how it is written, and what it must not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import save_file
from tolerances import REWRITTEN

import spinedsl
from spinedsl.diagnostics import DiagnosticError, Severity
from spinedsl.onnx_precision import PrecisionRequest, build
from spinedsl.onnx_target import OnnxRequest
from spinedsl.pipeline import optimised
from spinedsl.profiles import PROFILES
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights

NARROW = {"scale.width": "0.1", "input": "3 x 128 x 128"}
DETECTOR = "std:spinenet49_retinanet"
RUNTIMES = [name for name, profile in PROFILES.items() if profile.onnx is not None]


def made(runtime, *, spec=DETECTOR, level=0, precision=None, **how):
    compilation = optimised(open_spec(spec, NARROW), level, runtime)
    return build(compilation, OnnxRequest(**how), precision or PrecisionRequest())


def kinds(built) -> set[str]:
    return {node.op_type for node in built.model.nodes.node}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_a_runtime_gets_by_itself_it_doesnt_refuse(runtime):
    form = PROFILES[runtime].onnx
    built = made(runtime, pipeline="detection")
    assert built.warnings == ()
    assert built.model.tail.opset_import[0].version == form.opset
    assert ("EfficientNMS_TRT" in kinds(built)) == (form.nms == "trt")


def test_other_pipelines_have_no_suppression_to_hand_over():
    built = made("tensorrt", spec="std:spinenet49_mask_rcnn", pipeline="detection")
    assert "NonMaxSuppression" in kinds(built)
    assert [w.code for w in built.warnings] == ["SP059"]


@pytest.mark.parametrize(
    ("runtime", "how", "message"),
    [
        ("ort-cpu", {"nms": "trt"}, "in ort-cpu, EfficientNMS_TRT is a plugin of TensorRT"),
        ("openvino", {"nms": "trt"}, "in openvino, EfficientNMS_TRT is a plugin of TensorRT"),
        ("ort-cuda", {"opset": 19}, "in ort-cuda, Resize has no kernel for CUDA in most releases"),
        (
            "tensorrt",
            {"precision": PrecisionRequest("int8", calibrate=Path(), placement="onnxruntime")},
            "tensorrt has no fast kernels for pairs that are placed for onnxruntime",
        ),
    ],
)
def test_what_a_runtime_would_mishandle_is_refused(runtime, how, message):
    with pytest.raises(DiagnosticError) as caught:
        made(runtime, pipeline="detection", **how)
    (problem,) = caught.value.diagnostics
    assert problem.code == "SP059" and problem.message.startswith(message)
    assert problem.help


def test_what_is_only_slow_is_warned_of():
    (warning,) = made("tensorrt", pipeline="detection", nms="onnx").warnings
    assert warning.severity is Severity.WARNING
    assert warning.help == "write `--nms trt`"


def test_nothing_is_refused_where_nobody_says_what_it_runs_in():
    assert "EfficientNMS_TRT" in kinds(made(None, pipeline="detection", nms="trt"))


def test_a_runtime_alone_rewrites_nothing():
    assert made("openvino").model.nodes == made(None).model.nodes


@pytest.mark.parametrize("spec", [DETECTOR, "std:spinenet_mobile49", "std:spinenet49_mask_rcnn"])
def test_at_level_2_norms_of_a_file_of_weights_are_folded(tmp_path, spec):
    written = open_spec(spec, NARROW)
    weights = tmp_path / "net.safetensors"
    save_file(dict(random_weights(written.parameters)), weights)
    pipeline = "detection" if "mask" in spec else None
    images = np.random.default_rng(0).random((1, 3, 128, 128), np.float32)
    found = []
    for level in (0, 2):
        path = tmp_path / f"net{level}.onnx"
        spinedsl.compile(spec, output=path, overrides=NARROW, weights=weights, level=level, pipeline=pipeline)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        norms = [node.name for node in model.graph.node if node.op_type == "BatchNormalization"]
        assert bool(norms) == (level == 0)
        assert ("Constant" in {node.op_type for node in model.graph.node}) == (level == 0)
        if pipeline is None:
            found.append(onnxruntime.InferenceSession(path).run(None, {"image": images}))
    for wanted, values in zip(*found, strict=True) if found else ():
        assert np.abs(values - wanted).max() <= REWRITTEN * np.abs(wanted).max()
