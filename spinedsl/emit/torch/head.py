"""Text of a head's public class: from levels, or from a region, to raw outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.initialisation import initialise
from spinedsl.emit.torch.layout import Binding, bracketed, call
from spinedsl.emit.torch.naming import camel
from spinedsl.emit.torch.network import NetworkPlan
from spinedsl.emit.torch.prose import docstring, documented, wrapped
from spinedsl.emit.torch.public import aligned, constructor, forward_over_features, returning, size_of
from spinedsl.graph.assembly import Part
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program


def head_name(part: Part) -> str:
    """`retinanet` → `RetinanetHead`."""
    return f"{camel(part.name)}Head"


def head_class(
    part: Part,
    levels: dict[str, int],
    inlined: Inlined,
    plan: NetworkPlan,
    extents: Extents,
    helpers: set[str],
) -> dict[str, Any]:
    """What the template of a class needs; adds the helper texts the class needs.

    Args:
        part: the head.
        levels: of the endpoints it reads, or cuts regions from.
        inlined: its operators.
    """
    names = [f'"{name}"' for name in levels]
    levelled = part.program.main.levelled
    items = names if len(names) > 1 else [f"{names[0]},"]
    attributes = ["", *bracketed(4, "levels = (", items, ")")] if levelled else []
    plan = _flat(plan, part.program)
    forward = _over_regions(plan, part) if part.regions else forward_over_features(plan, levels, extents)
    return {
        "name": head_name(part),
        "docstring": docstring(_documentation(part, levels, inlined, extents), 4),
        "attributes": attributes,
        "methods": [
            constructor(plan, 0.0, part.program.optimisation),
            initialise((node.operator for node in inlined.nodes), helpers),
            forward,
        ],
    }


def _flat(plan: NetworkPlan, program: Program) -> NetworkPlan:
    """The plan with outputs of one pixel returned as rows."""
    flat = {endpoint.name for endpoint in program.endpoints if endpoint.flat}
    results = {
        name: call(f"{result.inside(Binding.ATOM)}.flatten", ["1"]) if name in flat else result
        for name, result in plan.results.items()
    }
    return replace(plan, results=results)


def _documentation(part: Part, levels: dict[str, int], inlined: Inlined, extents: Extents) -> list[str]:
    lines = documented(part.program.main.doc, 4) or [f"The head “{part.name}”."]
    lines += ["", *_takes(part, levels, extents), "", *_table(part.program), ""]
    parameters = sum(p.elements for p in inlined.parameters().values() if p.trainable)
    lines += [f"{parameters:,} parameters.", "", "Args:"]
    text = "generator: what the initialisation draws from; torch's own if there is none."
    return [*lines, *(f"    {line}" for line in wrapped(text, 8))]


def _takes(part: Part, levels: dict[str, int], extents: Extents) -> list[str]:
    shapes = {port.name: port.shape for port in part.program.main.inputs}
    if part.regions:
        (shape,) = shapes.values()
        text = f"Takes regions, R x {shape}; returns a dict of its outputs."
        return wrapped(text, 4)
    shown = "; ".join(
        f"{name}: level {level}, {shapes[name].channels} channels" for name, level in levels.items()
    )
    return wrapped(
        f"Takes a dict of the features of {size_of(extents)} ({shown}); returns a dict of its outputs.", 4
    )


def _table(program: Program) -> list[str]:
    rows = [("output", "channels", "height x width")]
    for e in program.endpoints:
        extent = "" if e.flat else f"{e.shape.height} x {e.shape.width}"
        rows.append((e.name, str(e.shape.channels), extent))
    return aligned(rows)


def _over_regions(plan: NetworkPlan, part: Part) -> list[str]:
    (variable,) = plan.inputs.values()
    (shape,) = (port.shape for port in part.program.main.inputs)
    wanted = f"{shape.height} x {shape.width}"
    return [
        f"    def forward(self, {variable}: torch.Tensor) -> dict[str, torch.Tensor]:",
        f"        if not torch.jit.is_tracing() and {variable}.shape[-2:] != {(shape.height, shape.width)}:",
        f'            raise ValueError("regions must be {wanted}")',
        *returning(plan),
    ]
