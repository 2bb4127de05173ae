"""`spinec diff` as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
from spinedsl.comparison.difference import Difference
from spinedsl.comparison.references import Compared, SpecDifference

UNFOLDED = 20
"""Changes that stand open; more are folded up."""
MOST = 250
"""Changes, and blocks of a table, that are shown of one network: a comment on GitHub has 65,536 characters."""


def markdown(difference: SpecDifference) -> str:
    """Everything that differs, in GitHub's Markdown."""
    lines = [f"### {code(difference.before)} → {code(difference.after)}", ""]
    if not difference.differs:
        lines.append(f"{unchanged(difference).capitalize()}.")
    else:
        for network, like in told(difference.networks):
            lines += [*_network(network, like), ""]
    return "\n".join(lines).rstrip()


def code(text: str) -> str:
    """A text that stands as it is, whatever is in it; safe in the cell of a table."""
    shown = printable(text).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    gap = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def _network(network: Compared, like: str | None) -> Iterator[str]:
    difference = network.difference
    if difference is None:
        yield f"{code(network.name)} is {'new' if network.state == 'added' else 'gone'}."
        return
    if not difference.changes:
        yield f"{code(network.name)} is the same."
        return
    yield from (f"#### {code(heading(difference))}", "", *_totals(difference))
    changes = [f"- {code(c.sign)} {c.sentence(code)}" for c in changes_to_tell(difference, like)]
    if like is not None:
        yield from ("", f"It changed as {code(like)} did.")
    if changes:
        yield ""
        yield from _folded(f"{len(changes):,} changes", changes) if len(changes) > UNFOLDED else changes
    costs = costs_to_tell(difference, like)
    if costs:
        head, rule, *rows = _table(COST_HEAD, [cost_cells(cost) for cost in costs], COST_RIGHT)
        yield ""
        yield from _folded(f"{len(costs):,} blocks cost something else", rows, (head, rule))


def _totals(difference: Difference) -> list[str]:
    return _table(("", "before", "after", "Δ"), totals(difference), frozenset({1, 2, 3}))


def _folded(summary: str, lines: Sequence[str], head: Sequence[str] = ()) -> Iterator[str]:
    yield from (f"<details><summary>{summary}</summary>", "", *head, *lines[:MOST], "")
    if len(lines) > MOST:
        yield from (f"… and {len(lines) - MOST:,} more.", "")
    yield "</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int]) -> list[str]:
    rule = ("--:" if place in right else "---" for place in range(len(head)))
    # A sign alone would be taken for a list.
    cells = [[code(cell) if cell in ("+", "-", "~") else cell for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, list(rule), *cells)]
