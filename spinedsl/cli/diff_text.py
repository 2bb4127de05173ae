"""`spinec diff` on a terminal: a line for each change, totals, and a table of what costs something else."""

from __future__ import annotations

from collections.abc import Iterator

import click

from spinedsl.cli.diff_cells import (
    COST_HEAD,
    COST_RIGHT,
    changes_to_tell,
    cost_cells,
    costs_to_tell,
    heading,
    told,
    totals,
    unchanged,
)
from spinedsl.cli.render import printable
from spinedsl.cli.tables import aligned
from spinedsl.comparison.difference import Difference
from spinedsl.comparison.references import Compared, SpecDifference

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


def diff_text(difference: SpecDifference) -> str:
    """Everything that differs, with the colours of a terminal."""
    lines = [f"{printable(difference.before)} → {printable(difference.after)}"]
    if not difference.differs:
        lines.append(unchanged(difference))
    else:
        for network, like in told(difference.networks):
            lines += ["", *_network(network, like)]
    return "\n".join(lines)


def _network(network: Compared, like: str | None) -> Iterator[str]:
    difference = network.difference
    if difference is None:
        sign = "+" if network.state == "added" else "-"
        yield _coloured(sign, f"{sign} {network.name}")
        return
    yield click.style(heading(difference), bold=True)
    if not difference.changes:
        yield "  no change"
        return
    if like is not None:
        yield f"  ~ changed as {like} did"
    for change in changes_to_tell(difference, like):
        yield _coloured(change.sign, f"  {change.sign} {printable(change.sentence(_written))}")
    yield ""
    yield from _costs(difference, like)


def _written(text: str) -> str:
    """Quoted where its own arrows would be taken for the sentence's."""
    return f"“{text}”" if "->" in text or "<-" in text else text


def _coloured(sign: str, line: str) -> str:
    return click.style(line, fg=_COLOURS[sign])


def _costs(difference: Difference, like: str | None) -> Iterator[str]:
    rows = [("", name, was, "→", now, delta) for name, was, now, delta in totals(difference)]
    yield from aligned(rows, {2, 4})
    costs = costs_to_tell(difference, like)
    if costs:
        head, *lines = aligned([COST_HEAD, *map(cost_cells, costs)], COST_RIGHT)
        yield from ("", f"  {head}", *(_coloured(line[0], f"  {line}") for line in lines))
