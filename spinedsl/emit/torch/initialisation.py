"""The method that draws the published initialisation.

Source: Keras's VarianceScaling (scale 1, fan-in, truncated normal) and GlorotUniform; fans as Keras
counts them, where a depthwise kernel of C channels has C inputs and one output.
"""

from __future__ import annotations

from spinedsl.graph.inline import Inlined
from spinedsl.ops import BatchNorm, Convolution, WeightedAdd


def initialise(inlined: Inlined, helpers: set[str]) -> list[str]:
    """Lines of the method; adds the helper texts it needs."""
    operators = [node.operator for node in inlined.nodes]
    convolutions = [o for o in operators if isinstance(o, Convolution)]
    branches = []
    if convolutions:
        branches.append(_convolution(convolutions, helpers))
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


def _convolution(convolutions: list[Convolution], helpers: set[str]) -> list[str]:
    glorot = [c for c in convolutions if c.initial.law == "glorot_uniform"]
    depthwise = any(c.groups > 1 for c in convolutions)
    lines = ["if isinstance(module, nn.Conv2d):"]
    if len(glorot) < len(convolutions):
        helpers.add("truncated_normal")
    if glorot or depthwise:
        helpers.add("fans")
        lines.append(f"    fan_in, {'fan_out' if glorot else '_'} = fans(module)")
    else:
        lines.append("    fan_in = module.weight[0].numel()")
    if glorot:
        lines += [
            "    if isinstance(module, GlorotConv2d):",
            "        limit = (6 / (fan_in + fan_out)) ** 0.5",
            "        nn.init.uniform_(module.weight, -limit, limit, generator=generator)",
            "    else:",
        ]
    margin = "        " if glorot else "    "
    lines.append(f"{margin}truncated_normal_(module.weight, fan_in, generator)")
    if any(c.bias for c in convolutions):
        lines += ["    if module.bias is not None:", "        nn.init.zeros_(module.bias)"]
    return lines
