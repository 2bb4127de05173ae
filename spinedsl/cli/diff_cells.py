"""What `spinec diff` shows of a difference, as text and as Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from spinedsl.cli.tables import size_text
from spinedsl.comparison.changes import FACTS, Change
from spinedsl.comparison.difference import Cost, Difference
from spinedsl.comparison.references import Compared, SpecDifference

SHORT = 3
"""Changes that are said again though another network of the file has the same."""
Written = Callable[[int], str]


def unchanged(difference: SpecDifference) -> str:
    """Why nothing differs."""
    count = len(difference.networks)
    what = "the same network" if count == 1 else f"the same {count:,} networks"
    return f"{what}, in the same text" if difference.same_text else f"{what}; only the text differs"


def told(networks: Sequence[Compared]) -> Iterator[tuple[Compared, str | None]]:
    """Each network, and the name of an earlier one that changed in just the same way."""
    known: dict[tuple[Change, ...], str] = {}
    for network in networks:
        like = None
        if network.difference is not None:
            changes = tuple(change for change in network.difference.changes if change.kind not in FACTS)
            like = known.get(changes) if len(changes) > SHORT else None
            known.setdefault(changes, network.name)
        yield network, like


def changes_to_tell(difference: Difference, like: str | None) -> list[Change]:
    """Those that the network it is like, if there is one, doesn't have."""
    return [change for change in difference.changes if like is None or change.kind in FACTS]


def costs_to_tell(difference: Difference, like: str | None) -> list[Cost]:
    """Of what costs something else; none of a network that changed as another one did, whose table is shown."""
    return [cost for cost in difference.costs if cost.changed and like is None]


def heading(difference: Difference) -> str:
    """The network's name, both if it has another one."""
    if difference.before_name == difference.name:
        return difference.name
    return f"{difference.before_name} → {difference.name}"


# ---- numbers


def number(count: int) -> str:
    """Every digit."""
    return f"{count:,}"


def multiply_adds(count: int) -> str:
    """`28.26G`, `652.4M`, or every digit of less."""
    if count >= 10**9:
        return f"{count / 1e9:,.2f}G"
    return f"{count / 1e6:,.1f}M" if count >= 10**6 else number(count)


def signed(delta: int, written: Written) -> str:
    """`+1,024`, `-1.5M`; `=` for no difference."""
    if not delta:
        return "="
    return f"{'+' if delta > 0 else '-'}{written(abs(delta))}"


def totals(difference: Difference) -> list[tuple[str, str, str, str]]:
    """What is counted, before, after, and by how much it differs."""
    old, new = difference.before, difference.after
    return [
        _total("parameters", old.parameters, new.parameters, number),
        _total("MACs", old.macs, new.macs, multiply_adds),
        _total("activations", old.activation_bytes, new.activation_bytes, size_text),
        _total("held at once", old.peak_bytes, new.peak_bytes, size_text),
    ]


def _total(name: str, before: int, after: int, written: Written) -> tuple[str, str, str, str]:
    delta = signed(after - before, written)
    share = f" ({(after - before) / before:+.1%})" if before and after != before else ""
    return name, written(before), written(after), delta + share


# ---- a block


COST_HEAD = ("", "block", "output", "parameters", "Δ", "MACs", "Δ", "activations", "Δ")
COST_RIGHT = frozenset(range(3, len(COST_HEAD)))
"""Columns of numbers."""


def cost_cells(cost: Cost) -> tuple[str, ...]:
    """One row below `COST_HEAD`; what is gone costs nothing any more."""
    return (
        "+" if cost.before is None else "-" if cost.after is None else "~",
        cost.name,
        _shapes(cost),
        *_measured(cost, "parameters", number),
        *_measured(cost, "macs", multiply_adds),
        *_measured(cost, "activation_bytes", size_text),
    )


def _shapes(cost: Cost) -> str:
    was, now = (None if row is None else str(row.shape) for row in (cost.before, cost.after))
    return f"{was} → {now}" if was and now and was != now else now or was or ""


def _measured(cost: Cost, measure: str, written: Written) -> tuple[str, str]:
    return written(int(getattr(cost.after, measure, 0))), signed(cost.delta(measure), written)
