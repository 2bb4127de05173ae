"""What changed between two models: backbone, necks and heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spinedsl.comparison.changes import Change
from spinedsl.comparison.matching import Matching
from spinedsl.comparison.networks import compare_networks
from spinedsl.comparison.settings import default_changes, definition_changes, unlike
from spinedsl.graph.assembly import part_name
from spinedsl.ir.model import Model
from spinedsl.ir.writing import call_text
from spinedsl.pipeline import ModelCompilation


def compare_models(before: ModelCompilation, after: ModelCompilation) -> tuple[tuple[Change, ...], Matching]:
    """What changed, and which block is which, by their names in `summarise`."""
    old, new = before.model, after.model
    changes = [*unlike("setting", _settings(old), _settings(new)), *default_changes(old, new)]
    names: Matching = {}
    for index, (was, now) in enumerate(zip(before.parts, after.parts, strict=False)):
        part = part_name(index)
        found, matching = compare_networks(was.expanded, now.expanded)
        if index and was.network.name != now.network.name:
            changes.append(Change("setting", part, was.network.name, now.network.name))
        # What a neck reads follows from the part below it.
        changes += [replace(c, part=part) for c in found if not (index and c.kind == "input")]
        prefix = f"{part}." if index else ""
        names |= {f"{prefix}{name}": f"{prefix}{other}" for name, other in matching.items()}
    shared = min(len(old.necks), len(new.necks))
    changes += [Change("neck-removed", "", neck.name, None) for neck in old.necks[shared:]]
    changes += [Change("neck-added", "", None, neck.name) for neck in new.necks[shared:]]
    changes += _heads(old, new)
    changes += definition_changes(old.definitions, new.definitions)
    return tuple(changes), names


def _settings(model: Model) -> dict[str, str]:
    return {"backbone": model.backbone.name, "pixels": model.pixels}


def _heads(before: Model, after: Model) -> Iterator[Change]:
    old, new = ({head.name: head for head in model.heads} for model in (before, after))
    for name, head in old.items():
        if name not in new:
            yield Change("head-removed", name, call_text(head), None)
    for name, head in new.items():
        if name not in old:
            yield Change("head-added", name, None, call_text(head))
        elif head != old[name]:
            yield Change("head", name, call_text(old[name]), call_text(head))
