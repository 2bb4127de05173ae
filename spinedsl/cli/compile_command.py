"""`spinec compile`: the sentence everybody types first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinedsl import api
from spinedsl.analysis.checking import notes
from spinedsl.analysis.summary import summarise
from spinedsl.cli import console, options
from spinedsl.cli.precision_options import PrecisionArguments, precision, table
from spinedsl.cli.progress import progress
from spinedsl.cli.render import Renderer
from spinedsl.cli.tables import size_text
from spinedsl.emit.frameworks import FRAMEWORKS, Framework
from spinedsl.emit.output import Written
from spinedsl.ir.titles import class_name
from spinedsl.onnx_precision import PrecisionRequest, write_onnx, write_report
from spinedsl.onnx_target import (
    PIPELINES,
    OnnxRequest,
    PipelineKind,
    Resizing,
    Suppression,
    read_labels,
    settled,
)
from spinedsl.pipeline import AnyCompilation, optimised
from spinedsl.profiles import Level

if TYPE_CHECKING:
    from spinedsl.runtime.quantisation_report import ErrorReport


@click.command("compile")
@options.spec
@click.option("--target", type=click.Choice(["torch", "onnx"]),
              help="What to write; told from the ending of --output, else torch.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE",
              help="Where to; default: the network's name in this folder. “-” prints a torch module.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that spinec did not write.")
@click.option("--register", multiple=True, type=click.Choice(FRAMEWORKS),
              help="torch: make the module a backbone of this framework too; may stand several times.")  # fmt: skip
@click.option("--checkpoint", is_flag=True,
              help="torch: in training keep the inputs of blocks only, and run them anew for their gradients.")  # fmt: skip
@click.option(
    "--opset", type=int, metavar="17..21", help="ONNX: the operator set.  [default: the runtime's: 17]"
)
@click.option("--dynamic", multiple=True, type=click.Choice(["batch", "size"]),
              help="ONNX: leave the batch, or height and width, open.")  # fmt: skip
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE.safetensors",
              help="ONNX: the weights to put in.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N",
              help="ONNX: of the published initialisation, without --weights.  [default: 0]")  # fmt: skip
@click.option("--pipeline", type=click.Choice(PIPELINES),
              help="ONNX: take images as they are and give results: boxes, a class, or a class a pixel.")  # fmt: skip
@click.option("--nms", type=click.Choice(["none", "onnx", "trt"]),
              help="--pipeline detection: who suppresses overlapping boxes; trt runs in TensorRT only.  [default: trt for --runtime tensorrt, else onnx]")  # fmt: skip
@click.option("--resize", type=click.Choice(["letterbox", "stretch", "crop"]),
              help="--pipeline: how an image comes to the network's size.  [default: crop to classify, else letterbox]")  # fmt: skip
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE",
              help="--pipeline: names of the classes, one a line, to be kept in the file.")  # fmt: skip
@click.option("--score-threshold", type=click.FloatRange(0, 1), metavar="X",
              help="--pipeline detection: what a score must exceed.  [default: 0.05]")  # fmt: skip
@options.optimisation
@click.option("--validate", is_flag=True,
              help="With -O: see that the rewritten program computes exactly what was written.")  # fmt: skip
@precision
def command(
    spec: str,
    overrides: options.Pairs,
    roots: tuple[Path, ...],
    target: api.Target | None,
    output: str | None,
    force: bool,
    register: tuple[Framework, ...],
    checkpoint: bool,
    opset: int | None,
    dynamic: tuple[str, ...],
    weights: Path | None,
    seed: int | None,
    pipeline: PipelineKind | None,
    nms: Suppression | None,
    resize: Resizing | None,
    labels: Path | None,
    score_threshold: float | None,
    level: Level,
    runtime: str | None,
    validate: bool,
    numbers: PrecisionArguments,
) -> int:
    """Compile a network or model to a standalone PyTorch module or an ONNX file.

    \b
    Examples:
      spinec compile specs/spinenet49.spine --target torch
      spinec compile std:spinenet49 -o net.onnx --dynamic batch
      spinec compile std:spinenet49 --set conventions=garden -o net.py
      spinec compile std:spinenet49 --target torch --register timm
      spinec compile my.spine:small --target onnx --weights small.safetensors
      spinec compile std:spinenet49_retinanet -o detector.onnx --pipeline detection
      spinec compile std:spinenet49 -o int8.onnx --precision int8 --calibrate images/
    """
    path = None if output in (None, options.STDOUT) else Path(output)
    target = target or api.target_of(path)
    around = {"--nms": nms, "--resize": resize, "--labels": labels, "--score-threshold": score_threshold}
    given = {
        "--opset": opset, "--dynamic": dynamic or None, "--weights": weights, "--seed": seed,
        "--pipeline": pipeline, **around,
    }  # fmt: skip
    stated = [*(name for name, value in given.items() if value is not None), *numbers.stated]
    if target == "torch" and stated:
        raise click.UsageError(f"{', '.join(stated)}: only for --target onnx")
    if pipeline is None and any(value is not None for value in around.values()):
        raise click.UsageError(
            f"{', '.join(n for n, v in around.items() if v is not None)}: only with --pipeline"
        )
    if target == "onnx" and (register or checkpoint):
        raise click.UsageError(f"{'--register' if register else '--checkpoint'}: only for --target torch")
    if checkpoint and level == 2:
        raise click.UsageError("--checkpoint: is for training, and -O2 isn't")
    if weights is not None and seed is not None:
        raise click.UsageError("--weights and --seed exclude each other")
    if target == "onnx" and output == options.STDOUT:
        raise click.UsageError("an ONNX model can't be printed; give a file with -o")
    other = numbers.request()
    if validate and not level:
        raise click.UsageError("--validate: only with -O1 or -O2")
    compilation = optimised(options.opened(spec, overrides, roots), level, runtime, target)
    _ = compilation.program
    Renderer.for_stream(sys.stderr).show(notes(compilation))
    validated = _validated(compilation) if validate else ""
    if output == options.STDOUT:
        click.echo(api.torch_source(compilation, register, checkpoint), nl=False)
        return 0
    path = path or api.default_output(compilation.subject, target)
    if numbers.report is not None and numbers.report.resolve() == path.resolve():
        raise click.UsageError("--report and --output name the same file")
    errors = None
    if target == "torch":
        written = api.write_torch(compilation, path, register=register, checkpoint=checkpoint, force=force)
    else:
        request = OnnxRequest(
            opset=opset, dynamic=frozenset(dynamic), weights=weights, seed=seed or 0,  # type: ignore[arg-type]
            pipeline=pipeline, nms=nms, resize=resize, score_threshold=score_threshold,
            labels=() if labels is None else read_labels(labels),
        )  # fmt: skip
        written, errors = _write_onnx(compilation, path, request, other, numbers.report, force)
    for file in written:
        state = "wrote" if file.changed else "unchanged"
        console.say(f"{state} {file.path}  {size_text(file.size)}")
    console.say(_facts(compilation, target, pipeline))
    if validated:
        console.say(validated)
    if errors is not None:
        console.say(table(errors))
    if target == "onnx" and settled(request, compilation).nms == "trt":
        console.say("This file runs in TensorRT only: EfficientNMS_TRT is a plugin of its own.")
    return 0


def _write_onnx(
    compilation: AnyCompilation,
    path: Path,
    request: OnnxRequest,
    other: PrecisionRequest,
    report: Path | None,
    force: bool,
) -> tuple[tuple[Written, ...], ErrorReport | None]:
    """Write a model, and perhaps a report: the files, and how far an int8 model is off."""
    with progress("looking at images") as tell:
        written, built = write_onnx(compilation, path, request, other, force=force, progress=tell)
    Renderer.for_stream(sys.stderr).show(built.warnings)
    if report is not None and built.errors is not None:
        written = (*written, write_report(report, built.errors, force=force))
    return written, built.errors


def _validated(compilation: AnyCompilation) -> str:
    """Compare what was rewritten with what was written; says so."""
    from spinedsl.analysis.validation import validate

    seen = validate(compilation)
    height, width = seen.size
    return f"validated: {', '.join(seen.outputs)} are exactly what was written, at {height} x {width}"


def _facts(compilation: AnyCompilation, target: str, pipeline: str | None) -> str:
    """One line about what was compiled."""
    summary = summarise(compilation)
    endpoints = ", ".join(e.name for e in compilation.program.endpoints)
    if pipeline is not None:
        endpoints = f"images to {pipeline}"
    name = f"{class_name(compilation.subject)}()" if target == "torch" else summary.title
    given = compilation.network.input
    size = f"{given.height} x {given.width}"
    return (
        f"{name}: {endpoints}; {summary.parameters:,} parameters, {summary.macs / 1e9:,.2f} GMACs at {size}"
    )
