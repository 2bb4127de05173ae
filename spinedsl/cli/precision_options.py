"""What `spinec compile` takes and prints about the precision of an ONNX file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinedsl.emit.precisions import (
    CALIBRATION_METHODS,
    PLACEMENTS,
    PRECISIONS,
    CalibrationMethod,
    Placement,
    Precision,
)
from spinedsl.onnx_precision import PrecisionRequest
from spinedsl.records import record

if TYPE_CHECKING:
    from spinedsl.runtime.quantisation_report import ErrorReport, LayerError

WORST = 8
"""How many layers the table shows."""


@record
class PrecisionArguments:
    """What was given on the command line.

    Attributes:
        report: where to write the errors of all layers.
        stated: the options that were given, as they are written.
    """

    precision: Precision
    keep: tuple[str, ...]
    calibrate: Path | None
    method: CalibrationMethod | None
    placement: Placement | None
    report: Path | None
    stated: tuple[str, ...]

    def request(self) -> PrecisionRequest:
        """What is asked for.

        Raises:
            click.UsageError: options that don't go with the precision.
        """
        others = [name for name in self.stated if name != "--precision"]
        if self.precision == "fp32" and others:
            raise click.UsageError(f"{', '.join(others)}: only with --precision fp16 or int8")
        others = [name for name in others if name != "--keep"]
        if self.precision == "fp16" and others:
            raise click.UsageError(f"{', '.join(others)}: only with --precision int8")
        return PrecisionRequest(
            self.precision,
            self.keep,
            self.calibrate,
            self.method or "minmax",
            self.placement,
        )


def precision(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options; the command gets them as one argument, `numbers`."""

    @click.option("--precision", type=click.Choice(PRECISIONS),
                  help="ONNX: what the network computes in; inputs and outputs stay fp32.  [default: fp32]")  # fmt: skip
    @click.option("--keep", multiple=True, metavar="NAME[,NAME…]",
                  help="fp16, int8: blocks and layers that stay in fp32, e.g. b2,stem.conv1,*_to_b3.")  # fmt: skip
    @click.option("--calibrate", type=click.Path(path_type=Path), metavar="DIR",
                  help="int8: images like those it will see; some hundred are enough.")  # fmt: skip
    @click.option("--calibration-method", "method", type=click.Choice(CALIBRATION_METHODS),
                  help="int8: how the range of a value is chosen.  [default: minmax]")  # fmt: skip
    @click.option("--placement", type=click.Choice(PLACEMENTS),
                  help="int8: whose kernels the Q/DQ pairs are placed for.  [default: tensorrt for --runtime tensorrt, else onnxruntime]")  # fmt: skip
    @click.option("--report", type=click.Path(path_type=Path), metavar="FILE.json",
                  help="int8: write the errors of all layers.")  # fmt: skip
    @functools.wraps(function)
    def gathered(
        *arguments: Any,
        precision: Precision | None,
        keep: tuple[str, ...],
        calibrate: Path | None,
        method: CalibrationMethod | None,
        placement: Placement | None,
        report: Path | None,
        **others: Any,
    ) -> Any:
        names = tuple(name.strip() for value in keep for name in value.split(",") if name.strip())
        given = {
            "--precision": precision, "--keep": keep or None, "--calibrate": calibrate,
            "--calibration-method": method, "--placement": placement, "--report": report,
        }  # fmt: skip
        stated = tuple(name for name, value in given.items() if value is not None)
        numbers = PrecisionArguments(precision or "fp32", names, calibrate, method, placement, report, stated)
        return function(*arguments, numbers=numbers, **others)

    return gathered


def table(errors: ErrorReport) -> str:
    """The outputs and the worst layers, with their signal-to-noise ratios."""
    shown = [*errors.outputs, *errors.layers[:WORST]]
    width = max(len(row.name) for row in shown)
    images = "1 image" if errors.images == 1 else f"{errors.images} images"
    lines = [
        f"int8 against fp32 on {images}, signal to noise in dB (20: a tenth, 40: a hundredth):",
        f"  {'output':<{width}}  {'value':>6}",
        *(_row(row, width) for row in errors.outputs),
        f"  {'worst layers':<{width}}  {'value':>6}  {'weights':>7}",
        *(_row(row, width) for row in errors.layers[:WORST]),
    ]
    return "\n".join(lines)


def _row(row: LayerError, width: int) -> str:
    value = "-" if row.output is None else f"{row.output:.1f}"
    weights = "" if row.weights is None else f"{row.weights:.1f}"
    return f"  {row.name:<{width}}  {value:>6}  {weights:>7}".rstrip()
