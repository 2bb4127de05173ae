"""The numbers of one network that have to be measured: proxies, latency, somebody's own function.

This is what a worker's process does; the parent knows the costs. What only some objectives need is
imported when they are asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinedsl.diagnostics import fail
from spinedsl.pipeline import Compilation
from spinedsl.search.objectives import LATENCY, PROXIES
from spinedsl.specification import open_spec

REPEATS = 9
"""Timed runs of a network, of which the median counts."""


def measure(path: Path, names: Sequence[str], seed: int) -> dict[str, float]:
    """The objectives of the network in a file, as they come; any of them may be no number.

    Args:
        names: proxies, `latency`, or functions of somebody's own, which get the path.
        seed: of weights and images.

    Raises:
        DiagnosticError: the network doesn't compile, or something needed is missing.
        Exception: whatever somebody's own function raises.
    """
    values: dict[str, float] = {}
    compilation = open_spec(path)
    assert isinstance(compilation, Compilation)
    for name in names:
        if name in PROXIES:
            values[name] = _proxy(name, compilation, seed)
        elif name == LATENCY:
            values[name] = latency(compilation)
        else:
            values[name] = own(own_function(name)(path), name)
    return values


def _proxy(name: str, compilation: Compilation, seed: int) -> float:
    """A zero-cost proxy of the freshly initialised generated module."""
    from spinedsl.emit.torch import emit
    from spinedsl.ir.titles import class_name
    from spinedsl.runtime.modules import load_module
    from spinedsl.runtime.proxies import proxy_value
    from spinedsl.runtime.tools import need

    torch = need("torch", f"“{name}”")
    source = emit(compilation.network, compilation.program, compilation.inlined)
    generator = torch.Generator().manual_seed(seed)
    module = load_module(source, class_name(compilation.network))(generator=generator)
    return proxy_value(name, module, compilation.program.main.inputs[0].shape, seed)


def latency(compilation: Compilation) -> float:
    """Milliseconds of one image in ONNX Runtime on this machine's CPU, the median of some runs."""
    from spinedsl.onnx_target import OnnxRequest, graph
    from spinedsl.runtime.bench.timing import alternate, session

    model, shape = graph(compilation, OnnxRequest()), compilation.program.main.inputs[0].shape
    ready = session(model, "cpu", 0)
    image = np.zeros((1, *shape), np.float32)
    given = {ready.get_inputs()[0].name: image}
    return 1000 * alternate({LATENCY: lambda: ready.run(None, given)}, REPEATS)[LATENCY].median


def own_function(name: str) -> Callable[[Path], Any]:
    """Somebody's own function, `module:function`; modules of the working directory come first.

    Raises:
        DiagnosticError: it can't be imported, or is no function (SP060).
    """
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as problem:
        raise fail(
            "SP060", f"“{module}” can't be imported: {type(problem).__name__}: {problem}",
            help="run the search where the module is, or install it",
        ) from problem  # fmt: skip
    if not callable(found):
        raise fail(
            "SP060", f"“{module}” has no function “{attribute}”",
            help="write one that takes the path of a .spine file and returns a number",
        )  # fmt: skip
    function: Callable[[Path], Any] = found
    return function


def own(value: Any, name: str) -> float:
    """What somebody's own function returned, as a number.

    Raises:
        TypeError: it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} returned {value!r:.60}, which is no number") from None
