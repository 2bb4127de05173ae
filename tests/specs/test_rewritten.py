"""Every network that ships, rewritten: never more work, for no runtime."""

from __future__ import annotations

import pytest

from spinedsl.graph.inline import Inlined, inline
from spinedsl.profiles import PROFILES, Optimisation
from spinedsl.rewrites import rewrite
from spinedsl.specification import open_spec, standard_networks


def macs(inlined: Inlined) -> int:
    return sum(node.macs for node in inlined.nodes)


@pytest.mark.parametrize("name", [each.name for each in standard_networks()])
def test_no_runtime_gets_more_multiply_adds(name):
    written = open_spec(f"std:{name}")
    for profile in PROFILES.values():
        rewritten, _ = rewrite(written.program, Optimisation(2, profile))
        assert macs(inline(rewritten)) <= macs(written.inlined)


@pytest.mark.parametrize("runtime", ["torch", "ort-cpu", "openvino"])
def test_spinenet49_has_3_2_percent_less(runtime):
    written = open_spec("std:spinenet49")
    rewritten, _ = rewrite(written.program, Optimisation(1, PROFILES[runtime]))
    assert macs(inline(rewritten)) <= (1 - 0.032) * macs(written.inlined)
