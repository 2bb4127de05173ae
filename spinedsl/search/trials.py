"""What came of trials, apart from Optuna: what pictures, tables and files are made of."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from spinedsl.records import record
from spinedsl.search.claims import COSTS, ENOUGH, REASON, YIELDED
from spinedsl.search.objectives import Objective
from spinedsl.search.samplers import Candidates
from spinedsl.spaces.search_space import Encoding


@record
class Tried:
    """A network that was tried.

    Attributes:
        values: of the objectives, in their order; empty if it failed.
        reason: why it failed.
        costs: what it costs, by the names that objectives have.
    """

    number: int
    encoding: Encoding
    values: tuple[float, ...]
    reason: str
    costs: dict[str, int]


def tried_of(study: Study, candidates: Candidates) -> list[Tried]:
    """Everything that was tried and is done, in the order in which it was begun."""
    return [
        Tried(
            trial.number,
            candidates.encoding(trial.params),
            tuple(trial.values) if trial.state is TrialState.COMPLETE else (),
            trial.user_attrs.get(REASON, ""),
            trial.user_attrs.get(COSTS, {}),
        )
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))
        if _is_done(trial)
    ]


def _is_done(trial: FrozenTrial) -> bool:
    if trial.state is TrialState.COMPLETE:
        return True
    return trial.user_attrs.get(REASON) not in (None, YIELDED, ENOUGH)


def best_of(tried: Sequence[Tried], objectives: Sequence[Objective]) -> list[Tried]:
    """The winners: those that no other beats, by the first objective; equal ones only once.

    With one objective that is the best network; with several it is the Pareto front.
    """
    done = sorted((each for each in tried if each.values), key=lambda each: _signed(each, objectives))
    front: list[Tried] = []
    for each in done:
        # Sorted, nothing is beaten by what stands behind it.
        if not any(_beats(other, each, objectives) for other in front):
            front.append(each)
    return front


def _signed(tried: Tried, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """Values of which less is better; the older one goes first where they are equal."""
    signs = (1 if each.direction == "minimise" else -1 for each in objectives)
    return (*(sign * value for sign, value in zip(signs, tried.values, strict=True)), tried.number)


def _beats(one: Tried, other: Tried, objectives: Sequence[Objective]) -> bool:
    """Whether one is nowhere worse than another."""
    pairs = zip(_signed(one, objectives)[:-1], _signed(other, objectives)[:-1], strict=True)
    return all(mine <= yours for mine, yours in pairs)
