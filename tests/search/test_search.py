"""The loop: what is tried, what is found, and what becomes of networks that fail."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from search_support import everything, front, request_of, results, searched

from spinedsl.analysis.summary import summarise
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.model import Network
from spinedsl.pipeline import Compilation
from spinedsl.search import samplers
from spinedsl.search.samplers import NAMES
from spinedsl.search.search import Events
from spinedsl.search.session import search
from spinedsl.spaces.membership import encoding_of
from spinedsl.spaces.search_space import SearchSpace
from spinedsl.specification import open_spec

pytestmark = pytest.mark.usefixtures("folder")


def params_and_macs(network: Network) -> tuple[int, int]:
    summary = summarise(Compilation(given=network))
    return summary.parameters, summary.macs


@pytest.fixture(scope="session")
def known() -> list[tuple[int, int]]:
    """Parameters and multiply-adds of every network of the tiny space, by `summarise`."""
    from search_support import SMALL

    from spinedsl.ir.loading import load
    from spinedsl.source import Source
    from spinedsl.spaces.opening import search_space
    from spinedsl.syntax import nodes

    scope = load(Source("small.spine", SMALL))
    node = next(item for item in scope.own if isinstance(item, nodes.Space) and item.name.text == "tiny")
    return everything(search_space(node, scope), params_and_macs)


@pytest.mark.parametrize("sampler", NAMES)
def test_a_whole_space_is_searched_and_its_front_found(sampler: str, known: list[tuple[int, int]]) -> None:
    if sampler == "evolution":
        outcome = searched("macs", sampler=sampler, space="tiny", trials=None, minutes=5.0)
        assert {each.values for each in outcome.best} == {(min(macs for _, macs in known),)}
    else:
        outcome = searched("params", "macs", sampler=sampler, space="tiny", trials=None, minutes=5.0)
        assert {each.values for each in outcome.best} == front(known)
        assert {each.values for each in outcome.tried} == set(known)
    networks = [encoding_of(outcome.space.network(each.encoding), outcome.space) for each in outcome.tried]
    assert len(networks) == len(set(networks))


@pytest.mark.parametrize("sampler", NAMES)
def test_what_is_tried_meets_what_is_required(sampler: str) -> None:
    outcome = searched("macs", sampler=sampler, require=("params <= 24K", "blocks(4) >= 1"), trials=30)
    assert len(outcome.tried) == 30
    for each in outcome.tried:
        network = outcome.space.network(each.encoding)
        assert params_and_macs(network)[0] <= 24_000
        assert any(block.level == 4 for block in network.blocks)


@pytest.mark.parametrize("sampler", NAMES)
def test_a_space_of_one_network_is_soon_searched(sampler: str) -> None:
    assert len(searched("macs", sampler=sampler, space="single", trials=None, minutes=5.0).tried) == 1


def test_a_large_space_of_which_little_meets_the_requirements_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(samplers, "SMALL", 10)
    monkeypatch.setattr(samplers, "MANY_DRAWS", 50)
    news: list[str] = []
    least = everything(request_of("macs", space="tiny").space, params_and_macs)
    bound = sorted(set(least))[2][0]
    outcome = searched(
        "macs",
        space="tiny",
        trials=None,
        minutes=5.0,
        require=(f"params <= {bound}",),
        events=Events(news=news.append),
    )
    assert {each.values[0] for each in outcome.tried} == {m for p, m in least if p <= bound}
    assert news == ["every network that meets what is required has been tried"]


@pytest.mark.parametrize("sampler", ["evolution", "tpe"])
def test_who_learns_is_better_than_chance(sampler: str) -> None:
    def mean(name: str) -> float:
        tried = searched("macs", sampler=name, trials=60, folder=name).tried
        return sum(each.values[0] for each in tried[20:]) / 40

    assert mean(sampler) < 0.9 * mean("random")


@pytest.mark.parametrize("sampler", NAMES)
def test_equal_seeds_try_equal_networks(sampler: str) -> None:
    one, again, other = (
        [t.encoding for t in searched("macs", sampler=sampler, seed=seed, folder=name).tried]
        for seed, name in ((3, "one"), (3, "again"), (4, "other"))
    )
    assert one == again != other


@pytest.mark.parametrize("sampler", ["random", "evolution"])
def test_a_search_that_goes_on_tries_what_it_would_have_tried(sampler: str) -> None:
    whole = searched("macs", sampler=sampler, trials=24, folder="whole").tried
    searched("macs", sampler=sampler, trials=10, folder="parts")
    assert searched("macs", sampler=sampler, trials=24, folder="parts").tried == whole
    assert len(results("parts")["trials"]) == 24


def test_several_side_by_side() -> None:
    outcome = searched("mine:size", trials=12, jobs=3)
    assert sorted(each.number for each in outcome.tried) == list(range(12))
    assert all(each.values for each in outcome.tried)


def test_own_functions_get_a_file_with_the_network() -> None:
    outcome = searched("mine:size", "macs", trials=3)
    for each in outcome.tried:
        assert each.values[1] == params_and_macs(outcome.space.network(each.encoding))[1]
    assert "measuring trial_" in Path("found/worker_0.log").read_text()
    assert not list(Path("found").glob("trial_*"))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("raises", "ValueError: no such luck"),
        ("nothing", "mine:nothing is nan"),
        ("words", "TypeError: mine:words returned 'many', which is no number"),
        ("dies", "its process ended with exit code 3"),
    ],
)
def test_networks_that_fail_are_left_behind(function: str, reason: str) -> None:
    told = []
    events = Events(finished=lambda number, values, why: told.append((number, values, why)))
    outcome = searched(f"mine:{function}", trials=3, events=events)
    assert [each.reason for each in outcome.tried] == [reason] * 3
    assert outcome.best == []
    assert told == [(number, None, reason) for number in range(3)]
    assert [trial["failed"] for trial in results()["trials"]] == [reason] * 3
    # They aren't tried again.
    assert len(searched(f"mine:{function}", trials=3).tried) == 3


def test_a_network_that_takes_too_long_fails_and_takes_its_children_with_it() -> None:
    Path("mine.py").write_text(
        "import subprocess, sys\n\ndef endless(path):\n"
        "    subprocess.run([sys.executable, '-c', 'import time\\nwhile True: time.sleep(.1); open(\"alive\", \"w\")'])\n"
    )
    outcome = searched("mine:endless", trials=1, timeout=12.0)
    assert outcome.tried[0].reason == "it took longer than 12 s"
    assert Path("alive").exists()
    Path("alive").unlink()
    time.sleep(0.5)
    assert not Path("alive").exists()


def test_it_gives_up_when_everything_fails() -> None:
    with pytest.raises(
        DiagnosticError, match="20 networks in a row failed; the last one: ValueError"
    ) as caught:
        searched("mine:raises", trials=100, jobs=2)
    assert caught.value.diagnostics[0].code == "SP060"
    assert Path("found/results.json").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent:size", "“absent” can't be imported: ModuleNotFoundError"),
        ("mine:absent", "“mine” has no function “absent”"),
        ("mine:number", "“mine” has no function “number”"),
    ],
)
def test_a_function_that_is_not_there_ends_the_search_at_once(name: str, message: str) -> None:
    with pytest.raises(DiagnosticError, match=message):
        searched(name)
    assert results()["trials"] == []


def test_nothing_meets_what_is_required() -> None:
    with pytest.raises(DiagnosticError, match=r"no network that meets|nothing that meets") as caught:
        searched("macs", require=("params <= 1",))
    assert caught.value.diagnostics[0].code == "SP047"


def test_evolution_looks_for_one_thing() -> None:
    with pytest.raises(DiagnosticError, match="looks for one thing"):
        searched("macs", "params", sampler="evolution")


def test_it_is_measured_at_the_size_that_is_asked_for() -> None:
    small = searched("macs", size=(32, 64), trials=1).tried[0]
    network = open_spec(next(Path("found/best").iterdir())).network
    assert (network.input.height, network.input.width) == (32, 64)
    assert small.values[0] == summarise(Compilation(given=network)).macs


def test_minutes() -> None:
    begun = time.monotonic()
    outcome = searched("mine:noted", trials=None, minutes=3 / 60)
    assert time.monotonic() - begun < 60
    assert outcome.tried


def test_a_start_is_tried_first_and_has_to_be_in_the_space() -> None:
    request = request_of("macs", trials=2)
    member = request.space.network(request.space.unrank(1234))
    outcome = searched("macs", trials=2, starts=(member,))
    assert outcome.tried[0].encoding == encoding_of(member, outcome.space)
    stranger = open_spec("std:spinenet49").network
    with pytest.raises(DiagnosticError):
        searched("macs", folder="other", starts=(stranger,))
    with pytest.raises(DiagnosticError, match="doesn't meet"):
        searched("macs", folder="other", starts=(member,), require=("params <= 10",))
    assert not Path("other").exists()


def best_network(step: str, space: SearchSpace) -> Network:
    """What a step found, as its results tell it."""
    best = min(results(f"found/{step}")["trials"], key=lambda trial: trial["values"]["macs"])
    return space.network(space.unrank(int(best["network"])))


def test_step_by_step_what_was_found_is_kept() -> None:
    request = request_of("macs", trials=15, steps=("order", "connections", "adjustments"))
    outcome = search(request)
    best = {step: best_network(step, request.space) for step in request.steps}
    arrows = {step: [[c.source for c in b.inputs] for b in network.blocks] for step, network in best.items()}
    looks = {step: [(b.level, b.kind.name) for b in network.blocks] for step, network in best.items()}
    assert arrows["order"] == [[c.source for c in b.inputs] for b in request.space.seed.blocks]
    assert arrows["adjustments"] == arrows["connections"]
    assert looks["connections"] == looks["order"] != looks["adjustments"]
    values = [min(t["values"]["macs"] for t in results(f"found/{step}")["trials"]) for step in request.steps]
    assert values == sorted(values, reverse=True)
    assert outcome.best[0].values[0] == values[-1]
