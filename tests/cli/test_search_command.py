"""`spinec search` as somebody types it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from spinedsl.cli import run

SMALL = (Path(__file__).parents[1] / "search" / "search_support.py").read_text()


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`spinec search`, in a folder with small.spine."""
    monkeypatch.chdir(tmp_path)
    text = re.search(r'SMALL = """(.*?)"""', SMALL, re.DOTALL)
    assert text is not None
    Path("small.spine").write_text(text[1])

    def search(*arguments: str) -> Ran:
        code = run(["search", *arguments])
        return Ran(code, *capsys.readouterr())

    return search


def test_the_first_thing_somebody_types(search) -> None:
    ran = search("small.spine:small", "--minimise", "macs", "--trials", "12")
    assert ran.code == 0
    assert ran.out.startswith("12 networks tried\n\ntrial")
    assert "the best so far" in ran.err
    assert ran.out.rstrip().endswith("wrote small_search/report.html, front.svg, results.json and best/")
    assert len(json.loads(Path("small_search/results.json").read_text())["trials"]) == 12


def test_several_objectives_in_both_spellings(search) -> None:
    ran = search(
        "small.spine:small", "--minimize", "macs", "--maximize", "params", "--trials", "25", "-o", "front"
    )
    assert ran.code == 0
    assert re.search(r"trial +macs +params +network", ran.out)
    assert Path("front/front.svg").exists()


def test_the_three_steps(search) -> None:
    steps = ("--steps", "order,connections,adjustments")
    ran = search("small.spine:small", "--minimise", "macs", "--trials", "5", "-o", "found", *steps)
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if line.startswith("step")] == [
        "step 1 of 3: order", "step 2 of 3: connections", "step 3 of 3: adjustments"
    ]  # fmt: skip
    assert {path.name for path in Path("found").iterdir()} == {
        "journal.log", "journal.lock", "order", "connections", "adjustments"
    }  # fmt: skip
    # One of them apart, from what was found.
    best = next(Path("found/order/best").iterdir())
    ran = search(
        "small.spine:small",
        "--minimise",
        "macs",
        "--trials",
        "5",
        "--steps",
        "connections",
        "--start",
        str(best),
    )
    assert ran.code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 1, "nothing to search for"),
        (("--minimise", "mac"), 1, "did you mean “macs”?"),
        (("--minimise", "macs", "--maximise", "macs"), 1, "“macs” is asked for twice"),
        (("--minimise", "macs", "--steps", "order,ordre"), 2, "“ordre” is no step"),
        (("--minimise", "macs", "--steps", "order,order"), 2, "named twice"),
        (("--minimise", "macs", "--timeout", "0"), 2, "timeout"),
        (("--minimise", "macs", "--sampler", "magic"), 2, "magic"),
        (("--minimise", "macs", "--require", "params <= 1"), 1, "SP047"),
        (("--minimise", "macs", "--require", "params <"), 1, "SP0"),
        (("--minimise", "macs", "--storage", "nonsense"), 1, "is not the address of a database"),
        (("--maximise", "os.path:nothing"), 1, "has no function “nothing”"),
        (("--maximise", "../mine:f"), 1, "is nothing that can be searched for"),
    ],
)
def test_what_is_wrong_is_told(search, arguments: tuple[str, ...], code: int, message: str) -> None:
    ran = search("small.spine:small", *arguments)
    assert ran.code == code
    assert message in ran.err


def test_without_optuna(search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    ran = search("small.spine:small", "--minimise", "macs")
    assert ran.code == 1
    assert "SP052" in ran.err and "spinec[search]" in ran.err
    assert not Path("small_search").exists()


def test_proxies_and_latency(search) -> None:
    ran = search(
        "small.spine:tiny", "--maximise", "synflow", "--maximise", "naswot", "--maximise", "zen", "--minimise",
        "latency", "--trials", "2", "-o", "found",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    for trial in json.loads(Path("found/results.json").read_text())["trials"]:
        assert set(trial["values"]) == {"synflow", "naswot", "zen", "latency"}, trial
        assert 0 < trial["values"]["latency"] < 10_000


def test_timed_side_by_side_is_warned_of(search) -> None:
    ran = search("small.spine:single", "--minimise", "latency", "--jobs", "2", "-o", "found")
    assert "slow each other down" in ran.err


def test_a_search_that_finds_nothing_fails(search) -> None:
    Path("mine.py").write_text("def f(path):\n    raise ValueError('no')\n")
    ran = search("small.spine:tiny", "--maximise", "mine:f", "--trials", "2", "-o", "found")
    assert ran.code == 1
    assert ran.out.startswith("2 networks tried, 2 failed")
