"""Who runs which trial: the rules one by one, in one process that plays several."""

from __future__ import annotations

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from spinedsl.search import claims
from spinedsl.search.claims import AGAIN, ENOUGH, REASON, YIELDED, Claims, process_name


@pytest.fixture
def study() -> Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study()


def claimed(claims: Claims, trial: Trial, network: str) -> bool:
    claims.begin(trial)
    return claims.claim(trial, network)


def elsewhere(study: Study, name: str, limit: int | None = None) -> Claims:
    """Another process, on another machine."""
    return Claims(study, limit, process=f"machine {name}:1:1")


def test_the_older_trial_has_the_network(study: Study) -> None:
    one, other = elsewhere(study, "a"), elsewhere(study, "b")
    first, second = study.ask(), study.ask()
    # Whoever is faster: numbers decide.
    assert claimed(other, second, "n")
    assert claimed(one, first, "n")
    third = study.ask()
    assert not claimed(other, third, "n")
    assert study.trials[2].user_attrs[REASON] == YIELDED
    assert claimed(one, study.ask(), "m")


def test_a_network_that_is_done_goes_before_older_trials(study: Study) -> None:
    one, other = elsewhere(study, "a"), elsewhere(study, "b")
    slow, fast = study.ask(), study.ask()
    assert claimed(other, fast, "n") and other.finish(fast, [1.0])
    assert not claimed(one, slow, "n")


def test_two_that_come_last_don_t_both_run(study: Study) -> None:
    one, other = elsewhere(study, "a", 3), elsewhere(study, "b", 3)
    for name in ("n0", "n1"):
        trial = study.ask()
        assert claimed(one, trial, name) and one.finish(trial, [0.0])
    last, too_many = study.ask(), study.ask()
    assert not claimed(other, too_many, "n3")
    assert study.trials[3].user_attrs[REASON] == ENOUGH
    assert claimed(one, last, "n2")
    assert one.counted() == 3


def test_what_was_lost_is_queued_once_and_with_its_digits(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    gone, one, other = (elsewhere(study, name) for name in "abc")
    trial = study.ask()
    x = trial.suggest_int("x", 0, 1000)
    assert claimed(gone, trial, "n")
    for each in (one, other):
        each.recover(())
    assert study.trials[0].state is TrialState.RUNNING
    clock[0] += claims.SILENCE + 1
    # Both notice at once: what one has queued, the other one doesn't queue.
    for each in (one, other, one):
        each.recover(())
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.WAITING]
    assert study.trials[1].user_attrs[AGAIN] == 0
    # The process lives, after all: its values come too late.
    assert not gone.finish(trial, [1.0])
    again = study.ask()
    assert again.number == 1 and again.suggest_int("x", 0, 1000) == x
    assert claimed(one, again, "n")


def test_signs_of_life(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(claims.time, "time", lambda: clock[0])
    living, watching = elsewhere(study, "a"), elsewhere(study, "b")
    trial = study.ask()
    claimed(living, trial, "n")
    for _ in range(20):
        clock[0] += 20
        living.live((trial,))
        watching.recover(())
    assert study.trials[0].state is TrialState.RUNNING


def test_a_process_of_this_machine_is_seen_to_be_gone_at_once(study: Study) -> None:
    machine, pid, began = process_name().rsplit(":", 2)
    mine = Claims(study)
    for name in (f"{machine}:{pid}:1", f"{machine}:999999999:{began}"):
        dead = Claims(study, process=name)
        assert claimed(dead, study.ask(), name)
    living = study.ask()
    assert claimed(mine, living, "living")
    mine.recover((living,))
    states = [trial.state for trial in study.trials]
    assert states == [
        TrialState.FAIL,
        TrialState.FAIL,
        TrialState.RUNNING,
        TrialState.WAITING,
        TrialState.WAITING,
    ]


def test_what_this_process_lost_with_its_storage_is_queued(study: Study) -> None:
    mine = Claims(study)
    assert claimed(mine, study.ask(), "n")
    mine.recover(())
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_a_failure_with_a_reason_is_not_run_again(study: Study) -> None:
    mine = Claims(study)
    trial = study.ask()
    assert claimed(mine, trial, "n")
    mine.fail(trial, "it was no good")
    mine.recover(())
    assert [each.state for each in study.trials] == [TrialState.FAIL]
    assert mine.counted() == 1


def test_one_that_never_began_is_not_run_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    study.ask()
    mine = Claims(study)
    mine.recover(())
    clock[0] += claims.SILENCE + 1
    mine.recover(())
    assert [each.state for each in study.trials] == [TrialState.FAIL]
    assert mine.counted() == 0
