"""`spinec verify`: do both targets compute the same?"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from spinedsl.cli import options
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.pipeline import optimised
from spinedsl.profiles import Level
from spinedsl.runtime import TOLERANCE, Report, verify


def size_of(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,5})(?:\s*x\s*(\d{1,5}))?\s*", value)
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise click.BadParameter(f"“{value}” is no size; write 256, or 256x384 for height and width")
    return int(match[1]), int(match[2] or match[1])


@click.command("verify")
@options.spec
@click.option("--size", metavar="H or HxW", callback=size_of,
              help="Of the image.  [default: the smallest of at least 128]")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 1024), default=2, show_default=True, help="How many images.")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE.safetensors",
              help="Compare with these weights.  [default: random, norm statistics too]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of weights and images.")
@click.option("--opset", type=int, default=17, show_default=True, help="Of the ONNX model.")
@click.option("--tolerance", type=click.FloatRange(0, min_open=True), default=TOLERANCE, show_default=True,
              help="Largest relative difference that passes.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@options.optimisation
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    size: tuple[int, int] | None,
    batch: int,
    weights: Path | None,
    seed: int,
    opset: int,
    tolerance: float,
    as_json: bool,
    level: Level,
    runtime: str | None,
) -> int:
    """Run the torch module and the ONNX model with the same weights, and compare them.

    With -O the ONNX model is rewritten, the module as it was written. A difference counts relative to
    the largest number of its endpoint. Exits with 1 if one is larger than the tolerance. Needs torch
    and onnxruntime: pip install 'spinec[all]'.

    \b
    Examples:
      spinec verify std:spinenet49
      spinec verify my.spine --size 256x384 --weights trained.safetensors
      spinec verify std:spinenet49 -O2 --runtime openvino
    """
    with progress("verifying", patience=0) as tell:
        report = verify(
            optimised(options.opened(spec, overrides, roots), level, runtime, "onnx"), size=size, batch=batch,
            weights=weights, seed=seed, opset=opset, tolerance=tolerance, progress=tell,
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(_jsonable(report), indent=2, allow_nan=False))
    else:
        click.echo(_table(report))
    Renderer.for_stream(sys.stderr).show(report.diagnostics())
    return 0 if report.passed else 1


def _jsonable(report: Report) -> dict[str, Any]:
    """A report as JSON, which has no infinity: a difference without a number is null."""
    values = {**asdict(report), "worst": report.worst, "passed": report.passed}
    for entry in (values, *values["endpoints"]):
        for key in ("worst", "difference"):
            if not math.isfinite(entry.get(key, 0.0)):
                entry[key] = None
    return values


def _table(report: Report) -> str:
    height, width = report.size
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [f"{report.network}, {report.batch} images of {height} x {width}; {versions}", ""]
    name = max(len(c.endpoint) for c in report.endpoints)
    for comparison in report.endpoints:
        shape = " x ".join(map(str, comparison.shape))
        verdict = "ok" if comparison.difference <= report.tolerance else "DIFFERS"
        lines.append(f"  {comparison.endpoint:<{name}}  {shape:>22}  {comparison.difference:.1e}  {verdict}")
    passed = "agree" if report.passed else "don't agree"
    lines += [
        "",
        f"torch and ONNX {passed}: largest relative difference {report.worst:.1e}, allowed {report.tolerance:g}",
    ]
    return "\n".join(lines)
