"""Running a compilation with given weights: what each target computes."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from emit.onnx import onnx_reference

from spinedsl.api import torch_source
from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.weights import Array

Weights = Mapping[str, Array]
Run = Callable[[AnyCompilation, Weights, Array], Mapping[str, Array]]
"""Endpoint name → value, from a network, its weights and a batch of images."""


def run_onnx(compilation: AnyCompilation, weights: Weights, image: Array) -> Mapping[str, Array]:
    """The ONNX file in ONNX Runtime."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    options = OnnxOptions(dynamic=frozenset({"batch"}))
    model = emit(compilation.network, compilation.program, compilation.inlined, options)
    session = onnxruntime.InferenceSession(
        model.to_bytes(weights.items()), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image}), strict=True))


def run_torch(compilation: AnyCompilation, weights: Weights, image: Array) -> Mapping[str, Array]:
    """The generated module in PyTorch; every key of its `state_dict` is given."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = torch_network(compilation).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()}, strict=True)
    compute = network.outputs if isinstance(compilation, ModelCompilation) else network
    with torch.inference_mode():
        return {endpoint: value.numpy() for endpoint, value in compute(torch.from_numpy(image)).items()}


def torch_network(compilation: AnyCompilation) -> Any:
    """The generated module, as it initialises itself."""
    module = types.ModuleType(compilation.subject.name)
    exec(compile(torch_source(compilation), f"{module.__name__}.py", "exec"), module.__dict__)
    return getattr(module, class_name(compilation.subject))()


def run_program(compilation: AnyCompilation, weights: Weights, image: Array) -> Mapping[str, Array]:
    """The Program by the operators' definitions, in float64."""
    return onnx_reference.run(compilation.inlined, weights, {"image": image})
