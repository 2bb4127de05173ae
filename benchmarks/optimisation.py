"""SpineNet-49 as it was written and at -O1 and -O2: in torch, ONNX Runtime, and OpenVINO if it is there.

One process a runtime, its forms alternating; float32, random weights, all cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import spinedsl
from spinedsl.api import torch_source
from spinedsl.pipeline import optimised
from spinedsl.profiles import Level
from spinedsl.runtime import load_module
from spinedsl.runtime.bench.timing import alternate
from spinedsl.specification import open_spec

SPEC = "std:spinenet49"
LEVELS: tuple[Level, ...] = (0, 1, 2)
RUNS = 11
SIZE = 640
TRAINED = (2, 384)
"""Images of a step of training, and their height and width."""


def report() -> str:
    """A Markdown table."""
    lines = ["| runtime | as written | `-O1` | `-O2` |", "|---|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as name:
        rows: dict[str, Callable[[], list[float]]] = {
            f"torch {torch.__version__}, eager, {SIZE} x {SIZE}": torch_inference,
            f"torch, forward and backward, {TRAINED[0]} x {TRAINED[1]} x {TRAINED[1]}": torch_training,
            f"ONNX Runtime {onnxruntime.__version__}, {SIZE} x {SIZE}": lambda: in_onnxruntime(Path(name)),
            f"OpenVINO, {SIZE} x {SIZE}": lambda: in_openvino(Path(name)),
        }
        for title, measure in rows.items():
            try:
                times = measure()
            except ImportError as missing:
                lines.append(f"| {title} | not measured: {missing} | | |")
                continue
            cells = [f"{1e3 * seconds:.0f} ms ({times[0] / seconds:.2f})" for seconds in times]
            cells += [""] * (len(LEVELS) - len(cells))
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def torch_inference() -> list[float]:
    """Seconds of each level, of one image."""
    image = torch.randn(1, 3, SIZE, SIZE)
    networks = {level: network.eval() for level, network in modules().items()}
    with torch.inference_mode():
        return medians({level: partial(network, image) for level, network in networks.items()})


def torch_training() -> list[float]:
    """Seconds of each level, forward and backward; -O2 doesn't train."""
    count, extent = TRAINED
    images = torch.randn(count, 3, extent, extent)

    def step(network: Any) -> None:
        sum(values.square().mean() for values in network(images).values()).backward()

    trained = {level: network for level, network in modules().items() if level < 2}
    return medians({level: partial(step, network.train()) for level, network in trained.items()})


def modules() -> dict[Level, Any]:
    """The network at every level."""
    written = open_spec(SPEC)
    return {
        level: load_module(torch_source(optimised(written, level, "torch")), "SpineNet49")()
        for level in LEVELS
    }


def in_onnxruntime(folder: Path) -> list[float]:
    """Seconds of each level with the CPU provider."""
    sessions = {
        level: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for level, path in files(folder, "ort-cpu").items()
    }
    given = {"image": image()}
    return medians({level: partial(session.run, None, given) for level, session in sessions.items()})


def in_openvino(folder: Path) -> list[float]:
    """Seconds of each level with the CPU plugin."""
    import openvino

    core = openvino.Core()
    compiled = {
        level: core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for level, path in files(folder, "openvino").items()
    }
    given = {"image": image()}
    return medians({level: partial(model, given) for level, model in compiled.items()})


def files(folder: Path, runtime: str) -> dict[Level, Path]:
    """An ONNX file for every level."""
    paths = {level: folder / f"{runtime}{level}.onnx" for level in LEVELS}
    for level, path in paths.items():
        spinedsl.compile(SPEC, output=path, level=level, runtime=runtime)
    return paths


def image() -> Any:
    """What both runtimes see."""
    return np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE), np.float32)


def medians(runs: Mapping[Level, Callable[[], object]]) -> list[float]:
    """Seconds of each, in order; one after the other, so that a slow moment hits them all."""
    timed = alternate({str(level): run for level, run in runs.items()}, RUNS)
    return [found.median for found in timed.values()]


if __name__ == "__main__":
    print(report())
