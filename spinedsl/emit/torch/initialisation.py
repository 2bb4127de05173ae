"""The method that draws the published initialisation.

Source: Keras's VarianceScaling (scale 1, fan-in, truncated normal), GlorotUniform and RandomNormal;
fans as Keras counts them, where a depthwise kernel of C channels has C inputs and one output.
"""

from __future__ import annotations

from collections.abc import Iterable

from spinedsl.ops import BatchNorm, Convolution, Deconvolution, Dense, Operator, WeightedAdd

Drawn = Convolution | Deconvolution | Dense
LAYERS: dict[type[Operator], str] = {
    Convolution: "nn.Conv2d",
    Deconvolution: "nn.ConvTranspose2d",
    Dense: "nn.Linear",
}
"""Operators with weights that are drawn, and what they are instances of."""
NORMAL: dict[type[Operator], str] = {Convolution: "NormalConv2d", Dense: "NormalDense"}


def initialise(operators: Iterable[Operator], helpers: set[str]) -> list[str]:
    """Lines of the method for a module of these operators; adds the helper texts it needs."""
    operators = list(operators)
    drawn = [o for o in operators if isinstance(o, Drawn)]
    branches = []
    if drawn:
        branches.append(_drawn(drawn, helpers))
    if any(isinstance(o, BatchNorm) for o in operators):
        norms = "(nn.BatchNorm2d, nn.SyncBatchNorm)"
        branches.append([f"if isinstance(module, {norms}):", "    module.reset_parameters()"])
    if any(isinstance(o, WeightedAdd) for o in operators):
        branches.append(["if isinstance(module, WeightedSum):", "    nn.init.ones_(module.weight)"])
    lines = [
        "    def initialise(self, generator: torch.Generator | None = None) -> None:",
        '        """Draw all weights anew, as published; from `generator` alone if there is one."""',
    ]
    if branches:
        lines.append("        for module in self.modules():")
    for index, branch in enumerate(branches):
        keyword = "el" if index else ""
        lines += [" " * 12 + (keyword if i == 0 else "") + line for i, line in enumerate(branch)]
    return lines


def _drawn(drawn: list[Drawn], helpers: set[str]) -> list[str]:
    laws = {o.initial.law for o in drawn}
    kinds = [text for kind, text in LAYERS.items() if any(type(o) is kind for o in drawn)]
    lines = [f"if isinstance(module, {_one_of(kinds)}):"]
    cases: list[tuple[str, list[str]]] = []
    if "normal" in laws:
        cases.append((f"isinstance(module, {_normal(drawn)})", _NORMAL_LINES))
    glorot = [o for o in drawn if o.initial.law == "glorot_uniform"]
    fan_in, before = "module.weight[0].numel()", []
    if glorot or any(isinstance(o, Convolution) and o.groups > 1 for o in drawn):
        helpers.add("fans")
        fan_in, before = "fan_in", [f"fan_in, {'fan_out' if glorot else '_'} = fans(module)"]
    if glorot:
        cases.append(("isinstance(module, GlorotConv2d)", _GLOROT_LINES))
    if "truncated_normal" in laws:
        helpers.add("truncated_normal")
        cases.append(("", [f"truncated_normal_(module.weight, {fan_in}, generator)"]))
    body = [*before, *_cases(cases)]
    return lines + [f"    {line}" for line in (*body, *_bias(drawn))]


_NORMAL_LINES = ["nn.init.normal_(module.weight, std=module.std, generator=generator)"]
_GLOROT_LINES = [
    "limit = (6 / (fan_in + fan_out)) ** 0.5",
    "nn.init.uniform_(module.weight, -limit, limit, generator=generator)",
]


def _one_of(kinds: list[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"


def _normal(drawn: list[Drawn]) -> str:
    kinds = {type(o) for o in drawn if o.initial.law == "normal"}
    return _one_of([text for kind, text in NORMAL.items() if kind in kinds])


def _cases(cases: list[tuple[str, list[str]]]) -> list[str]:
    """An `if` with its branches; the last one needs no condition."""
    if len(cases) == 1:
        return cases[0][1]
    lines = []
    for index, (condition, body) in enumerate(cases):
        last = index == len(cases) - 1
        lines.append("else:" if last else f"{'el' if index else ''}if {condition}:")
        lines += [f"    {line}" for line in body]
    return lines


def _bias(drawn: list[Drawn]) -> list[str]:
    if not any(o.bias for o in drawn):
        return []
    lines = ["if module.bias is not None:", "    nn.init.zeros_(module.bias)"]
    if any(o.initial_bias.law == "logit" for o in drawn if isinstance(o, Convolution | Dense)):
        return [
            f"if isinstance(module, {_normal(drawn)}) and module.bias is not None:",
            "    nn.init.constant_(module.bias, math.log(module.prior / (1 - module.prior)))",
            *(["elif module.bias is not None:", lines[1]]),
        ]
    return lines
