"""`spinec bench --pipeline`: what each stage from image to result takes.

1. The stages are graphs of their own, in ONNX Runtime, and so is the whole; all run in turn.
2. What stands behind the network gets what the network really puts out, from freshly drawn weights
   that answer every score with a half: candidates are as many as there can be, so that suppression is
   not measured on an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx import OnnxModel
from spinedsl.records import record
from spinedsl.runtime.bench.timing import Timed, alternate, available, photograph, session

IMAGES = "images"
WHOLE = "whole"


@record
class PipelineTimes:
    """One model at one size on one device.

    Attributes:
        size: height and width of the network's input; images are as large.
        stages: `before`, `network`, `behind` and `whole`: seconds a batch.
    """

    title: str
    size: tuple[int, int]
    batch: int
    device: str
    stages: dict[str, Timed]

    @property
    def frames_per_second(self) -> float:
        """Images a second through the whole."""
        return self.batch / self.stages[WHOLE].median


def bench_pipeline(
    title: str,
    size: tuple[int, int],
    models: Mapping[str, OnnxModel],
    *,
    device: str = "cpu",
    batch: int = 1,
    repeats: int = 10,
    threads: int = 0,
) -> PipelineTimes:
    """Time the stages of a model's pipeline.

    Args:
        title: of the model.
        size: of the images, and of the network's input.
        models: the stages in order, then the whole.

    Raises:
        DiagnosticError: onnxruntime or the device is missing (SP052).
    """
    if not available(device):
        raise fail(
            "SP052", f"ONNX Runtime has no {device} here",
            help="install onnxruntime-gpu on a machine with a GPU, or leave out `--device`",
        )  # fmt: skip
    runs = dict(_runs(models, photograph(batch, *size), device, threads))
    return PipelineTimes(title, size, batch, device, alternate(runs, repeats))


def _runs(
    models: Mapping[str, OnnxModel], images: Any, device: str, threads: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is timed: a session with its inputs; each stage gets what the one before puts out."""
    known: dict[str, Any] = {IMAGES: images}
    for name, model in models.items():
        made = session(model, device, threads)
        inputs = {value.name: known[value.name] for value in made.get_inputs()}
        outputs = [value.name for value in made.get_outputs()]
        found = dict(zip(outputs, made.run(outputs, inputs), strict=True))
        known |= {key: _undecided(key, value) for key, value in found.items()}
        yield name, _bound(made, outputs, inputs)


def _bound(made: Any, outputs: list[str], inputs: dict[str, Any]) -> Callable[[], object]:
    return lambda: made.run(outputs, inputs)


def _undecided(name: str, value: Any) -> Any:
    """Raw scores moved up to where every candidate counts; other values as they are."""
    if name.startswith("raw.scores"):
        return (value - np.float32(value.mean())).astype(np.float32)
    return value
