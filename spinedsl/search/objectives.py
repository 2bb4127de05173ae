"""What a search looks for: the objectives that a person names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from spinedsl.diagnostics import fail, suggestion
from spinedsl.records import record

Direction = Literal["minimise", "maximise"]
Kind = Literal["cost", "proxy", "latency", "own"]

COSTS = {
    "params": "parameters",
    "macs": "multiply-adds",
    "memory": "bytes of every result in float32, which training keeps",
    "depth": "blocks on the longest path",
}
"""Told by the cost model, exactly and at once."""
PROXIES = {
    "synflow": "SynFlow (Tanaka et al. 2020)",
    "naswot": "NASWOT (Mellor et al. 2021)",
    "zen": "Zen-score (Lin et al. 2021)",
}
"""Told by the generated torch module, untrained."""
LATENCY = "latency"
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)


@record
class Objective:
    """One number that a search makes small or large.

    Attributes:
        name: as it was written: `macs`, or `my_module:my_function`.
    """

    name: str
    direction: Direction
    kind: Kind

    @property
    def short(self) -> str:
        """What a table calls it."""
        return self.name.partition(":")[2] or self.name

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than another."""
        return one < other if self.direction == "minimise" else one > other


def objective(name: str, direction: Direction) -> Objective:
    """The objective that a person names.

    Raises:
        DiagnosticError: there is none of this name (SP060).
    """
    if name in COSTS:
        return Objective(name, direction, "cost")
    if name in PROXIES:
        return Objective(name, direction, "proxy")
    if name == LATENCY:
        return Objective(name, direction, "latency")
    if _OWN.fullmatch(name):
        return Objective(name, direction, "own")
    known = [*COSTS, *PROXIES, LATENCY]
    raise fail(
        "SP060", f"“{name}” is nothing that can be searched for",
        help=suggestion(name, known, f"name one of {', '.join(known)}, or a function of yours, `module:function`"),
    )  # fmt: skip


def distinct(objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """The objectives, each named once.

    Raises:
        DiagnosticError: there is none, or one of them twice (SP060).
    """
    names = [each.name for each in objectives]
    if not names:
        raise fail(
            "SP060", "nothing to search for",
            help="say what should be small or large: `--minimise macs`, `--maximise naswot`, "
            "`--maximise my_module:my_function`",
        )  # fmt: skip
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise fail("SP060", f"“{twice}” is asked for twice", help="name each objective once")
    return tuple(objectives)
