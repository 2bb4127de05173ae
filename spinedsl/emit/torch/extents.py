"""What is known of heights and widths, and what follows from it for pools and enlargements."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from spinedsl.graph.program import Program
from spinedsl.ir.model import FeatureInput, Network
from spinedsl.ops import Pool, Shape

Pooling = Literal["plain", "ceil", "pads"]


@dataclass(frozen=True, slots=True)
class Extents:
    """Which sizes the generated module accepts.

    Attributes:
        height, width: the compiled size of the image.
        multiple: what both must be a multiple of.
        fixed: no other size than the compiled one is accepted.
    """

    height: int
    width: int
    multiple: int
    fixed: bool

    def steps(self, shape: Shape) -> tuple[int, int]:
        """By how much a feature's height and width grow from one accepted size to the next; 0: never."""
        return self._step(shape.height, self.height), self._step(shape.width, self.width)

    def _step(self, extent: int, whole: int) -> int:
        step, rest = divmod(extent * self.multiple, whole)
        return 0 if self.fixed or rest else step


def extents_of(network: Network, program: Program) -> Extents:
    """What the module will accept: see `sizes` in the language."""
    height, width = network.input.height, network.input.width
    # A feature may be deeper than every block: whole pixels of it count too.
    features = network.input.features if isinstance(network.input, FeatureInput) else ()
    multiple = max([program.stride, *(1 << feature.level for feature in features)])
    divides = height % multiple == 0 and width % multiple == 0
    return Extents(height, width, multiple, fixed=not divides)


def pooling(pool: Pool, extents: Extents, shape: Shape) -> Pooling:
    """How a pool gets its pads in torch, which knows symmetric ones up to half a window.

    `ceil`: a last window that sticks out is what the pads behind mean, at every accepted size.
    `pads`: neither; the pads are made first.
    """
    top, left, bottom, right = pool.pads
    if top > pool.kernel[0] // 2 or left > pool.kernel[1] // 2:
        return "pads"
    if pool.pads.symmetric:
        return "plain"
    steps = extents.steps(shape)
    down = _sticks_out(shape.height, steps[0], pool.kernel[0], pool.stride, top, bottom)
    across = _sticks_out(shape.width, steps[1], pool.kernel[1], pool.stride, left, right)
    return "ceil" if down and across else "pads"


def _sticks_out(extent: int, step: int, kernel: int, stride: int, before: int, behind: int) -> bool:
    # With the step a multiple of the stride, all accepted extents leave the same rest.
    if step % stride:
        return False
    wanted = (extent + before + behind - kernel) // stride + 1
    rounded_up = -(-(extent + 2 * before - kernel) // stride) + 1
    starts_inside = (rounded_up - 1) * stride < extent + before
    return wanted == rounded_up and starts_inside


def exact_nearest(extent: int, target: int) -> bool:
    """Whether torch's float32 arithmetic finds floor(i · extent / target) for every row i."""
    scale = _float32(extent / target)
    return all(int(_float32(i * scale)) == i * extent // target for i in range(target))


def _float32(value: float) -> float:
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded
