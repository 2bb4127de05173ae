"""Weights: how they are drawn, stored and loaded; drop path."""

from __future__ import annotations

import math
from collections import OrderedDict

import pytest
import torch
from torch import nn

SMALL = {"scale.width": "0.5", "input": "3 x 128 x 128"}


@pytest.mark.parametrize("name", ["spinenet49", "spinenet_mobile49", "eff_spinenet_m0"])
def test_weights_are_drawn_by_the_programs_laws(name, standard):
    generated = standard(name, SMALL)
    state = generated.network().state_dict()
    drawn: dict[str, list[torch.Tensor]] = {"truncated_normal": [], "glorot_uniform": []}
    for key, parameter in generated.compilation.inlined.parameters().items():
        initial, tensor = parameter.initial, state[key]
        if initial.law in ("ones", "zeros"):
            assert (tensor == (initial.law == "ones")).all(), key
        elif initial.law == "truncated_normal":
            scaled = tensor * math.sqrt(initial.fan_in)
            assert scaled.abs().max() <= 2 / 0.87962566103423978 * 1.0001, key
            drawn["truncated_normal"].append(scaled.flatten())
        else:
            limit = math.sqrt(6 / (initial.fan_in + initial.fan_out))
            assert tensor.abs().max() <= limit, key
            drawn["glorot_uniform"].append(tensor.flatten() / limit)
    normal = torch.cat(drawn["truncated_normal"])
    assert normal.std().item() == pytest.approx(1, rel=0.01)
    assert normal.mean().abs() < 0.01
    assert (normal.abs() < 0.87962566103423978**-1).float().mean().item() == pytest.approx(0.7152, abs=0.01)
    assert bool(drawn["glorot_uniform"]) == (name == "spinenet_mobile49")
    if drawn["glorot_uniform"]:
        uniform = torch.cat(drawn["glorot_uniform"])
        assert uniform.std().item() == pytest.approx(3**-0.5, rel=0.03)


def test_a_generator_decides_alone(narrow):
    before = torch.get_rng_state()
    one = narrow.network(generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.get_rng_state(), before)
    two = narrow.network()
    assert not torch.equal(one.stem.conv1.weight, two.stem.conv1.weight)
    two.initialise(torch.Generator().manual_seed(7))
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_the_global_generator_decides_otherwise(narrow):
    torch.manual_seed(3)
    one = narrow.network()
    torch.manual_seed(3)
    assert torch.equal(one.b16.conv2.weight, narrow.network().b16.conv2.weight)


def test_meta_device(narrow):
    with torch.device("meta"):
        network = narrow.network()
    assert {t.device.type for t in (*network.parameters(), *network.buffers())} == {"meta"}
    network.to_empty(device="cpu").initialise(torch.Generator().manual_seed(7))
    other = narrow.network(generator=torch.Generator().manual_seed(7))
    for (name, a), b in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert network.stem.norm1.num_batches_tracked == 0


def counted(state):
    """A state dict as torch's own norms would write it."""
    result = OrderedDict(state)
    for key in state:
        if key.endswith("running_var"):
            result[key.replace("running_var", "num_batches_tracked")] = torch.tensor(5)
    return result


def test_checkpoints_with_and_without_the_counter_load(narrow):
    source, target = narrow.network(), narrow.network()
    for state in (source.state_dict(), dict(source.state_dict()), counted(source.state_dict())):
        target.initialise()
        target.load_state_dict(state, strict=True)
        assert torch.equal(target.b9.conv1.weight, source.b9.conv1.weight)
        assert torch.equal(target.b9.norm1.running_var, source.b9.norm1.running_var)
    assert not any("num_batches" in key for key in source.state_dict())


def test_foreign_names_are_still_refused(narrow):
    network = narrow.network()
    state = network.state_dict()
    with pytest.raises(RuntimeError, match="Unexpected"):
        network.load_state_dict({**state, "stem.norm1.other": torch.ones(1)})
    del state["stem.norm1.weight"]
    with pytest.raises(RuntimeError, match="Missing"):
        network.load_state_dict(state)


def test_norms_are_torchs(narrow):
    network = narrow.network()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(0.001, 0.01)}
    state = network.state_dict()
    own = nn.BatchNorm2d(network.stem.norm1.num_features)
    own.load_state_dict(network.stem.norm1.state_dict())
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    assert isinstance(converted.stem.norm1, nn.SyncBatchNorm)
    assert converted.stem.norm1.num_batches_tracked is not None
    converted.load_state_dict(state)
    narrow.network().load_state_dict(converted.state_dict())


def test_norms_count_and_average(narrow):
    norm = narrow.module.BatchNorm2d(4).train()
    reference = nn.BatchNorm2d(4, eps=0.001, momentum=0.01).train()
    for _ in range(3):
        x = torch.randn(8, 4, 5, 5)
        torch.testing.assert_close(norm(x), reference(x))
    torch.testing.assert_close(norm.running_var, reference.running_var)
    assert norm.num_batches_tracked == 3


def test_drop_path_drops_samples(narrow):
    layer = narrow.module.DropPath(0.25).train()
    x = torch.ones(8000, 2, 3, 1)
    kept = layer(x)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (kept == kept[:, :1, :1]).all()
    assert kept[:, 0, 0, 0].mean().item() == pytest.approx(1, abs=0.03)
    assert layer.eval()(x) is x


def test_drop_path_grows_along_the_blocks(narrow):
    network = narrow.network(drop_path=0.3)
    blocks = [m for n, m in network.named_modules() if n.endswith("drop_path") and m.rate]
    assert [m.rate for m in blocks] == pytest.approx([0.3 * i / 15 for i in range(1, 16)])
    assert network.s1.drop_path.rate == 0
    assert all(m.rate == 0 for m in narrow.network().modules() if hasattr(m, "rate"))
    with pytest.raises(ValueError, match="drop-path rate"):
        narrow.network(drop_path=1.0)


def test_nothing_is_drawn_without_drop_path(narrow):
    network, image = narrow.network().train(), narrow.example(batch=2)
    before = torch.get_rng_state()
    network(image)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_rate_of_the_spec_is_the_default(standard):
    overrides = {"scale.width": "0.125", "input": "3 x 128 x 128", "drop_path": "0.2 linear of blocks"}
    network = standard("spinenet49", overrides).network()
    assert network.b16.drop_path.rate == pytest.approx(0.2)
