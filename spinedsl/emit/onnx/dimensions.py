"""The extents of every value: numbers, and names for what stays open.

Under a dynamic size, a value is `reduction` times smaller than the image. The reduction follows
the operators, not the shapes: a 1 x 1 value may be a global pool's, or the deepest level of a
small image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from spinedsl.diagnostics import Diagnostics, fail
from spinedsl.emit.onnx.options import OnnxOptions
from spinedsl.graph.inline import Inlined, InlinedNode
from spinedsl.graph.program import Program
from spinedsl.ir.model import FeatureInput, Network
from spinedsl.ops import Convolution, Deconvolution, Dense, GlobalPool, Pool, Shape, SpaceToDepth, Upsample

Extent = int | str
Reduction = Fraction | None
"""How many times smaller than the image a value is; None: a fixed extent."""


@dataclass(frozen=True)
class Dimensions:
    """Extents of values as ONNX states them: batch × channels × height × width."""

    batch: Extent
    shapes: Mapping[str, Shape]
    reductions: Mapping[str, Reduction] | None

    def of(self, value: str) -> tuple[Extent, Extent, Extent, Extent]:
        """Extents of an input or of a node's value, by its inlined name."""
        shape = self.shapes[value]
        reduction = self.reductions[value] if self.reductions is not None else None
        if reduction is None:
            return self.batch, *shape
        return self.batch, shape.channels, _named("height", reduction), _named("width", reduction)


def _named(side: str, reduction: Fraction) -> str:
    """`height`, `height_8`, or `height_x2`: names for ONNX have to be identifiers."""
    if reduction.denominator > 1:
        return f"{side}_x{reduction.denominator}" + (
            f"_{reduction.numerator}" if reduction.numerator > 1 else ""
        )
    return side if reduction == 1 else f"{side}_{reduction}"


def dimensions(network: Network, program: Program, inlined: Inlined, options: OnnxOptions) -> Dimensions:
    """The extents of every value of a program.

    Raises:
        DiagnosticError: the size shall stay open, but the network rounds levels up (SP038) or an
            operator works at one size only (SP042).
    """
    shapes = {port.name: port.shape for port in program.main.inputs}
    shapes.update((node.name, node.shape) for node in inlined.nodes)
    batch: Extent = "batch" if "batch" in options.dynamic else 1
    if "size" not in options.dynamic:
        return Dimensions(batch, shapes, None)
    if network.sizes != "exact":
        raise fail(
            "SP038",
            f"“{network.name}” rounds its levels up, so one graph can't serve every size",
            network.span,
            help="remove `sizes any`, or leave the size static",
        )
    return Dimensions(batch, shapes, _reductions(network, program, inlined))


def _reductions(network: Network, program: Program, inlined: Inlined) -> dict[str, Reduction]:
    found: dict[str, Reduction]
    if isinstance(network.input, FeatureInput):
        found = {f.name: Fraction(1 << f.level) for f in network.input.features}
    else:
        found = {port.name: Fraction(1) for port in program.main.inputs}
    diagnostics = Diagnostics()
    for node in inlined.nodes:
        operands = [found[value] for value in node.inputs]
        problem = _problem(node, operands)
        if problem:
            diagnostics.add(
                "SP042",
                f"“{node.name}” works at one size only: {problem}",
                node.span,
                help="leave the size static",
            )
        found[node.name] = _reduction(node, operands[0])
    diagnostics.stop_on_errors()
    return found


def _reduction(node: InlinedNode, before: Reduction) -> Reduction:
    if isinstance(node.operator, GlobalPool | Dense):
        return None
    if before is None:
        return None
    match node.operator:
        case Convolution(stride=factor) | Pool(stride=factor) | SpaceToDepth(block=factor):
            return before * factor
        case Upsample(factor=int(factor)) | Deconvolution(stride=factor):
            return before / factor
        case _:
            return before


def _problem(node: InlinedNode, operands: list[Reduction]) -> str | None:
    """Why the operator would need other attributes at another size, if it does."""
    operator = node.operator
    if isinstance(operator, Upsample) and operator.factor is None:
        return f"it enlarges to {operator.height} x {operator.width}, by no whole factor"
    if isinstance(operator, Dense) and operands[0] is not None:
        return "it reads every pixel of a feature"
    if isinstance(operator, Convolution | Pool):
        dilation = operator.dilation if isinstance(operator, Convolution) else 1
        pads = operator.pads
        sums = (pads.top + pads.bottom, pads.left + pads.right)
        for kernel, total in zip(operator.kernel, sums, strict=True):
            # Height H becomes H / stride for every multiple H exactly under this condition.
            if not -operator.stride <= total - dilation * (kernel - 1) - 1 <= -1:
                return f"its window and pads don't divide the size by {operator.stride}"
    if len({operand for operand in operands if operand is not None}) > 1:
        return "it joins values of different levels"
    return None
