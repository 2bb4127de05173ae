"""The picture of a search: what was found over time, or the Pareto front of every two objectives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from xml.sax.saxutils import escape

from spinedsl.records import record
from spinedsl.search.objectives import Objective
from spinedsl.search.trials import Tried, best_of

WIDTH, HEIGHT = 520, 380
LEFT, RIGHT, TOP, BOTTOM = 76, 18, 34, 52
"""Margins of a panel."""
TICKS = 5
STYLE = """\
text{font:12px system-ui,"Segoe UI","Liberation Sans",sans-serif;fill:#5a6472}
.title{font-size:14px;fill:#1c2430}
.paper{fill:#fff}
.grid{stroke:#d5dae1;fill:none}
.tried{fill:#7d8794;fill-opacity:.55}
.best{fill:#0b57d0}
.front{stroke:#0b57d0;stroke-width:1.5;fill:none}
@media (prefers-color-scheme:dark){text{fill:#a3adba}.title{fill:#e8ecf1}.paper{fill:#14181f}
.grid{stroke:#39424e}.best{fill:#8ab4f8}.front{stroke:#8ab4f8}}
"""


@record
class Axis:
    """One side of a panel.

    Attributes:
        low, high: what it reaches from and to.
    """

    label: str
    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[float]:
        """Round numbers within."""
        step = _round_step((self.high - self.low) / TICKS)
        first = math.ceil(self.low / step)
        for number in range(first, math.floor(self.high / step) + 1):
            yield number * step


def picture(
    tried: Sequence[Tried],
    objectives: Sequence[Objective],
    title: str,
    banner: str,
    *,
    headed: bool = True,
) -> str:
    """An SVG: with one objective its values one after the other, with several each two against each other.

    Args:
        headed: whether the title is drawn, too.
    """
    done = [each for each in tried if each.values]
    panels: list[list[str]] = []
    if done:
        if len(objectives) == 1:
            panels.append(_history(done, objectives[0]))
        else:
            panels += [_front(done, objectives, pair) for pair in combinations(range(len(objectives)), 2)]
    columns = min(2, max(1, len(panels)))
    rows = -(-max(1, len(panels)) // columns)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT + 30}"'
        f' width="{columns * WIDTH}" height="{rows * HEIGHT + 30}" role="img">',
        f"<!-- {escape(banner)} -->",
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
    ]
    if headed:
        lines.append(f'<text class="title" x="16" y="24">{escape(title)}</text>')
    if not panels:
        lines.append('<text x="16" y="60">nothing was measured</text>')
    for place, panel in enumerate(panels):
        x, y = place % columns * WIDTH, place // columns * HEIGHT + 30
        lines += [f'<g transform="translate({x} {y})">', *panel, "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _history(done: Sequence[Tried], objective: Objective) -> list[str]:
    """Every value, and the best so far as a line."""
    points = [(float(each.number), each.values[0], _told(each, [objective])) for each in done]
    best, stairs = points[0], []
    for point in points:
        if objective.better(point[1], best[1]):
            stairs.append((point[0], best[1]))
            best = point
        stairs.append((point[0], best[1]))
    across = _axis("trial", [x for x, _, _ in points])
    up = _axis(objective.short, [y for _, y, _ in points])
    return _panel(across, up, points, [best], stairs)


def _front(done: Sequence[Tried], objectives: Sequence[Objective], pair: tuple[int, int]) -> list[str]:
    """Two objectives; winners of these two are joined, those of all stand out."""
    x, y = pair
    asked = [objectives[x], objectives[y]]
    reduced = [Tried(t.number, t.encoding, (t.values[x], t.values[y]), "", {}) for t in done]
    winners = {each.number for each in best_of(done, objectives)}
    points = [(t.values[x], t.values[y], _told(t, objectives)) for t in done]
    best = [(t.values[x], t.values[y], _told(t, objectives)) for t in done if t.number in winners]
    stairs: list[tuple[float, float]] = []
    for each in best_of(reduced, asked):
        if stairs:
            stairs.append((each.values[0], stairs[-1][1]))
        stairs.append((each.values[0], each.values[1]))
    across, up = (_axis(objectives[i].short, [t.values[i] for t in done]) for i in pair)
    return _panel(across, up, points, best, stairs)


Point = tuple[float, float, str]


def _panel(
    across: Axis,
    up: Axis,
    points: Sequence[Point],
    best: Sequence[Point],
    line: Sequence[tuple[float, float]],
) -> list[str]:
    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + across.place(x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up.place(y) * (HEIGHT - TOP - BOTTOM),
        )

    lines = []
    for value in across.ticks():
        x, _ = at(value, up.low)
        lines.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        lines.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{number_text(value)}</text>'
        )
    for value in up.ticks():
        _, y = at(across.low, value)
        lines.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number_text(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(
        f'<text x="{middle:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(across.label)}</text>'
    )
    lines.append(f'<text x="{LEFT - 60}" y="{TOP - 10}">{escape(up.label)}</text>')
    lines += _dots("tried", 3, [(*at(x, y), told) for x, y, told in points])
    if len(line) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*point) for point in line))
        lines.append(f'<path class="front" d="M{path}"/>')
    return lines + _dots("best", 4.5, [(*at(x, y), told) for x, y, told in best])


def _dots(name: str, radius: float, points: Sequence[Point]) -> list[str]:
    return [
        f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{escape(told)}</title></circle>'
        for x, y, told in points
    ]


def _told(tried: Tried, objectives: Sequence[Objective]) -> str:
    return f"trial {tried.number}: " + values_text(tried.values, objectives)


def values_text(values: Sequence[float], objectives: Sequence[Objective]) -> str:
    """Values by name: `macs 12.3G, naswot 1,203`."""
    return ", ".join(
        f"{each.short} {number_text(value)}" for each, value in zip(objectives, values, strict=True)
    )


def number_text(value: float) -> str:
    """A number in four digits or so, as specs write large ones: `12.3G`."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _axis(label: str, values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or max(abs(high) * 0.05, 0.5)
    return Axis(label, low - margin, high + margin)


def _round_step(least: float) -> float:
    """The least of 1, 2, 5, 10, … times a power of ten that isn't smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
