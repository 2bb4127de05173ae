"""How fast a device could run a network at best: the roofline (Williams et al. 2009).

An operator takes at least as long as its arithmetic at the device's peak, and as long as its inputs,
weights and result take to move. What a runtime makes part of the layer before it, a norm, an
activation, moves nothing. Nothing else is free: a bound, not a prediction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from spinedsl.diagnostics import fail, suggestion
from spinedsl.graph.inline import InlinedNode
from spinedsl.ops import Activation, BatchNorm, DropPath, Operator, Scale
from spinedsl.records import record

Limit = Literal["compute", "memory"]

FUSED: tuple[type[Operator], ...] = (Activation, BatchNorm, DropPath, Scale)
"""What works on single pixels of one input, and is done while these are written."""


@record
class Device:
    """The peaks of a device.

    Attributes:
        gflops: 10^9 operations a second; a multiply-add is two.
        gbps: 10^9 bytes a second from and to its memory.
        number: bytes of a number, in the precision whose peak it is.
    """

    name: str
    gflops: float
    gbps: float
    number: int


DEVICES = {
    "h100": Device("H100 SXM, fp16", 989_000, 3_350, 2),
    "a100": Device("A100 SXM 80 GB, fp16", 312_000, 2_039, 2),
    "t4": Device("T4, fp16", 65_000, 320, 2),
}
"""Dense fp16 with tensor cores.
Source: NVIDIA's data sheets of the H100, the A100 80 GB and the T4.
"""

CPU = "cpu:"
EXAMPLE = "cpu:200,40"


@record
class Bound:
    """The least that some operators take.

    Attributes:
        macs, bytes: multiply-adds, and bytes moved, for one image.
        seconds: at the device's peaks, operator by operator.
        limit: which peak most of these seconds are due to.
    """

    macs: int
    bytes: int
    seconds: float
    limit: Limit

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return 2 * self.macs / self.bytes if self.bytes else 0.0


def device_of(text: str) -> Device:
    """The device that a text names: one of `DEVICES`, or `cpu:GFLOPS,GBPS` in float32.

    Raises:
        DiagnosticError: it names none (SP030).
    """
    if text in DEVICES:
        return DEVICES[text]
    if text.startswith(CPU):
        gflops, comma, gbps = text.removeprefix(CPU).partition(",")
        peaks = [_positive(number) for number in (gflops, gbps)]
        if comma and all(peaks):
            return Device(f"CPU of {gflops} GFLOPS, {gbps} GB/s, fp32", peaks[0], peaks[1], 4)
        raise fail(
            "SP030", f"“{text}” doesn't say two peaks",
            help=f"write 10^9 operations and 10^9 bytes a second: `--device {EXAMPLE}`",
        )  # fmt: skip
    raise fail(
        "SP030", f"there is no device “{text}”",
        help=suggestion(text, DEVICES, f"devices are {', '.join(DEVICES)}, and `{EXAMPLE}` with your numbers"),
    )  # fmt: skip


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if 1e-6 <= number <= 1e12 else 0.0


def bound(operators: Iterable[tuple[InlinedNode, int]], device: Device) -> Bound:
    """The least time that operators take, each as often as said."""
    macs = moved = 0
    seconds = {"compute": 0.0, "memory": 0.0}
    for node, times in operators:
        of_node = times * node.macs
        bytes = _elements(node, times) * device.number
        computing, moving = 2e-9 * of_node / device.gflops, 1e-9 * bytes / device.gbps
        macs += of_node
        moved += bytes
        seconds["compute" if computing > moving else "memory"] += max(computing, moving)
    limit: Limit = "compute" if seconds["compute"] > seconds["memory"] else "memory"
    return Bound(macs, moved, sum(seconds.values()), limit)


def _elements(node: InlinedNode, times: int) -> int:
    """Numbers that an operator reads and writes for one image; its weights once, however often it runs."""
    if isinstance(node.operator, FUSED):
        return 0
    weights = sum(parameter.elements for parameter in node.operator.parameters())
    return times * (sum(shape.elements for shape in node.input_shapes) + node.shape.elements) + weights
