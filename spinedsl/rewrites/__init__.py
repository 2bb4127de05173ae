"""Rewrites of the Program: fewer operations, the same values. One file each; `REWRITES` is their order.

`-O0` is the program as it was written. `-O1` changes nothing beyond rounding, in training neither.
`-O2` is for inference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from spinedsl.graph.program import Program
from spinedsl.profiles import Optimisation
from spinedsl.rewrites.common_subexpressions import common_subexpressions
from spinedsl.rewrites.dead_code import dead_code
from spinedsl.rewrites.decisions import Decision, Decisions
from spinedsl.rewrites.editing import each_function
from spinedsl.rewrites.folded_norms import folded_norms
from spinedsl.rewrites.identities import identities
from spinedsl.rewrites.in_place import in_place
from spinedsl.rewrites.joint_upsampling import joint_upsampling
from spinedsl.rewrites.late_upsampling import late_upsampling
from spinedsl.rewrites.running_order import running_order


def _late(program: Program, wanted: Optimisation, decisions: Decisions) -> Program:
    return each_function(
        program, lambda function: late_upsampling(function, wanted.profile, wanted.inference, decisions)
    )


def _folded(program: Program, wanted: Optimisation, decisions: Decisions) -> Program:
    if not (wanted.inference and wanted.profile.folds_norms):
        return program
    return each_function(program, lambda function: folded_norms(function, decisions))


def _in_place(program: Program, wanted: Optimisation, decisions: Decisions) -> Program:
    if not wanted.profile.in_place:
        return program
    return in_place(program, wanted.inference, decisions)


def _ordered(program: Program, wanted: Optimisation, decisions: Decisions) -> Program:
    if not (wanted.inference and wanted.profile.keeps_order):
        return program
    return running_order(program, decisions)


Run = Callable[[Program, Optimisation, Decisions], Program]

REWRITES: tuple[tuple[str, Run], ...] = (
    ("identities", lambda program, _, decisions: identities(program, decisions)),
    ("common subexpressions", lambda program, _, decisions: common_subexpressions(program, decisions)),
    ("late upsampling", _late),
    ("joint upsampling", lambda program, _, decisions: joint_upsampling(program, decisions)),
    ("late upsampling", _late),
    ("identities", lambda program, _, decisions: identities(program, decisions)),
    ("dead code", lambda program, _, decisions: dead_code(program, decisions)),
    ("folded norms", _folded),
    ("in place", _in_place),
    ("running order", _ordered),
)
"""Late up-sampling runs again behind the sums that joint up-sampling makes; where it meets other
up-sampling the two are joined."""


def rewrite(program: Program, wanted: Optimisation) -> tuple[Program, tuple[Decision, ...]]:
    """The program, rewritten; and what was decided on the way."""
    if wanted.level == 0:
        return replace(program, optimisation=wanted), ()
    made: list[Decision] = []
    seen: set[tuple[str, str, str]] = set()
    for name, run in REWRITES:
        decisions = Decisions(name)
        program = run(program, wanted, decisions)
        for each in decisions.made:
            place = (name, each.function, each.node)
            # A rewrite that runs again declines what it declined, or did, before.
            if each.applied or place not in seen:
                made.append(each)
            seen.add(place)
    return replace(program, optimisation=wanted), tuple(made)
