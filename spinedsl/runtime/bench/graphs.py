"""ONNX files as contenders, ours and those of others."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from spinedsl.diagnostics import fail
from spinedsl.runtime.bench.comparison import Contender
from spinedsl.runtime.bench.timing import PROVIDERS, PURPOSE, available
from spinedsl.runtime.tools import need


def in_onnxruntime(path: Path, given: Any, device: str = "cpu") -> Contender:
    """A file in ONNX Runtime.

    Args:
        given: the array that its one input gets.

    Raises:
        DiagnosticError: onnxruntime or the device is missing (SP052).
    """
    onnxruntime = need("onnxruntime", PURPOSE)
    if not available(device):
        raise fail("SP052", f"ONNX Runtime has no {device} here", help="install onnxruntime-gpu, and a GPU")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    providers = [PROVIDERS[device]]
    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(optimised)
        session = onnxruntime.InferenceSession(path, options, providers=providers)
        left = _kinds(optimised)
    name = session.get_inputs()[0].name
    return Contender(lambda: session.run(None, {name: given}), operators=_kinds(path).total(), left=left)


def in_openvino(path: Path, given: Any) -> Contender:
    """A file in OpenVINO, on the CPU, in float32."""
    openvino = need("openvino", PURPOSE)
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = (node.get_rt_info()["layerType"] for node in model.get_runtime_model().get_ops())
    left = Counter(kind if isinstance(kind, str) else kind.astype(str) for kind in kinds)
    for outside in ("Input", "Output", "Const"):
        left.pop(outside, None)
    return Contender(lambda: model([given]), operators=_kinds(path).total(), left=left)


def exported(module: Any, given: Any, path: Path) -> Path:
    """A module's graph as torch.onnx.export writes it and onnxslim slims it."""
    torch, onnx, onnxslim = (need(name, PURPOSE) for name in ("torch", "onnx", "onnxslim"))
    need("onnxscript", PURPOSE)
    module.eval()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            torch.onnx.export(module, (given,), dynamo=True, verbose=False).save(str(path))
            onnx.save(onnxslim.slim(onnx.load(path)), path)
        finally:
            logging.disable(logging.NOTSET)
    return path


def _kinds(path: Path) -> Counter[str]:
    onnx = need("onnx", PURPOSE)
    return Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)
