"""Lower a model to an Assembly: its networks, which are Programs already, and its heads.

1. Networks are called `backbone`, `neck`, `neck2`, …; each neck reads what stands before it, by level.
2. Heads read what the last network puts out, and have their own names.
3. Masks are of the classes that regions are told apart by.

Requires: each neck's features are endpoints of the network before it.
Ensures: the image divides down to the deepest level of all networks; parts' names differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spinedsl.diagnostics import Label, fail
from spinedsl.graph.assembly import Assembly, Part, assemble, part_name
from spinedsl.graph.program import Program
from spinedsl.graph.tasks import RegionBoxes, RegionMasks
from spinedsl.ir.model import Call, FeatureInput, Model, Network
from spinedsl.passes.lower import check_size
from spinedsl.passes.lower_head import lower_head


def lower_model(
    model: Model, networks: Sequence[tuple[Network, Program]], rewritten: Callable[[Program], Program]
) -> Assembly:
    """A model as an Assembly.

    Args:
        model: for its heads.
        networks: backbone and necks, each with its Program.
        rewritten: what becomes of each head's Program.

    Raises:
        DiagnosticError: the image doesn't divide, a head can't be lowered, or has a part's name.
    """
    stride = max(program.stride for _, program in networks)
    check_size(networks[0][0], stride.bit_length() - 1)
    parts: list[Part] = []
    for index, (network, program) in enumerate(networks):
        name = part_name(index)
        if parts:
            below = parts[-1]
            parts.append(Part(name, "neck", program, below.name, _sources(network, below.program)))
        else:
            parts.append(Part(name, "backbone", program))
    names = [part.name for part in parts]
    endpoints = parts[-1].program.endpoints
    for call in model.heads:
        _refuse_part_name(call, names)
        head = lower_head(call, model, endpoints, stride)
        own = tuple((port.name, port.name) for port in head.program.main.inputs)
        program = rewritten(head.program)
        parts.append(Part(call.name, "head", program, names[-1], own, head.task, head.regions))
    _see_that_masks_fit(model, parts)
    return assemble(model.name, parts)


def _refuse_part_name(head: Call, names: Sequence[str]) -> None:
    if head.name in names:
        raise fail(
            "SP024", f"“{head.name}” is what another part of the model is called", head.span,
            help="define the head under another name",
        )  # fmt: skip


def _see_that_masks_fit(model: Model, parts: Sequence[Part]) -> None:
    spans = {call.name: call.span for call in model.heads}
    tasks = [part.task for part in parts]
    boxes = next((task for task in tasks if isinstance(task, RegionBoxes)), None)
    masks = next((task for task in tasks if isinstance(task, RegionMasks)), None)
    if boxes is None or masks is None or boxes.classes == masks.classes:
        return
    other = spans[boxes.head]
    raise fail(
        "SP044",
        f"“{masks.head}” makes masks of {masks.classes:,} classes, but “{boxes.head}” tells {boxes.classes:,} apart",
        spans[masks.head],
        secondary=[Label(other, f"{boxes.classes:,} classes here")] if other else [],
        help="give both heads the same number of classes",
    )


def _sources(neck: Network, below: Program) -> tuple[tuple[str, str], ...]:
    """The neck's inputs, each with the endpoint of its level."""
    given = neck.input
    assert isinstance(given, FeatureInput)
    by_level = {endpoint.level: endpoint.name for endpoint in below.endpoints}
    return tuple((feature.name, by_level[feature.level]) for feature in given.features)
