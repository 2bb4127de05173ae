"""See that the rules of a search space leave something in every block's place."""

from __future__ import annotations

from collections.abc import Mapping

from spinedsl.diagnostics import Diagnostics
from spinedsl.ir.adjusting import adjustments_of, group_of
from spinedsl.ir.model import Block, Space, Window


def window_of(space: Space, block: Block) -> Window | None:
    """What says which blocks a block may read; None: it reads what the seed's reads in its place."""
    return next((w for w in space.connect if w.group in (None, group_of(block))), None)


def candidates(space: Space, place: int, window: Window) -> range:
    """What the block in a place may read: indices into the sources, then the places."""
    position = len(space.sources) + place
    return range(0 if window.last is None else max(0, position - window.last), position)


def check_possible(space: Space, widths: Mapping[int, int], diagnostics: Diagnostics) -> None:
    """Record windows with too few blocks (SP045), and levels without a width (SP034)."""
    _check_windows(space, diagnostics)
    _check_levels(space, widths, diagnostics)


def _check_windows(space: Space, diagnostics: Diagnostics) -> None:
    told: set[int] = set()
    for place, block in enumerate(space.blocks):
        window = window_of(space, block)
        if window is None or id(window) in told:
            continue
        there = len(candidates(space, place, window))
        if there < window.count:
            told.add(id(window))
            further = window.last is not None and there < len(space.sources) + place
            diagnostics.add(
                "SP045",
                f"“{space.name}” is empty: block “{block.name}” has {there} block{'s' * (there != 1)} to choose from, "
                f"and reads {window.count}",
                window.span,
                help=f"look further back: `from last {window.count}`"
                if further
                else f"connect {there}"
                if there
                else "give the seed a stem block to read",
            )


def _check_levels(space: Space, widths: Mapping[int, int], diagnostics: Diagnostics) -> None:
    told: set[int] = set()
    for block in space.blocks:
        adjustments = adjustments_of(space, group_of(block))
        level, width = adjustments.get("level"), adjustments.get("width")
        if level is None or block.width is not None or (width is not None and not width.relative):
            continue
        for offset in level.values:
            assert isinstance(offset, int)
            moved = block.level + offset
            if moved not in widths and moved not in told:
                told.add(moved)
                known = ", ".join(map(str, widths)) or "none"
                diagnostics.add(
                    "SP034",
                    f"block “{block.name}” may be moved to level {moved}, which has no width",
                    level.span,
                    f"levels with a width: {known}",
                    help=f"add it to the table of “{space.seed}”: `width {{ {moved}: … }}`"
                    if moved >= 0
                    else "there are no levels below 0; leave out the offset",
                )
