"""`spinec summary`: a network in numbers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from spinedsl.analysis.roofline import Bound, device_of
from spinedsl.analysis.summary import Row, Summary, summarise
from spinedsl.cli import options
from spinedsl.cli.tables import aligned, size_text
from spinedsl.pipeline import optimised
from spinedsl.profiles import Level


@click.command("summary")
@options.spec
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@options.optimisation
@click.option("--device", metavar="NAME",
              help="Bound the time on h100, a100, t4 (fp16), or cpu:GFLOPS,GBPS (fp32).")  # fmt: skip
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    as_json: bool,
    level: Level,
    runtime: str | None,
    device: str | None,
) -> None:
    """Parameters, multiply-adds and activation memory of every block, and in all.

    A block's connections and merge count as its own. Multiply-adds (MACs) are what the papers call
    FLOPs. Activation memory is the float32 bytes of every result, for one image; the peak is what
    inference holds at once. With a device, no runtime can be faster than the bound: arithmetic and
    memory at their peaks, operator by operator.

    \b
    Examples:
      spinec summary std:spinenet49
      spinec summary std:spinenet49 --set input="3 x 896 x 896" --json
      spinec summary std:spinenet49 -O2 --device cpu:200,40
    """
    compilation = optimised(options.opened(spec, overrides, roots), level, runtime)
    summary = summarise(compilation, None if device is None else device_of(device))
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2))
    else:
        click.echo(_table(summary))


def _table(summary: Summary) -> str:
    head: tuple[str, ...] = ("block", "kind", "level", "inputs", "output", "params", "MACs", "activations")
    if summary.device is not None:
        head += ("moved", "FLOP/byte", "at least", "limit")
    rows = [head, *(_cells(row) for row in summary.rows)]
    lines = aligned(rows, right={2, 5, 6, 7, 8, 9, 10})
    rule = "-" * max(map(len, lines))
    shapes = ", ".join(" x ".join(map(str, shape)) for shape in summary.input_shapes.values())
    removed = [f"removed: {', '.join(summary.removed)}"] if summary.removed else []
    total = (
        f"{summary.parameters:,} parameters, {summary.macs / 1e9:,.2f} GMACs, "
        f"{summary.activation_bytes / 2**20:,.0f} MiB of activations"
    )
    peak = f"inference holds at most {size_text(summary.peak.bytes)} at once, in {summary.peak.owner}"
    facts = [total, peak, *removed, *_whole(summary)]
    return "\n".join([f"{summary.title}, input {shapes}", "", lines[0], rule, *lines[1:], rule, *facts])


def _whole(summary: Summary) -> list[str]:
    if summary.device is None or summary.bound is None:
        return []
    _, intensity, seconds, limit = _bounds(summary.bound)
    return [f"{summary.device.name}: at least {seconds}, by {limit}; {intensity} FLOP a byte"]


def _cells(row: Row) -> tuple[str, ...]:
    feeds = f" => {row.endpoint}" if row.endpoint else ""
    return (
        row.name,
        row.kind,
        "" if row.level is None else str(row.level),
        ", ".join(row.inputs) + feeds,
        " x ".join(map(str, row.shape)),
        f"{row.parameters:,}",
        f"{row.macs / 1e6:,.1f}M",
        f"{row.activation_bytes / 2**20:,.1f} MiB",
        *(() if row.bound is None else _bounds(row.bound)),
    )


def _bounds(bound: Bound) -> tuple[str, str, str, str]:
    seconds = bound.seconds
    time = f"{seconds * 1e3:,.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:,.1f} µs"
    return f"{bound.bytes / 2**20:,.1f} MiB", f"{bound.intensity:,.0f}", time, bound.limit
