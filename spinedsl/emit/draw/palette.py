"""Colours, as style sheets: one hue a level, light and dark.

The hues are evenly light (OKLCH), in spectral order; red is kept for output blocks. Rules are written
out without variables, which renderers of SVG outside of browsers don't know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from spinedsl.records import record

Theme = Literal["light", "dark", "both"]
"""`both` leaves the choice to the browser: `light-dark(…)`, for pages."""


T = TypeVar("T")


@record
class Tint:
    """The colours of one level: of blocks, of their outlines, of the arcs that leave them."""

    fill: str
    line: str
    arc: str


@record
class Ground:
    """The colours that don't depend on levels."""

    paper: str
    ink: str
    quiet: str
    faint: str
    neutral: Tint
    output: str
    on_output: str


GROUNDS: dict[Theme, Ground] = {
    "light": Ground(
        "#ffffff",
        "#1c2430",
        "#5a6472",
        "#d5dae1",
        Tint("#eef0f3", "#78828f", "#98a1ad"),
        "#d3212d",
        "#ffffff",
    ),
    "dark": Ground(
        "#14181f",
        "#e8ecf1",
        "#a3adba",
        "#39424e",
        Tint("#2a313b", "#8b96a4", "#77828f"),
        "#ff6b6b",
        "#1b0f10",
    ),
}

TINTS: dict[Theme, tuple[Tint, ...]] = {
    "light": (
        Tint("#e7d5ff", "#7b52a4", "#9772c0"),
        Tint("#dadaff", "#635bb0", "#7f7bcb"),
        Tint("#cce0fc", "#3568b2", "#5787ce"),
        Tint("#adeaf9", "#097689", "#0096af"),
        Tint("#b9eccf", "#0a7d51", "#339c6d"),
        Tint("#dce4b3", "#677008", "#848e2d"),
        Tint("#f6d9ae", "#8a600a", "#ad7c1d"),
        Tint("#ffcde8", "#9b467a", "#b86797"),
        Tint("#fed3c0", "#a44c1d", "#c16d45"),
    ),
    "dark": (
        Tint("#49355f", "#bb99e3", "#a280c8"),
        Tint("#3c3966", "#a4a1ee", "#8b88d3"),
        Tint("#254067", "#7facf0", "#6793d5"),
        Tint("#014855", "#45bcd6", "#21a3bc"),
        Tint("#104c32", "#66c093", "#4ca77b"),
        Tint("#3f440d", "#a8b35e", "#909a45"),
        Tint("#553a03", "#d1a255", "#b7893b"),
        Tint("#5b2e49", "#dc8ebb", "#c276a2"),
        Tint("#60311b", "#e5946f", "#ca7b57"),
    ),
}


def _paired(light: T, dark: T) -> T:
    """Colours of both themes in one: of tints, grounds, or strings."""
    if isinstance(light, str):
        return f"light-dark({light},{dark})"  # type: ignore[return-value]
    pairs = {name: _paired(value, getattr(dark, name)) for name, value in vars(light).items()}
    return type(light)(**pairs)


GROUNDS["both"] = _paired(GROUNDS["light"], GROUNDS["dark"])
TINTS["both"] = tuple(map(_paired, TINTS["light"], TINTS["dark"]))


def tint_class(level: int | None) -> str:
    """The class of what belongs to a level."""
    return "neutral" if level is None else f"l{level % len(TINTS['light'])}"


def tint_of(level: int | None, theme: Theme = "light") -> Tint:
    """The colours of what belongs to a level."""
    tints = TINTS[theme]
    return GROUNDS[theme].neutral if level is None else tints[level % len(tints)]


def rules(theme: Theme, levels: Iterable[int]) -> str:
    """The colours of a theme, a rule a line; of those levels."""
    ground = GROUNDS[theme]
    lines = [
        f".paper{{fill:{ground.paper}}}",
        f"text{{fill:{ground.ink}}}",
        f".quiet{{fill:{ground.quiet}}}",
        *_tinted("neutral", ground.neutral),
    ]
    for name, level in sorted({tint_class(level): level for level in levels}.items()):
        lines += _tinted(name, tint_of(level, theme))
    lines += [
        f".output .shape{{stroke:{ground.output}}}",
        f".flag rect{{fill:{ground.output}}}",
        f".flag text{{fill:{ground.on_output}}}",
        f".rule{{stroke:{ground.faint}}}",
    ]
    return "\n".join(lines) + "\n"


def _tinted(name: str, tint: Tint) -> list[str]:
    return [
        f".{name} .shape{{fill:{tint.fill};stroke:{tint.line}}}",
        f".{name} .way{{stroke:{tint.arc}}}",
        f".{name} .tip{{fill:{tint.arc}}}",
        f".{name} .count rect{{fill:{tint.line}}}",
        f".{name} .count text{{fill:{tint.fill}}}",
    ]
