"""What a head is for: from `-> detection(classes, size = 4)` to a task, and what it must put out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from spinedsl.diagnostics import DiagnosticError, Label, fail, suggestion
from spinedsl.graph.program import Endpoint
from spinedsl.graph.tasks import (
    ASPECTS,
    Anchors,
    Classification,
    Detection,
    Proposals,
    RegionBoxes,
    RegionMasks,
    Segmentation,
    Task,
)
from spinedsl.ir.expressions import Value, describe, evaluate
from spinedsl.ops import Shape
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

MAX_CLASSES = 100_000
MAX_OCTAVES = 16
MAX_POOL = 64
MAX_SIZE = 1024


@record
class Site:
    """Where a head stands: its name, and the levels it reads, finest first."""

    head: str
    endpoints: tuple[Endpoint, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the levels."""
        return tuple(endpoint.name for endpoint in self.endpoints)

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the levels."""
        return tuple(endpoint.stride for endpoint in self.endpoints)


Numbers = Mapping[str, int | Fraction]


@record
class TaskWord:
    """One task of the language.

    Attributes:
        build: makes the task.
        arguments: name → default; None if it must be given.
        example: as a head would write it.
        outputs: what the head must put out, each with its channels.
        regions: whether the head works on regions that are cut out of the levels.
        by_level: whether every level has outputs of its own.
    """

    build: Callable[[Site, Numbers], Task]
    arguments: dict[str, int | None]
    example: str
    outputs: Callable[[Task], dict[str, int]]
    regions: bool = False
    by_level: bool = False


def _anchors(numbers: Numbers) -> Anchors:
    aspects = ASPECTS if numbers["aspects"] == 3 else (1.0,)
    return Anchors(float(numbers["size"]), int(numbers["octaves"]), aspects)


def _detection(site: Site, numbers: Numbers) -> Task:
    anchors = _anchors(numbers)
    return Detection(site.head, site.names, site.strides, int(numbers["classes"]), anchors)


def _proposals(site: Site, numbers: Numbers) -> Task:
    return Proposals(site.head, site.names, site.strides, _anchors(numbers))


def _region_boxes(site: Site, numbers: Numbers) -> Task:
    classes, pool = int(numbers["classes"]), int(numbers["pool"])
    return RegionBoxes(site.head, site.names, site.strides, classes, pool)


def _region_masks(site: Site, numbers: Numbers) -> Task:
    classes, pool = int(numbers["classes"]), int(numbers["pool"])
    return RegionMasks(site.head, site.names, site.strides, classes, pool)


def _classification(site: Site, numbers: Numbers) -> Task:
    return Classification(site.head, int(numbers["classes"]))


def _segmentation(site: Site, numbers: Numbers) -> Task:
    # The stride is known when the body has run.
    return Segmentation(site.head, int(numbers["classes"]), 1)


def _outputs(task: Task) -> dict[str, int]:
    match task:
        case Detection():
            return {"scores": task.classes * task.anchors.count, "boxes": 4 * task.anchors.count}
        case Proposals():
            return {"scores": task.anchors.count, "boxes": 4 * task.anchors.count}
        case RegionBoxes():
            return {"scores": task.classes, "boxes": 4 * task.classes}
        case RegionMasks():
            return {"masks": task.classes}
        case _:
            return {"logits": task.classes}


_ANCHORS: dict[str, int | None] = {"size": 4, "octaves": 3, "aspects": 3}

TASKS: dict[str, TaskWord] = {
    "classification": TaskWord(
        _classification, {"classes": None}, "classification(classes)", _outputs
    ),
    "detection": TaskWord(
        _detection, {"classes": None, **_ANCHORS}, "detection(classes, size = 4)", _outputs, by_level=True
    ),
    "proposals": TaskWord(
        _proposals, {"size": 8, "octaves": 1, "aspects": 3}, "proposals(size = 8)", _outputs, by_level=True
    ),
    "region_boxes": TaskWord(
        _region_boxes, {"classes": None, "pool": 7}, "region_boxes(classes, pool = 7)", _outputs, regions=True
    ),
    "region_masks": TaskWord(
        _region_masks, {"classes": None, "pool": 14}, "region_masks(classes, pool = 14)", _outputs,
        regions=True,
    ),
    "segmentation": TaskWord(_segmentation, {"classes": None}, "segmentation(classes)", _outputs),
}  # fmt: skip
"""Every task, by its word in the language."""

_BOUNDS = {"classes": MAX_CLASSES, "octaves": MAX_OCTAVES, "pool": MAX_POOL, "size": MAX_SIZE}


def read_task(
    definition: nodes.Definition, environment: Mapping[str, Value], site: Site, user: Label | None
) -> tuple[Task, TaskWord]:
    """The task a head declares, with its arguments worked out.

    Raises:
        DiagnosticError: there is no such task, or an argument is wrong (SP020, SP030, SP031).
    """
    call = definition.task
    assert call is not None
    secondary = [user] if user else []
    word = TASKS.get(call.name.text)
    if word is None:
        raise fail(
            "SP020", f"there is no task “{call.name}”", call.name.span, secondary=secondary,
            help=suggestion(call.name.text, TASKS, f"tasks are {', '.join(TASKS)}"),
        )  # fmt: skip
    numbers: dict[str, int | Fraction] = {}
    names = list(word.arguments)
    for index, argument in enumerate(call.arguments):
        name = argument.name.text if argument.name else names[index] if index < len(names) else ""
        if name not in word.arguments:
            raise fail(
                "SP031", f"“{call.name}” has no argument “{name}”" if name else f"too many arguments for “{call.name}”",
                argument.span, secondary=secondary,
                help=suggestion(name, names, f"its arguments are {', '.join(names)}"),
            )  # fmt: skip
        if name in numbers:
            raise fail(
                "SP031", f"“{name}” is given twice", argument.span, secondary=secondary,
                help="remove one of them",
            )  # fmt: skip
        value = evaluate(argument.value, environment)
        numbers[name] = _checked(name, value, argument.span, secondary)
    for name, default in word.arguments.items():
        if default is not None:
            numbers.setdefault(name, default)
        elif name not in numbers:
            raise fail(
                "SP031", f"“{call.name}” needs a value for “{name}”", call.span, secondary=secondary,
                help=f"write `-> {word.example}`",
            )  # fmt: skip
    return word.build(site, numbers), word


def _checked(name: str, value: Value, span: Span, secondary: list[Label]) -> int | Fraction:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if name == "aspects":
        allowed, wanted = whole and value in (1, 3), "1 or 3"
    elif name == "size":
        allowed = (whole or isinstance(value, Fraction)) and 0 < value <= _BOUNDS[name]
        wanted = f"a number above 0, and up to {_BOUNDS[name]:,}"
    else:
        allowed = whole and 0 < value <= _BOUNDS[name]
        wanted = f"a whole number from 1 to {_BOUNDS[name]:,}"
    if not allowed:
        raise fail(
            "SP030", f"“{name}” of a task must be {wanted}, not {describe(value)}", span,
            secondary=secondary, help=f"give it {wanted}",
        )  # fmt: skip
    assert isinstance(value, int | Fraction)
    return value


def wrong_outputs(
    head: str, word: TaskWord, task: Task, outputs: Mapping[str, tuple[Shape, ...]], span: Span
) -> DiagnosticError | None:
    """What is wrong with what a head puts out, by its outputs' shapes (one a level, or one)."""
    for name, channels in word.outputs(task).items():
        if name not in outputs:
            return fail(
                "SP032", f"“{head}” puts out no “{name}”", span,
                help=f"end a chain in `=> {name}`" + (", in `each level { … }`" if word.by_level else ""),
            )  # fmt: skip
        found = {shape.channels for shape in outputs[name]}
        if found != {channels}:
            return fail(
                "SP041", f"“{name}” of “{head}” has {_listed(found)} channels; the task needs {channels:,}", span,
                help="let its last operator put them out",
            )  # fmt: skip
        flat = all(shape.height == shape.width == 1 for shape in outputs[name])
        if not flat and not word.by_level and name not in ("masks",) and not isinstance(task, Segmentation):
            return fail(
                "SP041", f"“{name}” of “{head}” is {outputs[name][0]}; the task needs one pixel", span,
                help="end its chain in `global_pool` and `dense`",
            )  # fmt: skip
    unknown = [name for name in outputs if name not in word.outputs(task)]
    if unknown:
        known = ", ".join(word.outputs(task))
        return fail("SP031", f"“{head}” puts out “{unknown[0]}”, which the task doesn't know", span,
                    help=f"its outputs are {known}")  # fmt: skip
    return None


def _listed(numbers: set[int]) -> str:
    return " or ".join(f"{number:,}" for number in sorted(numbers))
