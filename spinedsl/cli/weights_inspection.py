"""`spinec weights show` and `spinec weights diff`: what files of weights hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from spinedsl.cli.progress import progress
from spinedsl.cli.render import printable
from spinedsl.cli.tables import aligned
from spinedsl.runtime.conversion import opened_weights
from spinedsl.weights.comparing import count, shown_shape
from spinedsl.weights.files import TensorFile
from spinedsl.weights.statistics import Comparison, Statistics, compare_files, statistics

FILE = click.Path(path_type=Path)
SHOWN = 20
"""How many tensors of each sort a comparison lists."""


@click.command("show")
@click.argument("file", type=FILE)
@click.option("--averages", is_flag=True, help="Of a TensorFlow checkpoint, show the moving averages.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(file: Path, averages: bool, as_json: bool) -> None:
    """Names, shapes and numbers of a file of weights, or of a checkpoint of any kind.

    \b
    Examples:
      spinec weights show trained.safetensors
      spinec weights show ckpt-277200 --averages --json
    """
    with opened_weights(file, averages) as opened:
        rows = []
        with progress("reading") as tell:
            for row in statistics(opened):
                rows.append(row)
                tell(len(rows), len(opened.entries), row.name)
        if as_json:
            tensors = [{**asdict(row), "elements": row.elements} for row in rows]
            facts = {"format": opened.format, "metadata": opened.metadata, "left_out": opened.left_out}
            click.echo(json.dumps({**facts, "tensors": tensors}, indent=2))
        else:
            _print(_description(opened, rows))


@click.command("diff")
@click.argument("left", type=FILE, metavar="A")
@click.argument("right", type=FILE, metavar="B")
@click.option("--tolerance", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Relative difference up to which numbers count as the same.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def diff(left: Path, right: Path, tolerance: float, as_json: bool) -> int:
    """Compare two files of weights, or checkpoints, tensor by tensor.

    A difference counts relative to the largest number of A's tensor. Exits with 1 if they differ.

    \b
    Examples:
      spinec weights diff before.safetensors after.safetensors
      spinec weights diff ckpt-277200 trained.safetensors --tolerance 1e-6
    """
    with opened_weights(left) as one, opened_weights(right) as other:
        comparison = compare_files(one, other, tolerance)
    if as_json:
        click.echo(json.dumps(_jsonable(comparison), indent=2, allow_nan=False))
    else:
        _print(_differences(left, right, comparison))
    return 0 if comparison.equal else 1


def size(bytes: int) -> str:
    """`1.5 MiB`, `18.2 KiB`."""
    return f"{bytes / 2**20:,.1f} MiB" if bytes > 2**20 else f"{bytes / 2**10:,.1f} KiB"


def counted(things: Mapping[str, int]) -> str:
    """`optimizer slots (442), counters and settings (1)`."""
    return ", ".join(f"{thing} ({number:,})" for thing, number in things.items())


def _print(lines: Iterator[str]) -> None:
    """Lines whose names may come from a stranger."""
    for line in lines:
        click.echo(printable(line))


def _description(file: TensorFile, rows: list[Statistics]) -> Iterator[str]:
    yield f"{file.path}: {file.format}"
    for key, value in file.metadata.items():
        yield f"  {key}: {value}"
    yield ""
    head = ("tensor", "shape", "type", "lowest", "highest", "mean", "not finite")
    table = aligned([head, *map(_cells, rows)], right={3, 4, 5, 6})
    yield table[0]
    yield "-" * max(map(len, table))
    yield from table[1:]
    yield "-" * max(map(len, table))
    elements, bytes = sum(row.elements for row in rows), sum(row.bytes for row in rows)
    bad = sum(row.bad for row in rows)
    yield f"{count(rows, 'tensor')}, {elements:,} numbers, {size(bytes)}; {bad:,} not finite"
    if file.left_out:
        yield f"left out: {counted(file.left_out)}"


def _cells(row: Statistics) -> tuple[str, ...]:
    numbers = ("" if n is None else f"{n:.4g}" for n in (row.lowest, row.highest, row.mean))
    return (row.name[:120], shown_shape(row.shape), row.dtype, *numbers, f"{row.bad:,}" if row.bad else "")


def _differences(left: Path, right: Path, comparison: Comparison) -> Iterator[str]:
    for where, names in ((left, comparison.left), (right, comparison.right)):
        if names:
            yield f"only in {where}: {len(names):,}"
            yield from _cut([f"  {name}" for name in names])
    if comparison.shapes:
        yield f"of another shape: {len(comparison.shapes):,}"
        shapes = [(f"  {name}", shown_shape(a), shown_shape(b)) for name, a, b in comparison.shapes]
        yield from _cut(aligned(shapes))
    if comparison.differences:
        yield f"of other numbers: {len(comparison.differences):,} of {comparison.compared:,}"
        worst = sorted(comparison.differences, key=lambda d: -d.relative)
        cells = [(f"  {d.name}", f"{d.largest:.3g}", f"relative {d.relative:.1e}") for d in worst]
        yield from _cut(aligned(cells, right={1}))
    if comparison.skipped:
        yield f"not compared, because they are no floats: {len(comparison.skipped):,}"
        yield from _cut([f"  {name}" for name in comparison.skipped])
    for key, one, other in comparison.metadata:
        yield f"recorded {key}: {one or 'nothing'} / {other or 'nothing'}"
    if comparison.equal:
        yield f"tensors compared: {comparison.compared:,}; no difference"


def _cut(lines: list[str]) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], f"  and {rest:,} more"] if rest > 0 else lines


def _jsonable(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON, which has no infinity: a difference without a number is null."""
    values = {**asdict(comparison), "equal": comparison.equal}
    for difference in values["differences"]:
        for key in ("largest", "relative"):
            if not math.isfinite(difference[key]):
                difference[key] = None
    return values
