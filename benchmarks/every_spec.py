"""Every network that ships, in ONNX Runtime and OpenVINO: -O2 against what exporters make of the same layers.

    python -m benchmarks.every_spec [NAME…]

The rival is the module at -O0, exported by torch.onnx.export and slimmed by onnxslim. Sizes are the networks'
own, at most 640 x 640. Within a runtime both take turns; a time counts as slower beyond the noise, `MARGIN`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from spinedsl.benchmark import Bench, Wanted
from spinedsl.ir.model import FeatureInput
from spinedsl.pipeline import Compilation, optimised
from spinedsl.runtime.bench.comparison import Measured, measure
from spinedsl.specification import open_spec, standard_networks

LARGEST = 640
RUNS = 7
MARGIN = 0.02
"""How far two medians of the same file lie apart here."""


def networks() -> Iterator[str]:
    """Names of the networks that read images."""
    for entry in standard_networks():
        compilation = open_spec(f"std:{entry.name}")
        if isinstance(compilation, Compilation) and not isinstance(compilation.network.input, FeatureInput):
            yield entry.name


def report(names: Sequence[str] = ()) -> str:
    """A Markdown table."""
    lines = [
        "| network | size | GMACs, as written | `-O2`, ort-cpu | `-O2`, openvino | nodes, exported and slimmed | `-O2` | ONNX Runtime, faster | OpenVINO, faster |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    slower = []
    for name in names or list(networks()):
        print(name, file=sys.stderr, flush=True)
        compilation = open_spec(f"std:{name}")
        assert isinstance(compilation, Compilation)
        own = compilation.network.input
        size = min(own.height, LARGEST), min(own.width, LARGEST)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(compilation, Wanted(size, repeats=RUNS), Path(folder))
            found = [measure(s) for s in bench.sections() if s.title.startswith(("ONNX Runtime", "OpenVINO"))]
        macs = [_gmacs(compilation, size, runtime) for runtime in (None, "ort-cpu", "openvino")]
        ratios = [_ratio(each) for each in found]
        slower += [f"`{name}` ({ratio:.2f})" for ratio in ratios if ratio < 1 - MARGIN]
        rows = found[0].rows
        cells = [f"{count:.2f}" for count in macs] + [str(rows[0].operators), str(rows[-1].operators)]
        cells += [f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| `std:{name}` | {size[0]} x {size[1]} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join([*lines, "", f"Slower by more than {MARGIN:.0%}: {', '.join(slower) or 'none'}."])


def _gmacs(compilation: Compilation, size: tuple[int, int], runtime: str | None) -> float:
    rewritten = optimised(compilation.resized(*size), 2 if runtime else 0, runtime)
    return sum(node.macs for node in rewritten.inlined.nodes) / 1e9


def _ratio(measured: Measured) -> float:
    """How many times faster -O2 is than what was exported."""
    exported, *_, rewritten = measured.rows
    return exported.time.median / rewritten.time.median


if __name__ == "__main__":
    print(report(sys.argv[1:]))
