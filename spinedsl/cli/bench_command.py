"""`spinec bench`: how long it takes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl.cli import options
from spinedsl.cli.tables import aligned
from spinedsl.diagnostics import fail
from spinedsl.onnx_target import PIPELINES, OnnxRequest, PipelineKind, graph, stages
from spinedsl.pipeline import ModelCompilation

if TYPE_CHECKING:
    from spinedsl.runtime.bench_pipeline import PipelineTimes


def _sizes(context: click.Context, parameter: click.Parameter, value: str | None) -> list[tuple[int, int]]:
    sizes = []
    for text in value.split(",") if value else ():
        match = re.fullmatch(r"\s*(\d{1,5})(?:x(\d{1,5}))?\s*", text)
        if match is None or int(match[1]) == 0 or match[2] == "0":
            raise click.BadParameter(f"“{text}” is no size; write 640, or 512x640 for height and width")
        sizes.append((int(match[1]), int(match[2] or match[1])))
    return sizes


@click.command("bench")
@options.spec
@click.option("--pipeline", type=click.Choice(PIPELINES), required=True,
              help="Time the stages from image to result.")  # fmt: skip
@click.option("--size", "sizes", metavar="H[xW],…", callback=_sizes,
              help="Of the network's input; several, with commas.  [default: the model's own]")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 1024), default=1, show_default=True, help="Images at a time.")
@click.option(
    "--repeats", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Runs that count."
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where.")
@click.option("--threads", type=click.IntRange(0), default=0, help="Of the CPU.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    pipeline: PipelineKind,
    sizes: list[tuple[int, int]],
    batch: int,
    repeats: int,
    device: str,
    threads: int,
    as_json: bool,
) -> None:
    """Time a model's pipeline in ONNX Runtime: before the network, the network, behind it, and all.

    Medians of alternating runs, with freshly drawn weights. Needs onnxruntime: pip install
    'spinec[runtime]'.

    \b
    Examples:
      spinec bench std:spinenet49_retinanet --pipeline detection --size 640,896
      spinec bench std:spinenet49_classifier --pipeline classification --batch 8
    """
    from spinedsl.runtime.bench_pipeline import WHOLE, bench_pipeline

    compilation = options.opened(spec, overrides, roots)
    if not isinstance(compilation, ModelCompilation):
        network = compilation.network
        raise fail(
            "SP044", f"“{network.name}” has no head, so there is no pipeline", network.span,
            help="name a model; `spinec list` shows those that ship",
        )  # fmt: skip
    own = compilation.network.input
    title = compilation.model.title or compilation.model.name
    request = OnnxRequest(pipeline=pipeline)
    found = []
    for size in sizes or [(own.height, own.width)]:
        resized = compilation.resized(*size)
        models = {**stages(resized, request), WHOLE: graph(resized, request)}
        times = bench_pipeline(
            title, size, models, device=device, batch=batch, repeats=repeats, threads=threads
        )
        found.append(times)
    if as_json:
        entries = [{**asdict(t), "frames_per_second": t.frames_per_second} for t in found]
        click.echo(json.dumps(entries, indent=2))
    else:
        click.echo("\n".join(_table(found)))


def _table(found: list[PipelineTimes]) -> list[str]:
    first = found[0]
    head = ("size", "before", "network", "behind", "whole", "images/s")
    rows = [head]
    for times in found:
        cells = [f"{times.stages[s].median * 1e3:,.1f} ms" for s in ("before", "network", "behind", "whole")]
        rows.append(
            (f"{times.size[0]} x {times.size[1]}", *cells, f"{times.frames_per_second:,.1f}")  # type: ignore[arg-type]
        )
    batch = f", {first.batch} images at a time" if first.batch > 1 else ""
    return [f"{first.title}, ONNX Runtime on {first.device}{batch}", "", *aligned(rows, right=range(1, 6))]
