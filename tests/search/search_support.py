"""A small search space in a folder, functions to search with, and searches in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinedsl.analysis.requirements import Requirements
from spinedsl.search.objectives import Direction, objective
from spinedsl.search.search import Events, Limits
from spinedsl.search.session import Outcome, Request, search
from spinedsl.spaces.opening import open_space, parse_requirement
from spinedsl.spaces.search_space import SearchSpace

SMALL = """import "std/resnet.spine"

network seed {
  input 3 x 64 x 64
  width { 1: 4, 2: 8, 3: 12, 4: 20 }

  stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 }

  b0: residual @3 <- s0, s1
  b1: residual @2 <- s0, b0
  b2: residual @3 <- b0, b1 => P3
}

space small of seed {
  permute intermediate
  connect 2 from earlier
  adjust  level by {-1, 0, 1}
  adjust  kind to {residual, bottleneck}
}

space single of seed { connect 2 from last 2 for output }

space tiny of seed {
  connect 2 from earlier
  adjust  level by {0, 1}
}
"""
OWN = '''"""Functions of somebody's own."""

import os
import time
from pathlib import Path

CALLS = Path(__file__).with_name("calls.txt")


def size(path):
    print("measuring", path.name)
    return len(path.read_text())


def noted(path):
    """Slow, and leaves a line at each end."""
    network = next(line.split()[1] for line in path.read_text().splitlines() if line.startswith("network"))
    with CALLS.open("a") as file:
        file.write(f"begin {network} {os.getpid()}\\n")
    time.sleep(0.3)
    with CALLS.open("a") as file:
        file.write(f"end {network} {os.getpid()}\\n")
    return int(network.rpartition("_")[2]) % 97


def raises(path):
    raise ValueError("no such luck")


def nothing(path):
    return float("nan")


def words(path):
    return "many"


def endless(path):
    while True:
        time.sleep(1)


def dies(path):
    os._exit(3)


number = 3
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small.spine and mine.py, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("small.spine").write_text(SMALL)
    Path("mine.py").write_text(OWN)
    return tmp_path


def request_of(
    *wanted: str, require: tuple[str, ...] = (), trials: int | None = 20, jobs: int = 1,
    timeout: float | None = None, minutes: float | None = None, folder: str = "found", space: str = "small",
    **others: Any,
) -> Request:  # fmt: skip
    """A request in a space of small.spine; `wanted` are names, with a + in front of what shall be large."""
    opened = open_space(f"small.spine:{space}")
    further = [parse_requirement(text) for text in require]
    return Request(
        opened, Requirements.of(opened.space, further), tuple(map(_objective, wanted)), Path(folder),
        Limits(trials, minutes, timeout, jobs), **others,
    )  # fmt: skip


def _objective(text: str) -> Any:
    direction: Direction = "maximise" if text.startswith("+") else "minimise"
    return objective(text.lstrip("+"), direction)


def searched(*wanted: str, events: Events | None = None, **asked: Any) -> Outcome:
    """The outcome of a search in this process."""
    return search(request_of(*wanted, **asked), events)


def results(folder: str | Path = "found") -> dict[str, Any]:
    """What a search wrote down."""
    document: dict[str, Any] = json.loads((Path(folder) / "results.json").read_text())
    return document


def everything(space: SearchSpace, value: Callable[[Any], Any]) -> list[Any]:
    """A value of the network of every encoding: brute force."""
    return [value(space.network(space.unrank(rank))) for rank in range(space.size)]


def front(points: list[tuple[float, ...]]) -> set[tuple[float, ...]]:
    """The points, all to be small, that no other one is below in everything: by the definition."""
    return {
        p
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    }
