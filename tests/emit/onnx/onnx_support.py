"""Small networks, models of single operators, and one way to run them."""

from __future__ import annotations

import functools

import numpy as np
import onnxruntime

from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.graph.program import Endpoint, Function, Port, Program
from spinedsl.specification import open_spec

_FEATURES = " ".join(f"p{level} @{level} -> 16" for level in range(3, 8))
SMALL = {
    "std:spinenet49": {"scale.width": "0.125", "input": "3 x 128 x 128"},
    "std:spinenet_mobile49xs": {"scale.width": "0.3", "input": "3 x 128 x 128"},
    "std:eff_spinenet_m0": {"scale.width": "0.3", "input": "3 x 128 x 128"},
    "std:r0_sp53": {"scale.width": "0.125", "input": "3 x 128 x 128"},
    "std:r50_fpn": {"scale.width": "0.125", "input": "3 x 128 x 128"},
    "std:nas_fpn": {"input": f"of 128 x 128 {{ {_FEATURES} }}", "width": "{ 3..7: 16 }", "stack": "2"},
    "std:bifpn": {"stack": "2"},
}
"""One network of every kind, narrow."""


@functools.cache
def small(name: str, **more: str):
    """A compilation of a network that runs in milliseconds."""
    return open_spec(name, {**SMALL[name], **more})


def model_of(compilation, opset: int = 17, dynamic: tuple[str, ...] = ()):
    """The ONNX model of a compilation."""
    options = OnnxOptions(opset, frozenset(dynamic))
    return emit(compilation.network, compilation.program, compilation.inlined, options)


def single(operator, inputs, span=None) -> tuple[Program, Inlined]:
    """A program of one operator: inputs x0, x1, …, endpoint P0."""
    shape = operator.output(inputs)
    ports = tuple(Port(f"x{i}", s) for i, s in enumerate(inputs))
    names = tuple(port.name for port in ports)
    node = InlinedNode("b.op1", "b.op1", operator, names, inputs, shape, span, "b")
    main = Function("main", "", ports, (), (("P0", "b.op1"),))
    program = Program("single", main, {}, (Endpoint("P0", 0, shape),), 1)
    return program, Inlined((node,), {"P0": "b.op1"})


def session(data: bytes, optimised_path=None) -> onnxruntime.InferenceSession:
    """A session on a model's bytes; where asked, the graph it really runs is saved."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if optimised_path is not None:
        options.optimized_model_filepath = str(optimised_path)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(data: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Output name → value."""
    made = session(data)
    names = [output.name for output in made.get_outputs()]
    return dict(zip(names, made.run(names, inputs), strict=True))


def some_inputs(program: Program, batch: int = 1, scale: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """Random features or an image, `scale` times as large as the program states."""
    stream = np.random.default_rng(seed)
    return {
        port.name: stream.standard_normal(
            (batch, port.shape.channels, port.shape.height * scale, port.shape.width * scale), np.float32
        )
        for port in program.main.inputs
    }


def worst_difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """Largest difference, relative to the largest expected value."""
    assert expected.shape == actual.shape
    assert np.isfinite(actual).all()
    largest = np.abs(expected).max()
    assert largest > 0
    return float(np.abs(expected - actual).max() / largest)
