"""Text of the public class: its documentation, constants, constructor and `forward`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.initialisation import initialise
from spinedsl.emit.torch.layout import Expression, bracketed
from spinedsl.emit.torch.network import NetworkPlan
from spinedsl.emit.torch.prose import docstring, plain, wrapped
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.ir.model import FeatureInput, Network
from spinedsl.ir.titles import class_name
from spinedsl.profiles import Optimisation


def public_class(
    network: Network,
    program: Program,
    inlined: Inlined,
    plan: NetworkPlan,
    extents: Extents,
    helpers: set[str],
) -> dict[str, Any]:
    """What the template of a class needs; adds the helper texts the class needs."""
    lines = _documentation(network, program, inlined, extents, plan.drops_path)
    return {
        "name": class_name(network),
        "docstring": docstring(lines, 4),
        "attributes": ["", *_attributes(program)],
        "methods": [
            constructor(plan, program.drop_path, program.optimisation),
            initialise((node.operator for node in inlined.nodes), helpers),
            _forward(network, plan, extents),
        ],
    }


# ---- documentation


def _documentation(
    network: Network, program: Program, inlined: Inlined, extents: Extents, drops_path: bool
) -> list[str]:
    lines = wrapped(f"{plain(network.title or '') or network.name}.", 7)
    if network.doc:
        lines += ["", *wrapped(network.doc, 4)]
    if network.published:
        lines.append("")
    for source in network.published:
        lines += wrapped(f"Source: {source}", 4, hanging=4)
    lines += ["", *_takes(network, extents), "", *_table(program), "", *_cost(inlined, extents), ""]
    lines += [
        "Attributes:",
        "    levels: of the endpoints, in order; `strides` and `out_channels` give theirs by name.",
        "    feature_info: the same, as timm's feature extractors describe theirs.",
        "",
        "Args:",
    ]
    if drops_path:
        lines += wrapped("drop_path: rate of stochastic depth; block by block, a growing share of it.", 8)
    lines += wrapped("generator: what the initialisation draws from; torch's own if there is none.", 8)
    first = lines.index("Args:") + 1
    return [*lines[:first], *(f"    {line}" for line in lines[first:])]


def size_of(extents: Extents) -> str:
    """The images that a module takes, in words."""
    if extents.fixed:
        return f"images of {extents.height} x {extents.width} only"
    return f"images whose height and width are multiples of {extents.multiple}"


def _takes(network: Network, extents: Extents) -> list[str]:
    size = size_of(extents)
    if isinstance(network.input, FeatureInput):
        shown = "; ".join(f"{f.name}: level {f.level}, {f.channels} channels" for f in network.input.features)
        text = f"Takes a dict of the features of {size} ({shown}); returns a dict of its endpoints."
    else:
        text = f"Takes {size}, N x {network.input.channels} x H x W; returns a dict of its endpoints, N x C x H x W."
    return wrapped(text, 4)


def _table(program: Program) -> list[str]:
    rows = [("endpoint", "level", "stride", "channels", "height x width")]
    for e in program.endpoints:
        shape = e.shape
        rows.append(
            (e.name, str(e.level), str(e.stride), str(shape.channels), f"{shape.height} x {shape.width}")
        )
    return aligned(rows)


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _cost(inlined: Inlined, extents: Extents) -> list[str]:
    parameters = sum(p.elements for p in inlined.parameters().values() if p.trainable)
    macs = sum(node.macs for node in inlined.nodes)
    return wrapped(
        f"{parameters:,} parameters; {_short(macs)} multiply-adds and the heights and widths above are "
        f"those of an image of {extents.height} x {extents.width}.",
        4,
    )


def _short(count: int) -> str:
    unit, size = next(((u, s) for u, s in (("G", 1e9), ("M", 1e6)) if count >= s), ("", 1))
    return f"{count / size:.2f} {unit}" if unit else str(count)


# ---- code


def _attributes(program: Program) -> list[str]:
    endpoints = program.endpoints
    levels = [str(e.level) for e in endpoints]
    if len(levels) == 1:
        levels = [f"{levels[0]},"]
    lines = bracketed(4, "levels = (", levels, ")")
    lines += bracketed(4, "strides = {", [f'"{e.name}": {e.stride}' for e in endpoints], "}")
    lines += bracketed(4, "out_channels = {", [f'"{e.name}": {e.shape.channels}' for e in endpoints], "}")
    lines.append("    feature_info = [")
    for e in endpoints:
        items = [f'"num_chs": {e.shape.channels}', f'"reduction": {e.stride}', f'"module": "{e.name}"']
        entry = bracketed(8, "{", items, "}")
        entry[-1] += ","
        lines += entry
    return [*lines, "    ]"]


def constructor(plan: NetworkPlan, rate: float, optimisation: Optimisation | None) -> list[str]:
    """Lines of `__init__`: every layer, with its numbers written out."""
    parameters = ["self", "*"]
    if plan.drops_path:
        parameters.append(f"drop_path: float = {rate!r}")
    parameters.append("generator: torch.Generator | None = None")
    lines = bracketed(4, "def __init__(", parameters, ") -> None:")
    lines.append("        super().__init__()")
    if not plan.layers:
        return lines
    lines += [
        "        # Made without memory, so that weights are drawn only once: by `initialise`.",
        '        with torch.device("meta"):',
    ]
    for name, layer in plan.layers.items():
        if isinstance(layer, Expression):
            lines += bracketed(12, f"self.{name} = {layer.head}", layer.items, layer.tail)
            continue
        lines.append(f"            self.{name} = nn.Sequential(")
        for copy in layer:
            entry = bracketed(16, copy.head, copy.items, copy.tail)
            entry[-1] += ","
            lines += entry
        lines.append("            )")
    return [
        *lines,
        "        self.to_empty(device=torch.empty(0).device)",
        "        self.initialise(generator)",
        *(_CHANNELS_LAST if _is_channels_last(optimisation) else ()),
    ]


def _is_channels_last(optimisation: Optimisation | None) -> bool:
    return optimisation is not None and optimisation.level > 0 and optimisation.profile.channels_last


_CHANNELS_LAST = (
    "        # Layers hand this layout on, and are faster in it.",
    "        self.to(memory_format=torch.channels_last)",
)


def _forward(network: Network, plan: NetworkPlan, extents: Extents) -> list[str]:
    if isinstance(network.input, FeatureInput):
        features = {f.name: f.level for f in network.input.features}
        return forward_over_features(plan, features, extents)
    (variable,) = plan.inputs.values()
    return [
        f"    def forward(self, {variable}: torch.Tensor) -> dict[str, torch.Tensor]:",
        *_check_image(variable, extents),
        *returning(plan),
    ]


def forward_over_features(plan: NetworkPlan, levels: Mapping[str, int], extents: Extents) -> list[str]:
    """Lines of a `forward` that takes a dict of features, by their levels."""
    return [
        "    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:",
        *_check_features(levels, extents),
        *(f'        {variable} = features["{name}"]' for name, variable in plan.inputs.items()),
        *returning(plan),
    ]


def returning(plan: NetworkPlan) -> list[str]:
    """The statements of a `forward`, and what it returns."""
    return [
        *plan.lines,
        "        return {",
        *(f'            "{name}": {result.text},' for name, result in plan.results.items()),
        "        }",
    ]


def _check_image(variable: str, extents: Extents) -> list[str]:
    size = (extents.height, extents.width)
    return [
        f"        height, width = {variable}.shape[-2:]",
        *_guard("height and width", extents.multiple, size, extents.fixed),
    ]


def _guard(what: str, multiple: int, size: tuple[int, int], fixed: bool) -> list[str]:
    wrong = f"(height, width) != {size}" if fixed else f"(height % {multiple} or width % {multiple})"
    wanted = f"{size[0]} x {size[1]}" if fixed else f"multiples of {multiple}"
    message = f'f"{what} must be {wanted}, not {{height}} x {{width}}"'
    # A trace would take the comparison for a constant, and warn.
    return [
        f"        if not torch.jit.is_tracing() and {wrong}:",
        *bracketed(12, "raise ValueError(", [message], ")"),
    ]


def _check_features(levels: Mapping[str, int], extents: Extents) -> list[str]:
    """The finest feature decides; the others must be as much smaller as their levels say."""
    (finest, least), *others = sorted(levels.items(), key=lambda item: item[1])
    scale = 1 << least
    size = -(-extents.height // scale), -(-extents.width // scale)
    multiple = extents.multiple >> least
    lines = [f'        height, width = features["{finest}"].shape[-2:]']
    if extents.fixed or multiple > 1:
        lines += _guard(f"height and width of {finest}", multiple, size, extents.fixed)
    if not others:
        return lines
    pairs = [f'("{name}", {1 << (level - least)})' for name, level in others]
    lines += bracketed(8, "for name, times in (", pairs if len(pairs) > 1 else [pairs[0] + ","], "):")
    return [
        *lines,
        "            expected = (-(-height // times), -(-width // times))",
        "            if not torch.jit.is_tracing() and features[name].shape[-2:] != expected:",
        '                raise ValueError(f"{name} must be {expected[0]} x {expected[1]} here")',
    ]
