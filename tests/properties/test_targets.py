"""What holds for the targets, whatever the network: they compute the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from properties.networks import models, networks
from support import compile_model, compile_text

pytest.importorskip("torch", reason="compares the torch target with the ONNX target")

import onnx
import onnx.shape_inference
import torch

from spinedsl.api import torch_source
from spinedsl.emit.onnx import OnnxOptions, emit
from spinedsl.ir.titles import class_name
from spinedsl.runtime import load_module, verify
from spinedsl.weights import initial_weights

some = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


NOTHING = 1e-4
"""Values this small at most say nothing: relu makes zeros of few pixels, and with drawn weights, whose values are
about 1, the rest is what is left of sums that cancel: rounding, in one order of summing or the other."""


@some
@given(networks(most=6), st.sampled_from([17, 19, 21]), st.integers(1, 3))
def test_both_targets_agree(text: str, opset: int, batch: int) -> None:
    compilation = compile_text(text)
    size = compilation.network.input.height, compilation.network.input.width
    report = verify(compilation, size=size, batch=batch, opset=opset)
    note(str(report.endpoints))
    assert all(c.difference <= report.tolerance for c in report.endpoints if c.largest > NOTHING)


@some
@given(networks(most=6), st.sampled_from([17, 18, 20]))
def test_every_model_passes_the_checker(text: str, opset: int) -> None:
    compilation = compile_text(text)
    options = OnnxOptions(opset, frozenset({"batch"}))
    model = emit(compilation.network, compilation.program, compilation.inlined, options)
    proto = model.to_proto(initial_weights(model.parameters))
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)


@some
@given(networks(most=6))
def test_every_module_trains_and_names_its_parameters_as_onnx_does(text: str) -> None:
    compilation = compile_text(text)
    network = load_module(torch_source(compilation), class_name(compilation.network))().train()
    assert list(network.state_dict()) == list(compilation.inlined.parameters())
    inputs = {p.name: torch.rand(2, *p.shape) for p in compilation.program.main.inputs}
    single = compilation.network.input.kind == "image"
    try:
        outputs = network(*inputs.values()) if single else network(inputs)
    except ValueError as problem:
        # Batch statistics of one number: torch refuses to train on 1 x 1 from a batch of one.
        assert "more than 1 value per channel" in str(problem)
        return
    shapes = {name: tuple(value.shape[1:]) for name, value in outputs.items()}
    assert shapes == {e.name: tuple(e.shape) for e in compilation.program.endpoints}
    sum(value.square().mean() for value in outputs.values()).backward()
    assert all(p.grad is not None for p in network.parameters())


@some
@given(models(), st.sampled_from([17, 19, 21]))
def test_both_targets_agree_on_models(text: str, opset: int) -> None:
    compilation = compile_model(text)
    size = compilation.network.input.height, compilation.network.input.width
    report = verify(compilation, size=size, opset=opset)
    note(str(report.endpoints))
    assert all(c.difference <= report.tolerance for c in report.endpoints if c.largest > NOTHING)


@some
@given(models())
def test_every_model_names_its_parameters_as_onnx_does(text: str) -> None:
    compilation = compile_model(text)
    module = load_module(torch_source(compilation), class_name(compilation.model))()
    # Norms of every level stand together in the module, and by levels in the program.
    assert set(module.state_dict()) == set(compilation.parameters)
    for name, parameter in compilation.parameters.items():
        assert tuple(module.state_dict()[name].shape) == parameter.shape
    image = torch.rand(2, *compilation.program.main.inputs[0].shape)
    with torch.no_grad():
        outputs = module.eval().outputs(image)
    shapes = {name: tuple(value.shape[1:]) for name, value in outputs.items()}
    expected = {e.name: tuple(e.shape[: 1 if e.flat else 3]) for e in compilation.program.endpoints}
    assert shapes == expected
