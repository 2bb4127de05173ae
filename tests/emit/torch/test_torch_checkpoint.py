"""`--checkpoint`: less memory in training, the same numbers to the last bit."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="runs modules")

import torch
from support import compile_text, network_text

from spinedsl.api import torch_source
from spinedsl.ir.titles import class_name
from spinedsl.runtime import load_module
from spinedsl.runtime.bench.modules import peak_of
from spinedsl.specification import open_spec

NARROW = {"scale.width": "0.25", "input": "3 x 256 x 256", "drop_path": "0.2 linear of blocks"}


def pair(compilation):
    """A module as it is and one that keeps inputs only, of the same weights, in training."""
    name = class_name(compilation.subject)
    modules = [
        load_module(torch_source(compilation, checkpoint=checkpoint), name)().train()
        for checkpoint in (False, True)
    ]
    modules[1].load_state_dict(modules[0].state_dict())
    return modules


def step(module: torch.nn.Module, image: torch.Tensor) -> None:
    torch.manual_seed(0)
    sum(values.square().mean() for values in module(image).values()).backward()


def test_a_step_is_the_same_bit_for_bit():
    """Gradients; what norms remember, though blocks run twice; what drop path drops."""
    plain, checkpointed = pair(open_spec("std:spinenet49", NARROW))
    image = torch.rand(2, 3, 256, 256)
    for module in (plain, checkpointed):
        step(module, image)
    for (name, wanted), found in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        assert torch.equal(found.grad, wanted.grad), name
    for (name, wanted), found in zip(plain.named_buffers(), checkpointed.buffers(), strict=True):
        assert torch.equal(found, wanted), name
    momenta = {m.momentum for m in checkpointed.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert 0.0 not in momenta


def test_it_holds_less():
    plain, checkpointed = pair(open_spec("std:spinenet49", NARROW))
    image = torch.rand(2, 3, 256, 256)
    peaks = []
    for module in (plain, checkpointed):
        step(module, image)
        module.zero_grad()
        peaks.append(peak_of(lambda module=module: step(module, image), image)())
    assert peaks[1] < 0.85 * peaks[0]


def test_compiled_and_exported_it_runs_as_it_is():
    _, module = pair(open_spec("std:spinenet49", NARROW))
    image = torch.rand(1, 3, 256, 256)
    module.eval()
    with torch.no_grad():
        wanted = module(image)
        exported = torch.export.export(module, (image,)).module()(image)
    assert all(torch.equal(exported[name], values) for name, values in wanted.items())
    module.train()
    torch.compile(module, fullgraph=True, backend="aot_eager")(image)["P3"].sum().backward()


def test_a_block_may_have_the_name_of_what_runs_it():
    text = network_text("checkpointed: residual @3 <- s0  b: residual @4 <- checkpointed => P4")
    for module in pair(compile_text(text)):
        module(torch.rand(2, 3, 64, 64))


def test_a_model_keeps_inputs_only_in_its_backbone():
    source = torch_source(open_spec("std:spinenet49_retinanet", {"input": "3 x 128 x 128"}), checkpoint=True)
    assert "b16 = checkpointed(self.b16" in source
    assert source.count("def checkpointed(") == 1
