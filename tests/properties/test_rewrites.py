"""What holds for rewrites, whatever the network: the same values exactly, and no more work."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from properties.networks import models, networks
from support import compile_model, compile_text

from spinedsl.analysis.exact import at_random
from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Program
from spinedsl.graph.text import program_text
from spinedsl.profiles import PROFILES, Costs, Optimisation, Profile
from spinedsl.rewrites import rewrite
from spinedsl.rewrites.decisions import decisions_text

some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

EAGER = Profile("eager", Costs(mac=1.0, byte=1e-6, upsampled_byte=1e-6), False, False, False)
"""Multiplying is so dear, and moving so cheap, that everything moves."""
LAZY = Profile("lazy", Costs(mac=1e-6, byte=1.0, upsampled_byte=10.0), True, True, True)
"""The other way round."""


def macs(inlined: Inlined) -> int:
    return sum(node.macs for node in inlined.nodes)


def see_that_nothing_changes(program: Program, wanted: Optimisation) -> None:
    rewritten, decisions = rewrite(program, wanted)
    note(program_text(rewritten) + decisions_text(decisions))
    before, after = inline(program), inline(rewritten)
    assert macs(after) <= macs(before)
    if wanted.level == 1 or not wanted.profile.folds_norms:
        assert after.parameters() == before.parameters()
    expected, found = at_random(program, before), at_random(rewritten, after)
    assert list(expected) == list(found)
    for name, values in expected.items():
        assert np.array_equal(values, found[name]), name
    assert [node.name for node in after.nodes] == list(dict.fromkeys(node.name for node in after.nodes))


@some
@given(networks(most=6), st.sampled_from([1, 2]), st.sampled_from([EAGER, LAZY, PROFILES["torch"]]))
def test_networks_keep_their_values(text: str, level: int, profile: Profile) -> None:
    see_that_nothing_changes(compile_text(text).program, Optimisation(level, profile))


@some
@given(models(), st.sampled_from([1, 2]), st.sampled_from([EAGER, LAZY, PROFILES["torch"]]))
def test_models_keep_their_values(text: str, level: int, profile: Profile) -> None:
    see_that_nothing_changes(compile_model(text).program, Optimisation(level, profile))


@some
@given(networks(most=6), st.sampled_from([1, 2]))
def test_rewriting_twice_is_rewriting_once(text: str, level: int) -> None:
    once, _ = rewrite(compile_text(text).program, Optimisation(level, EAGER))
    twice, decisions = rewrite(once, Optimisation(level, EAGER))
    note(program_text(once) + decisions_text(decisions))
    assert twice == once
    assert not any(decision.applied for decision in decisions)
