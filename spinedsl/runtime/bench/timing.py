"""Timing models in ONNX Runtime: alternating runs, medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spinedsl.emit.onnx import OnnxModel
from spinedsl.records import record
from spinedsl.runtime.tools import need
from spinedsl.weights import initial_weights

PURPOSE = "`spinec bench`"
"""What needs the libraries."""

WARM_UP = 2
"""Runs before the ones that count: the first ones allocate and choose kernels."""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Devices by the names users have for them."""


@record
class Timed:
    """Seconds that one run takes: the median, and the quartiles around it."""

    median: float
    low: float
    high: float


def available(device: str) -> bool:
    """Whether ONNX Runtime has the device here."""
    onnxruntime = need("onnxruntime", PURPOSE)
    return PROVIDERS[device] in onnxruntime.get_available_providers()


def session(model: OnnxModel, device: str, threads: int) -> Any:
    """A session of a model with freshly drawn weights.

    Args:
        threads: of the CPU; 0 for what ONNX Runtime chooses.
    """
    onnxruntime = need("onnxruntime", PURPOSE)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = [PROVIDERS[device]] + ([PROVIDERS["cpu"]] if device != "cpu" else [])
    data = model.to_bytes(initial_weights(model.parameters))
    return onnxruntime.InferenceSession(data, options, providers=providers)


def alternate(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Timed]:
    """The times of several things, in turn: a slow moment of the machine hits them all.

    Args:
        runs: what is timed, by name.
        repeats: how often each counts.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(WARM_UP + repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: _timed(found) for name, found in seconds.items()}


def _timed(seconds: list[float]) -> Timed:
    if len(seconds) == 1:
        return Timed(seconds[0], seconds[0], seconds[0])
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Timed(median, low, high)


def photograph(batch: int, height: int, width: int, seed: int = 0) -> Any:
    """Smooth uint8 images (batch, height, width, 3) that are neither flat nor noise."""
    stream = np.random.default_rng(seed)
    coarse = stream.integers(0, 256, (batch, -(-height // 16), -(-width // 16), 3), np.uint8)
    return np.repeat(np.repeat(coarse, 16, axis=1), 16, axis=2)[:, :height, :width]
