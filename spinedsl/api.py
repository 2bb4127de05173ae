"""The Python interface: `spinedsl.load`, `spinedsl.compile`, `spinedsl.summary`.

>>> import spinedsl
>>> spinedsl.summary("std:spinenet49").parameters
21831488
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from spinedsl.analysis.summary import Summary, summarise
from spinedsl.collecting import collect_afterwards
from spinedsl.diagnostics import fail
from spinedsl.emit.frameworks import Framework
from spinedsl.emit.output import Written, write_output
from spinedsl.emit.precisions import CalibrationMethod, Placement, Precision
from spinedsl.ir.model import Model, Network
from spinedsl.onnx_precision import PrecisionRequest, write_onnx, write_report
from spinedsl.onnx_target import OnnxRequest, PipelineKind, Resizing, Suppression
from spinedsl.pipeline import AnyCompilation, ModelCompilation, optimised
from spinedsl.profiles import Level
from spinedsl.specification import Overrides, open_spec

Target = Literal["torch", "onnx"]
SUFFIXES: dict[str, Target] = {".py": "torch", ".onnx": "onnx"}


@collect_afterwards
def load(spec: str | Path, overrides: Overrides | None = None) -> Network | Model:
    """The validated Network or Model that a spec declares.

    Args:
        spec: a path, `path:network`, or `std:NAME`.
        overrides: declarations laid over it, as `--set` does: `{"repeat": "2"}`.

    Raises:
        spinedsl.DiagnosticError: everything that is wrong with it.
    """
    return open_spec(spec, overrides).subject


@collect_afterwards
def summary(spec: str | Path, overrides: Overrides | None = None) -> Summary:
    """Parameters, multiply-adds and activation memory of every block, and in all.

    Args, Raises: as `load`.
    """
    return summarise(open_spec(spec, overrides))


@collect_afterwards
def compile(
    spec: str | Path,
    target: Target | None = None,
    output: str | Path | None = None,
    overrides: Overrides | None = None,
    *,
    opset: int | None = None,
    dynamic: Collection[Literal["batch", "size"]] = (),
    weights: str | Path | None = None,
    seed: int = 0,
    register: Collection[Framework] = (),
    checkpoint: bool = False,
    pipeline: PipelineKind | None = None,
    nms: Suppression | None = None,
    resize: Resizing | None = None,
    labels: Collection[str] = (),
    score_threshold: float | None = None,
    precision: Precision = "fp32",
    keep: Collection[str] = (),
    calibrate: str | Path | None = None,
    calibration_method: CalibrationMethod = "minmax",
    placement: Placement | None = None,
    report: str | Path | None = None,
    level: Level = 0,
    runtime: str | None = None,
    force: bool = False,
) -> tuple[Written, ...]:
    """Compile a network or model and write the result, whole or not at all.

    Args:
        spec, overrides: as `load`.
        target: `torch` writes one Python module that needs only torch, `onnx` a model. Told from
            the ending of `output` if not given, else torch.
        output: the file; the network's name with `.py` or `.onnx` in this folder if not given.
        opset, dynamic: of an ONNX model; see `spinedsl.emit.onnx.OnnxOptions`.
        weights: a .safetensors file with every parameter; for ONNX.
        seed: of the published initialisation that an ONNX model gets without `weights`.
        register: frameworks that a torch module becomes a backbone of; see docs/frameworks.md.
        checkpoint: whether the blocks of a torch module keep their inputs only in training, and run anew
            for their gradients; less memory for more time.
        pipeline, nms, resize, labels, score_threshold: of an ONNX model that takes images and gives
            results; see `spinedsl.onnx_target.OnnxRequest`.
        precision, keep, calibrate, calibration_method, placement: of an ONNX model; see
            `spinedsl.onnx_precision.PrecisionRequest`.
        report: where to write, as JSON, how far each layer of an `int8` model is from float32.
        level: of optimisation, as `-O`; see docs/optimisation.md.
        runtime: what the result will run in, one of `spinedsl.profiles.PROFILES`, which decides what
            pays; torch if not given, or ort-cpu for an ONNX model.
        force: replace files that spinec did not write.

    Returns:
        The files written: one, or two if an ONNX model is larger than 2 GB; the report comes last.

    Raises:
        spinedsl.DiagnosticError: the spec is wrong, or the output can't be written.
    """
    path = None if output is None else Path(output)
    target = target or target_of(path)
    compilation = optimised(open_spec(spec, overrides), level, runtime, target)
    path = path or default_output(compilation.subject, target)
    if target == "torch":
        return write_torch(compilation, path, register=register, checkpoint=checkpoint, force=force)
    request = OnnxRequest(
        opset=opset, dynamic=frozenset(dynamic), weights=None if weights is None else Path(weights), seed=seed,
        pipeline=pipeline, nms=nms, resize=resize, labels=tuple(labels), score_threshold=score_threshold,
    )  # fmt: skip
    numbers = PrecisionRequest(
        precision, tuple(keep), None if calibrate is None else Path(calibrate), calibration_method, placement
    )
    written, built = write_onnx(compilation, path, request, numbers, force=force)
    if report is None or built.errors is None:
        return written
    return (*written, write_report(Path(report), built.errors, force=force))


def target_of(output: Path | None) -> Target:
    """The target that a file's ending means; torch without a file.

    Raises:
        spinedsl.DiagnosticError: no target has this ending (SP050).
    """
    if output is None:
        return "torch"
    target = SUFFIXES.get(output.suffix.lower())
    if target is None:
        raise fail(
            "SP050",
            f"“{output}” doesn't say what to write",
            help="end it in .py or .onnx, or name the target: `--target torch`",
        )
    return target


def default_output(network: Network | Model, target: Target) -> Path:
    """Where a network goes if nobody says: its name, in this folder."""
    return Path(f"{network.name}{next(s for s, t in SUFFIXES.items() if t == target)}")


def torch_source(
    compilation: AnyCompilation, register: Collection[Framework] = (), checkpoint: bool = False
) -> str:
    """The text of the generated PyTorch module; `register` and `checkpoint` as in `compile`.

    Raises:
        spinedsl.DiagnosticError: the network doesn't compile.
    """
    from spinedsl.emit.torch import emit, emit_model

    if isinstance(compilation, ModelCompilation):
        if register:
            raise fail(
                "SP058", f"“{compilation.model.name}” is a model; frameworks take backbones",
                compilation.model.span, help=f"register its backbone: “{compilation.network.name}”",
            )  # fmt: skip
        networks = [part.network for part in compilation.parts]
        return emit_model(compilation.model, networks, compilation.assembly, checkpoint)
    return emit(compilation.network, compilation.program, compilation.inlined, register, checkpoint)


def write_torch(
    compilation: AnyCompilation,
    path: Path,
    *,
    register: Collection[Framework] = (),
    checkpoint: bool = False,
    force: bool = False,
) -> tuple[Written, ...]:
    """Write the generated PyTorch module; see `compile`."""
    text = torch_source(compilation, register, checkpoint)
    return (write_output(path, text.encode(), "python", force),)
