"""What a user can choose about the ONNX target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spinedsl.diagnostics import fail

OPSETS = range(17, 22)
"""Opsets that can be written. With 22 and more, ONNX Runtime up to 1.31 loses its fused kernels."""

Dynamic = Literal["batch", "size"]


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """How the model is written.

    Attributes:
        opset: version of the default operator set.
        dynamic: extents that stay open: `batch`, and `size` (height and width). Otherwise the
            batch is 1 and the size the network's.

    Raises:
        DiagnosticError: an opset outside of `OPSETS`, or another word in `dynamic`.
    """

    opset: int = 17
    dynamic: frozenset[Dynamic] = frozenset()

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise fail(
                "SP042",
                f"opset {self.opset} can't be written",
                help=f"choose one from {OPSETS.start} to {OPSETS.stop - 1}; 17 runs everywhere",
            )
        unknown = sorted(self.dynamic - {"batch", "size"})
        if unknown:
            raise fail("SP042", f"“{unknown[0]}” can't be dynamic", help="write `batch` or `size`")
