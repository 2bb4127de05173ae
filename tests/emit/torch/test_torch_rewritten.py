"""Modules of rewritten programs against those that were written: the same weights, the same numbers."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="runs modules")

import torch
from hypothesis import HealthCheck, given, settings
from properties.networks import networks
from support import compile_text, network_text
from tolerances import REWRITTEN, REWRITTEN_EXACT

from spinedsl.api import torch_source
from spinedsl.ir.titles import class_name
from spinedsl.profiles import PROFILES, Costs, OnnxForm, Optimisation, Profile
from spinedsl.runtime import load_module, verify
from spinedsl.specification import open_spec

EAGER = Profile("eager", Costs(mac=1.0, byte=1e-6, upsampled_byte=1e-6), False, False, False, onnx=OnnxForm())
NARROW = {"scale.width": "0.1", "input": "3 x 256 x 256"}
SPECS = ["std:spinenet49", "std:spinenet_mobile49", "std:r50_fpn"]


def modules(spec: str, level: int, profile: Profile = EAGER):
    """What was written and what it was rewritten to, with the same random weights."""
    written = open_spec(spec, NARROW)
    made = []
    for compilation in (written, written.optimised(Optimisation(level, profile))):
        made.append(load_module(torch_source(compilation), class_name(compilation.subject))())
    first, second = made
    torch.manual_seed(0)
    with torch.no_grad():
        for module in first.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for values in (module.weight, module.running_var):
                    values.uniform_(0.5, 1.5)
                for values in (module.bias, module.running_mean):
                    values.normal_(0, 0.2)
    if level == 1 or not profile.folds_norms:
        assert list(first.state_dict()) == list(second.state_dict())
    second.load_state_dict(first.state_dict())
    return first, second


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    # A gradient that is zero by algebra, as a bias's before a norm, is only rounding.
    return float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-6))


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("spec", SPECS)
def test_inference_is_the_same(spec, level):
    written, rewritten = (module.eval() for module in modules(spec, level))
    image = torch.rand(2, 3, 256, 256)
    with torch.inference_mode():
        wanted, found = written(image), rewritten(image)
    for name, values in wanted.items():
        assert difference(found[name], values) <= REWRITTEN


@pytest.mark.parametrize("spec", [*SPECS, "std:spinenet49_retinanet", "std:eff_spinenet_d0"])
def test_inference_is_the_same_with_norms_folded(spec):
    """Weights of the written form load into the module without its norms, and back out as they went in."""
    written, folded = (module.eval() for module in modules(spec, 2, PROFILES["torch"]))
    image = torch.rand(1, 3, 256, 256)
    parts = [written, folded] if not hasattr(written, "backbone") else [written.backbone, folded.backbone]
    with torch.inference_mode():
        wanted, found = (part(image) for part in parts)
    for name, values in wanted.items():
        assert difference(found[name], values) <= REWRITTEN
    gone = len(written.state_dict()) - len(folded.state_dict())
    assert gone > 0.3 * len(written.state_dict())
    state = {name: values.clone() for name, values in folded.state_dict().items()}
    folded.load_state_dict(state)
    assert all(torch.equal(values, state[name]) for name, values in folded.state_dict().items())


def test_half_a_norm_is_no_weight_of_the_module():
    written, folded = modules("std:spinenet49", 2, PROFILES["torch"])
    state = dict(written.state_dict())
    del state["b2.norm1.running_var"]
    with pytest.raises(RuntimeError, match=r"b2\.norm1\.weight"):
        folded.load_state_dict(state)


def test_a_layer_without_weights_is_missing_as_torch_says_it():
    written, folded = modules("std:spinenet49", 2, PROFILES["torch"])
    state = dict(written.state_dict())
    del state["b2.conv1.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key.*b2\.conv1\.weight"):
        folded.load_state_dict(state)


@pytest.mark.parametrize("profile", [EAGER, PROFILES["torch"]], ids=lambda profile: profile.name)
@pytest.mark.parametrize("spec", SPECS)
def test_a_step_of_training_is_the_same_at_level_1(spec, profile):
    """Losses, gradients, and what the norms remember; in float64, where rounding can't hide a fault."""
    written, rewritten = (module.double().train() for module in modules(spec, 1, profile))
    image = torch.rand(2, 3, 256, 256, dtype=torch.float64)
    for module in (written, rewritten):
        sum(values.square().mean() for values in module(image).values()).backward()
    for (name, wanted), found in zip(written.named_parameters(), rewritten.parameters(), strict=True):
        assert difference(found.grad, wanted.grad) < REWRITTEN_EXACT, name
    for (name, wanted), found in zip(written.named_buffers(), rewritten.buffers(), strict=True):
        assert difference(found, wanted) < REWRITTEN_EXACT, name


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("spec", ["std:spinenet49", "std:spinenet49_retinanet"])
def test_what_is_rewritten_in_onnx_is_what_was_written_in_torch(spec, level):
    compilation = open_spec(spec, NARROW).optimised(Optimisation(level, EAGER))
    report = verify(compilation, size=(256, 256), batch=1)
    assert all(c.difference <= report.tolerance for c in report.endpoints)


GATED = """
block gated(width) -> width {
  gate = conv 1x1 -> width, global_maxpool, relu
  conv 3x3 -> width, norm, act
  multiply(gate)
}
"""


def test_what_a_derivative_looks_at_is_not_written_over():
    """The gradient of a maximum over all pixels looks for where the maximum stands."""
    see_a_step_of_training(
        network_text("a: gated @2 <- s0  b: residual @3 <- a => P3", before=GATED).replace("s0 {", "{")
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(most=5))
def test_any_network_trains_the_same_at_level_1(text):
    see_a_step_of_training(text)


def see_a_step_of_training(text: str) -> None:
    """Gradients of what was written and of what was rewritten for torch, in float64; the same is dropped."""
    written = compile_text(text)
    rewritten = written.optimised(Optimisation(1, PROFILES["torch"]))
    name = class_name(written.network)
    first, second = (load_module(torch_source(c), name)().double() for c in (written, rewritten))
    second.load_state_dict(first.state_dict())
    given_ = {p.name: torch.rand(2, *p.shape, dtype=torch.float64) for p in written.program.main.inputs}
    gradients = []
    for module in (first, second):
        inputs = {key: value.clone().requires_grad_() for key, value in given_.items()}
        torch.manual_seed(0)
        outputs = module.train()(inputs if len(inputs) > 1 or "image" not in inputs else inputs["image"])
        sum(values.square().mean() for values in outputs.values()).backward()
        gradients.append([value.grad for value in (*inputs.values(), *module.parameters())])
    assert [value is None for value in gradients[0]] == [value is None for value in gradients[1]]
    wanted, found = (torch.cat([v.flatten() for v in values if v is not None]) for values in gradients)
    assert difference(found, wanted) < REWRITTEN_EXACT


def test_under_autocast_level_1_trains():
    """Sums in place keep the type of what they write over."""
    written, rewritten = (module.train() for module in modules("std:spinenet49", 1, PROFILES["torch"]))
    image = torch.rand(2, 3, 256, 256)
    types = []
    for module in (written, rewritten):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = module(image)
        sum(values.float().square().mean() for values in outputs.values()).backward()
        types.append([values.dtype for values in outputs.values()])
        assert all(torch.isfinite(p.grad).all() for p in module.parameters())
    assert types[0] == types[1]
