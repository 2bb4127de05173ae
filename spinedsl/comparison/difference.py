"""Everything that differs between two networks or models: changes, and costs per block and in all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from spinedsl.analysis.summary import Row, Summary, summarise
from spinedsl.comparison.changes import Change
from spinedsl.comparison.matching import Matching
from spinedsl.comparison.models import compare_models
from spinedsl.comparison.networks import compare_networks
from spinedsl.comparison.settings import fact_changes
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record

MEASURES = ("parameters", "macs", "activation_bytes")


@record
class Cost:
    """One stem, block, endpoint or head in numbers, before and after; None where it isn't there.

    Attributes:
        name: the newer one.
    """

    name: str
    before: Row | None
    after: Row | None

    @property
    def changed(self) -> bool:
        """Whether it costs something else, or puts out another shape."""
        if self.before is None or self.after is None:
            return True
        return self.before.shape != self.after.shape or any(self.delta(measure) for measure in MEASURES)

    def delta(self, measure: str) -> int:
        """How much more of one of `MEASURES` there is."""
        return int(getattr(self.after, measure, 0)) - int(getattr(self.before, measure, 0))


@record
class Totals:
    """A whole network in numbers.

    Attributes:
        parameters: trained ones.
        untrained: numbers that are counted rather than trained.
        macs: multiply-adds for one image.
        activation_bytes: float32 bytes of every result.
        peak_bytes: what inference holds at once.
    """

    parameters: int
    untrained: int
    macs: int
    activation_bytes: int
    peak_bytes: int


@record
class Difference:
    """What differs between two networks or models.

    Attributes:
        name, before_name: what they are called.
        changes: in reading order; empty if both mean the same.
        costs: of everything that is in either, in running order, what is gone last.
        before, after: both in all.
    """

    name: str
    before_name: str
    changes: tuple[Change, ...]
    costs: tuple[Cost, ...]
    before: Totals
    after: Totals

    def as_json(self) -> dict[str, Any]:
        """As docs/comparing.md describes it."""
        old, new = asdict(self.before), asdict(self.after)
        return {
            "name": self.name,
            "before_name": self.before_name,
            "changes": [asdict(change) for change in self.changes],
            "totals": {
                measure: {"before": old[measure], "after": new[measure], "delta": new[measure] - old[measure]}
                for measure in old
            },
            "blocks": [
                {"name": cost.name, "before": _row(cost.before), "after": _row(cost.after)}
                for cost in self.costs
                if cost.changed
            ],
        }


def _row(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "name": row.name,
        "kind": row.kind,
        "level": row.level,
        "shape": list(row.shape),
        **{measure: getattr(row, measure) for measure in MEASURES},
    }


def compare(before: AnyCompilation, after: AnyCompilation) -> Difference:
    """What changed, and what it costs; each at its own input size.

    Raises:
        DiagnosticError: one of them doesn't compile.
    """
    changes, names = changes_between(before, after)
    old, new = summarise(before), summarise(after)
    return Difference(
        name=after.subject.name,
        before_name=before.subject.name,
        changes=changes,
        costs=tuple(_costs(old, new, names)),
        before=_totals(old),
        after=_totals(new),
    )


def changes_between(before: AnyCompilation, after: AnyCompilation) -> tuple[tuple[Change, ...], Matching]:
    if isinstance(before, Compilation) and isinstance(after, Compilation):
        changes, names = compare_networks(before.expanded, after.expanded)
    elif isinstance(before, ModelCompilation) and isinstance(after, ModelCompilation):
        changes, names = compare_models(before, after)
    else:
        kinds = ("model" if isinstance(each, ModelCompilation) else "network" for each in (before, after))
        return (Change("declared", after.subject.name, *kinds),), {}
    return (*changes, *fact_changes(before.subject, after.subject)), names


def _costs(before: Summary, after: Summary, names: Mapping[str, str]) -> Iterator[Cost]:
    # A head may be called like a block, and blocks only are matched under other names.
    old = {(row.kind == "head", row.name): row for row in before.rows}
    renamed = set(names.values())
    for row in after.rows:
        head = row.kind == "head"
        was = row.name if head else names.get(row.name) or (None if row.name in renamed else row.name)
        yield Cost(row.name, old.pop((head, was), None) if was else None, row)
    yield from (Cost(row.name, row, None) for row in old.values())


def _totals(summary: Summary) -> Totals:
    return Totals(
        summary.parameters, summary.untrained, summary.macs, summary.activation_bytes, summary.peak.bytes
    )
