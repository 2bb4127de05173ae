"""torch modules as contenders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spinedsl.diagnostics import fail
from spinedsl.runtime.bench.comparison import Contender
from spinedsl.runtime.bench.timing import PURPOSE
from spinedsl.runtime.tools import need


def images(batch: int, height: int, width: int, device: str = "cpu") -> Any:
    """Random images that every contender sees.

    Raises:
        DiagnosticError: torch or the device is missing (SP052).
    """
    torch = need("torch", PURPOSE)
    if device == "cuda" and not torch.cuda.is_available():
        raise fail("SP052", "torch has no CUDA device here", help="run it on a machine with an NVIDIA GPU")
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator).to(device)


def inference(module: Any, given: Any, *, compiled: bool = False) -> Contender:
    """A module without gradients.

    Args:
        given: what it takes.
        compiled: by torch.compile, as a whole.
    """
    torch = need("torch", PURPOSE)
    module.eval()
    called = torch.compile(module, fullgraph=True) if compiled else module

    def run() -> object:
        with torch.inference_mode():
            result = called(given)
        _wait(given)
        return result

    run()
    return Contender(run, peak_of(run, given))


def training(module: Any, given: Any) -> Contender:
    """Forward and backward; the loss is as cheap as one can be."""
    torch = need("torch", PURPOSE)
    module.train()

    def run() -> None:
        module.zero_grad(set_to_none=True)
        outputs: Mapping[str, Any] = module(given)
        torch.stack([values.float().square().mean() for values in outputs.values()]).sum().backward()
        _wait(given)

    run()
    return Contender(run, peak_of(run, given))


def replayed(module: Any, given: Any) -> Contender:
    """A module without gradients as a CUDA graph: kernels start without Python."""
    torch = need("torch", PURPOSE)
    module.eval()
    with torch.inference_mode():
        for _ in range(3):
            module(given)
        _wait(given)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            module(given)

    def run() -> None:
        graph.replay()
        _wait(given)

    return Contender(run)


def peak_of(run: Callable[[], object], given: Any) -> Callable[[], int]:
    """What measures the memory that a run holds at its worst, as torch's allocator counts it.

    On a CPU that leaves out what kernels allocate for themselves.
    """
    torch = need("torch", PURPOSE)

    def on_cuda() -> int:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        return int(torch.cuda.max_memory_allocated()) - int(before)

    def on_cpu() -> int:
        activities = [torch.profiler.ProfilerActivity.CPU]
        with _silent(), torch.profiler.profile(activities=activities, profile_memory=True) as recorded:
            run()
        events = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]
        held = highest = 0
        for event in sorted(events, key=lambda event: event.start_ns()):
            held += event.nbytes()
            highest = max(highest, held)
        return highest

    return on_cuda if given.is_cuda else on_cpu


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing is said on standard error, not even by C++: the profiler tells about itself there."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _wait(given: Any) -> None:
    if given.is_cuda:
        need("torch", PURPOSE).cuda.synchronize()


def half_channels_last(placed: Any) -> Any:
    """A module or images in float16, the channels of a pixel beside one another."""
    torch = need("torch", PURPOSE)
    return placed.half().to(memory_format=torch.channels_last)
