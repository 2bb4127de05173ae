"""Names of the generated classes.

1. A class has the name of its definition in CamelCase.
2. Several classes of one definition add the branches and parts they took (`CrossScaleUp`,
   `BottleneckWithProjection`), without those that all of them took.
3. Classes that are still called alike add the first of their arguments that tells them all apart
   (`CrossScaleDown4`); else the operators that only some of them have (`MbconvWithAdd`); else a
   number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from spinedsl.emit.torch.grouping import Group, drops_path
from spinedsl.ir.titles import TAKEN_CLASSES
from spinedsl.ops import Operator


def camel(name: str) -> str:
    """`cross_scale` → `CrossScale`."""
    return "".join(part[0].upper() + part[1:] for part in name.split("_") if part)


def class_names(groups: list[Group], taken: Collection[str]) -> list[str]:
    """One name for each group, in their order, and none of those taken."""
    by_definition: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        by_definition.setdefault(group.model.definition, []).append(index)
    names = [""] * len(groups)
    used = {*TAKEN_CLASSES, *taken}
    for definition, indices in by_definition.items():
        chosen = _variants(definition, [groups[i] for i in indices])
        for index, name in zip(indices, chosen, strict=True):
            names[index] = _free(name, used)
            used.add(names[index])
    return names


def _variants(definition: str, groups: list[Group]) -> list[str]:
    base = camel(definition) or "Block"
    everywhere = set.intersection(*(set(group.model.taken) for group in groups))
    names = [
        base + "".join(camel(t) for t in dict.fromkeys(group.model.taken) if t not in everywhere)
        for group in groups
    ]
    for name in dict.fromkeys(names):
        alike = [i for i, other in enumerate(names) if other == name]
        values = _telling_apart([groups[i] for i in alike]) if len(alike) > 1 else None
        if len(alike) > 1 and values is None:
            values = _operators([groups[i] for i in alike])
        for index, value in zip(alike, values or (), strict=False):
            names[index] = f"{name}{value}"
    return names


def _telling_apart(groups: list[Group]) -> list[str] | None:
    """The values of the first integer argument that is one in each group, and another in each."""
    candidates = [n for n, v in groups[0].model.arguments if type(v) is int and _says_what(n)]
    # `factor` says more to a reader than `steps`.
    candidates.sort(key=lambda name: name != "factor")
    tables = [[dict(member.arguments) for member in group.members] for group in groups]
    for name in candidates:
        found = [{table.get(name) for table in group} for group in tables]
        values = [next(iter(v)) for v in found if len(v) == 1]
        if len(set(values)) == len(groups) and all(type(v) is int and v >= 0 for v in values):
            return [str(v) for v in values]
    return None


def _says_what(argument: str) -> bool:
    """Whether an argument says what a function does, not how large it is or where it stands."""
    return argument.rpartition(".")[2] not in ("width", "channels", "level")


def _operators(groups: list[Group]) -> list[str]:
    """What each group's functions have and another's lack."""
    labels = [
        {n.target.label: None for n in g.model.nodes if isinstance(n.target, Operator) and not drops_path(n)}
        for g in groups
    ]
    everywhere = set.intersection(*(set(found) for found in labels))
    return ["".join(f"With{camel(label)}" for label in found if label not in everywhere) for found in labels]


def _free(name: str, used: Iterable[str]) -> str:
    candidate, number = name, 2
    while candidate in used:
        candidate = f"{name}{number}"
        number += 1
    return candidate
