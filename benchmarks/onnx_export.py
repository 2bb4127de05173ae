"""ONNX with 87 MB of weights: `spinec compile` against torch.onnx.export of the same network.

Both start from nothing, draw the published initialisation and end with a file. Bars: spinec is at
least 6 times faster than the exporter that torch recommends, in at most 0.75 of its peak memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Measured, processes, spinec

SPEC = "std:spinenet49"
FASTER, MEMORY = 6, 0.75
RUNS = 3

EXPORT = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {folder!r})
import torch
from spinenet49 import SpineNet49
network = SpineNet49().eval()
image = torch.zeros(1, 3, 640, 640)
torch.onnx.export(network, (image,), {output!r}, dynamo={dynamo}, opset_version=18, verbose=False)
"""


def report() -> str:
    """A Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        module = str(Path(folder) / "spinenet49.py")
        subprocess.run(spinec("compile", SPEC, "-o", module), check=True, capture_output=True)
        commands = {
            "`spinec compile`": spinec("compile", SPEC, "-o", str(Path(folder) / "a.onnx")),
            "`torch.onnx.export(dynamo=True)`": _export(folder, True),
            "`torch.onnx.export(dynamo=False)`": _export(folder, False),
        }
        results = processes(commands, RUNS)
    ours, theirs, _ = results.values()
    lines = [
        "| process | time | peak memory | slower than spinec | spinec's share of its memory |",
        "|---|---:|---:|---:|---:|",
        *(_row(name, measured, ours) for name, measured in results.items()),
        "",
        f"Bars against `dynamo=True`: at least {FASTER} times ({_word(theirs.seconds / ours.seconds >= FASTER)}), "
        f"at most {MEMORY} of the memory ({_word(ours.peak_mib / theirs.peak_mib <= MEMORY)}).",
    ]
    return "\n".join(lines)


def _export(folder: str, dynamo: bool) -> list[str]:
    output = str(Path(folder) / f"torch-{dynamo}.onnx")
    return [sys.executable, "-c", EXPORT.format(folder=folder, output=output, dynamo=dynamo)]


def _row(name: str, measured: Measured, ours: Measured) -> str:
    slower, share = measured.seconds / ours.seconds, ours.peak_mib / measured.peak_mib
    return f"| {name} | {measured.seconds:.2f} s | {measured.peak_mib:.0f} MiB | {slower:.1f} | {share:.2f} |"


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    print(report())
