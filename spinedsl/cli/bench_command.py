"""`spinec bench`: how long it takes."""

from __future__ import annotations

import itertools
import json
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl.cli import console, options
from spinedsl.cli.progress import progress
from spinedsl.cli.tables import aligned
from spinedsl.diagnostics import fail
from spinedsl.onnx_target import PIPELINES, OnnxRequest, PipelineKind, graph, stages
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation

if TYPE_CHECKING:
    from spinedsl.runtime.bench.comparison import Measured
    from spinedsl.runtime.bench.pipeline import PipelineTimes

Size = tuple[int, int]


def _sizes(context: click.Context, parameter: click.Parameter, value: str | None) -> list[Size]:
    sizes = []
    for text in value.split(",") if value else ():
        match = re.fullmatch(r"\s*(\d{1,5})(?:x(\d{1,5}))?\s*", text)
        if match is None or int(match[1]) == 0 or match[2] == "0":
            raise click.BadParameter(f"“{text}” is no size; write 640, or 512x640 for height and width")
        sizes.append((int(match[1]), int(match[2] or match[1])))
    return sizes


@click.command("bench")
@options.spec
@click.option("--pipeline", type=click.Choice(PIPELINES),
              help="Time the stages from image to result instead.")  # fmt: skip
@click.option("--size", "sizes", metavar="H[xW],…", callback=_sizes,
              help="Of the network's input; several, with commas.  [default: the network's own]")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 1024),
              help="Images of a step of training, or through the pipeline.  [default: 2, or 1]")  # fmt: skip
@click.option(
    "--repeats", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Runs that count."
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]),
              help="Where.  [default: all there are, or cpu for a pipeline]")  # fmt: skip
@click.option("--compiled", is_flag=True, help="Let torch.compile take part, which takes minutes.")
@click.option("--threads", type=click.IntRange(0), default=0,
              help="--pipeline: of the CPU.  [default: all cores]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="As Markdown, for a report.")
@click.option("--chart", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw the medians, too.")
@click.option("--force", is_flag=True, help="Replace a picture that spinec did not write.")
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    pipeline: PipelineKind | None,
    sizes: list[Size],
    batch: int | None,
    repeats: int,
    device: str | None,
    compiled: bool,
    threads: int,
    as_json: bool,
    as_markdown: bool,
    chart: Path | None,
    force: bool,
) -> None:
    """Time a network as it was written and as it is rewritten, in PyTorch, ONNX Runtime and OpenVINO.

    Contenders run in turn in one process; shown are medians, and ratios to the first. With --pipeline: the
    stages of a model in ONNX Runtime, before the network, the network, behind it, and all. What isn't
    installed is left out, and said to be: pip install 'spinec[bench]'.

    \b
    Examples:
      spinec bench std:spinenet49
      spinec bench std:spinenet49 --size 384 --compiled --chart spinenet49.png
      spinec bench std:spinenet49_retinanet --pipeline detection --size 640,896
    """
    if pipeline is not None and (compiled or as_markdown or chart is not None):
        raise click.UsageError("--compiled, --markdown and --chart: not with --pipeline")
    if pipeline is None and threads:
        raise click.UsageError("--threads: only with --pipeline")
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    compilation = options.opened(spec, overrides, roots)
    if pipeline is not None:
        times = _pipelines(compilation, pipeline, sizes, batch or 1, repeats, device or "cpu", threads)
        if as_json:
            entries = [{**asdict(t), "frames_per_second": t.frames_per_second} for t in times]
            click.echo(json.dumps(entries, indent=2))
        else:
            click.echo("\n".join(_pipeline_table(times)))
        return
    from spinedsl.runtime.bench import report

    if not isinstance(compilation, Compilation):
        raise fail(
            "SP044", f"“{compilation.model.name}” is a model; networks are compared, and models timed in stages",
            compilation.model.span,
            help=f"name its backbone, “{compilation.network.name}”, or add `--pipeline`",
        )  # fmt: skip
    found = _compared(compilation, sizes, batch or 2, repeats, device, compiled)
    title = compilation.network.title or compilation.network.name
    if as_json:
        click.echo(json.dumps(report.as_json(title, found), indent=2))
    elif as_markdown:
        click.echo("\n".join(report.markdown(each) for each in found))
    else:
        click.echo("\n".join(_sections(title, found)))
    if chart is not None:
        written = report.write_chart(chart, title, found, force=force)
        console.say(f"{'wrote' if written.changed else 'unchanged'} {written.path}", err=True)


def _compared(
    compilation: Compilation,
    sizes: list[Size],
    batch: int,
    repeats: int,
    device: str | None,
    compiled: bool,
) -> list[Measured]:
    from spinedsl.benchmark import Bench, Wanted
    from spinedsl.runtime.bench.comparison import measure

    own = compilation.network.input
    found = []
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            section
            for size in sizes or [(own.height, own.width)]
            for where in ([device] if device else ["cpu", "cuda"])
            for section in Bench(
                compilation, Wanted(size, batch, compiled, where, repeats), Path(folder)
            ).sections()
        ]
        total = sum(len(section.makers) + 1 for section in sections)  # each made, then all in turn
        done = itertools.count()
        with progress("timing", patience=0) as tell:
            for section in sections:
                found.append(measure(section, lambda name: tell(next(done), total, name)))
    return found


def _sections(title: str, found: list[Measured]) -> list[str]:
    from spinedsl.runtime.bench import report

    lines = [title, report.machine()]
    for measured in found:
        lines += ["", measured.title]
        if measured.missing:
            lines.append(f"  not measured: {measured.missing}")
            continue
        rows = [("", *row) for row in report.cells(measured)]
        lines += aligned(rows, right=range(2, 7))
    return lines


def _pipelines(
    compilation: AnyCompilation,
    pipeline: PipelineKind,
    sizes: list[Size],
    batch: int,
    repeats: int,
    device: str,
    threads: int,
) -> list[PipelineTimes]:
    from spinedsl.runtime.bench.pipeline import WHOLE, bench_pipeline

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
    sizes = sizes or [(own.height, own.width)]
    with progress("timing", patience=0) as tell:
        for number, size in enumerate(sizes):
            tell(number, len(sizes), f"{size[0]} x {size[1]}")
            resized = compilation.resized(*size)
            models = {**stages(resized, request), WHOLE: graph(resized, request)}
            found.append(
                bench_pipeline(
                    title, size, models, device=device, batch=batch, repeats=repeats, threads=threads
                )
            )
    return found


def _pipeline_table(found: list[PipelineTimes]) -> list[str]:
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
