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
    normal = [o for o in drawn if o.initial.law == "normal"]
    others = [o for o in drawn if o.initial.law != "normal"]
    branches = []
    if normal:
        branches.append(_normal(normal))
    if any(_needs_fans(o) for o in others):
        helpers.add("fans")
        branches.append(_by_fans([o for o in others if isinstance(o, Convolution)], helpers))
        others = [o for o in others if not isinstance(o, Convolution)]
    if others:
        helpers.add("truncated_normal")
        branches.append(_truncated(others))
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


def _normal(drawn: list[Drawn]) -> list[str]:
    """Layers that know their deviation; they come first, being layers of torch too."""
    return [
        f"if isinstance(module, {_one_of(NORMAL, drawn)}):",
        "    nn.init.normal_(module.weight, std=module.std, generator=generator)",
        *(f"    {line}" for line in _bias(drawn)),
    ]


def _needs_fans(operator: Drawn) -> bool:
    """Whether one kernel of its weight doesn't tell the number of its inputs."""
    return isinstance(operator, Convolution) and (
        operator.groups > 1 or operator.initial.law == "glorot_uniform"
    )


def _by_fans(drawn: list[Drawn], helpers: set[str]) -> list[str]:
    """Convolutions of which some are grouped, or drawn by the number of their outputs too."""
    laws = {o.initial.law for o in drawn}
    cases = []
    if "glorot_uniform" in laws:
        cases.append(_GLOROT_LINES)
    if "truncated_normal" in laws:
        helpers.add("truncated_normal")
        cases.append(["truncated_normal_(module.weight, fan_in, generator)"])
    if len(cases) == 2:
        glorot, truncated = ([f"    {line}" for line in case] for case in cases)
        cases = [["if isinstance(module, GlorotConv2d):", *glorot, "else:", *truncated]]
    fans = f"fan_in, {'fan_out' if 'glorot_uniform' in laws else '_'} = fans(module)"
    lines = [fans, *cases[0], *_bias(drawn)]
    return ["if isinstance(module, nn.Conv2d):", *(f"    {line}" for line in lines)]


def _truncated(drawn: list[Drawn]) -> list[str]:
    """Layers of which one kernel tells the number of inputs."""
    lines = ["truncated_normal_(module.weight, module.weight[0].numel(), generator)", *_bias(drawn)]
    return [f"if isinstance(module, {_one_of(LAYERS, drawn)}):", *(f"    {line}" for line in lines)]


_GLOROT_LINES = [
    "limit = (6 / (fan_in + fan_out)) ** 0.5",
    "nn.init.uniform_(module.weight, -limit, limit, generator=generator)",
]


def _one_of(names: dict[type[Operator], str], drawn: list[Drawn]) -> str:
    kinds = [text for kind, text in names.items() if any(type(o) is kind for o in drawn)]
    return kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"


def _bias(drawn: list[Drawn]) -> list[str]:
    biased = [o for o in drawn if o.bias]
    if not biased:
        return []
    line = "nn.init.zeros_(module.bias)"
    if any(o.initial_bias.law == "logit" for o in biased if isinstance(o, Convolution | Dense)):
        line = "nn.init.constant_(module.bias, math.log(module.prior / (1 - module.prior)))"
    if len(biased) == len(drawn):
        return [line]
    return ["if module.bias is not None:", f"    {line}"]
