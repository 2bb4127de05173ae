"""The modules that spinec is measured against are the same networks: parameters, outputs, gradients."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="runs modules")

import torch
from tolerances import BY_HAND

from benchmarks import comparison
from benchmarks.contenders.weights import take_weights
from spinedsl.specification import open_spec


@pytest.mark.parametrize("name", comparison.RUNS)
def test_a_hand_written_module_is_the_network(name):
    compilation = open_spec(f"std:{name}")
    assert comparison.see_that_they_are_the_same(compilation) <= BY_HAND
    trained = sum(p.numel() for p in comparison.by_hand(compilation).parameters())
    assert trained == sum(p.elements for p in compilation.parameters.values() if p.trainable)


def test_another_network_is_noticed():
    module = torch.nn.Module()
    with pytest.raises(ValueError, match="nobody takes"):
        take_weights([("a", module)], {"b.weight": torch.zeros(1)})
    with pytest.raises(KeyError):
        take_weights([("a", torch.nn.Linear(1, 1))], {})
