"""The fast cost model against `summarise`, to the last digit."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from properties.networks import networks
from support import compile_text, compile_tiny

from spinedsl.analysis.costs import CostModel
from spinedsl.analysis.requirements import Requirements
from spinedsl.analysis.summary import summarise
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.model import Network
from spinedsl.pipeline import Compilation
from spinedsl.spaces.opening import open_space, standard_spaces
from spinedsl.spaces.sampling import sample
from spinedsl.specification import open_spec, standard_networks

SHARED = CostModel()
"""One model for all tests: what it remembers of one network must not be wrong of another."""


def counted(network: Network) -> tuple[int, int, int]:
    summary = summarise(Compilation(given=network))
    return summary.parameters, summary.macs, summary.activation_bytes


def modelled(network: Network, model: CostModel = SHARED) -> tuple[int, int, int]:
    costs = model.of(network)
    return costs.parameters, costs.macs, costs.activation_bytes


@pytest.mark.parametrize("name", [listed.name for listed in standard_networks()])
def test_every_network_that_ships_costs_what_it_does(name: str) -> None:
    network = open_spec(f"std:{name}").network
    assert modelled(network) == counted(network)


@pytest.mark.parametrize("name", [name for name, _ in standard_spaces()])
def test_samples_cost_what_they_do(name: str) -> None:
    for member in islice(sample(open_space(f"std:{name}"), Requirements(()), seed=1), 6):
        assert modelled(member.network) == counted(member.network)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_drawn_networks_cost_what_they_do(text: str) -> None:
    compilation = compile_text(text)
    try:
        wanted = counted(compilation.network)
    except DiagnosticError as error:
        with pytest.raises(DiagnosticError) as raised:
            SHARED.of(compilation.network)
        assert [d.code for d in raised.value.diagnostics] == [d.code for d in error.diagnostics]
        return
    assert modelled(compilation.network) == wanted


BLOCKS = "b0: residual @3 <- s0  b1: bottleneck @2 repeat 2 <- s0, b0  b2: residual @3 <- b0, b1 => P3"


@pytest.mark.parametrize(
    "declaration",
    [
        "norm batch(eps = 1e-5, momentum = 0.9)", "act swish", "padding same", "merge weighted", "merge concat",
        "repeat 2", "scale width 0.5", "rounding multiple 4", "resample cross_scale(alpha = 1)",
        "drop_path 0.2", "dangling prune", "conventions garden",
        "default cross_scale(alpha = 0.25)", "endpoints -> 16", "sizes any",
    ],
)  # fmt: skip
def test_networks_that_differ_in_a_setting_share_nothing_wrong(declaration: str) -> None:
    """Both ways round, in one model: what it remembers of the one isn't taken for the other."""
    plain = compile_tiny(BLOCKS).network
    other = compile_tiny(BLOCKS, declarations=declaration).network
    for first, second in ((plain, other), (other, plain)):
        model = CostModel()
        for network in (first, second):
            assert modelled(network, model) == counted(network)


def test_networks_of_other_sizes_are_told_apart() -> None:
    model, compilation = CostModel(), compile_tiny(BLOCKS)
    for size in ((64, 64), (128, 64), (64, 128), (64, 64)):
        network = compilation.resized(*size).network
        assert modelled(network, model) == counted(network)


def test_definitions_of_one_name_are_told_apart() -> None:
    kinds = (
        "block own(width) -> width { conv 3x3 / stride -> width }",
        "block own(width) -> width { conv 1x1 / stride -> width }",
    )
    model = CostModel()
    found = []
    for kind in kinds:
        network = compile_tiny("b0: own @3 <- s0 => P3", before=kind).network
        found.append(modelled(network, model))
        assert found[-1] == counted(network)
    assert found[0] != found[1]


def test_depth_and_blocks_by_hand() -> None:
    """s0, b0, both copies of b1, b2: the longest path; the stem and every copy are counted."""
    costs = CostModel().of(compile_tiny(BLOCKS).network)
    assert costs.depth == 5
    assert costs.blocks == {2: 3, 3: 2}
