"""Precisions of SpineNet-49 and its RetinaNet at 640 x 640 in ONNX Runtime, one process, alternating.

Bar, on a CPU with VNNI: int8 as it is placed for ONNX Runtime is at least 2.2 times faster than fp32.
Weights and images are random: how fast a network is doesn't depend on them.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.measure import spinec
from spinedsl.runtime.bench.timing import alternate

FASTER = 2.2
RUNS = {"std:spinenet49": 15, "std:spinenet49_retinanet": 5}
INT8 = ("--precision", "int8", "--calibrate", "images")
FORMS: dict[str, tuple[str, ...]] = {
    "fp32": (),
    "fp16": ("--precision", "fp16"),
    "int8": INT8,
    "int8, `--placement tensorrt`": (*INT8, "--placement", "tensorrt"),
}


def report() -> str:
    """A Markdown table."""
    lines = [
        f"onnxruntime {onnxruntime.__version__}, {_vnni()}.",
        "",
        "| network | precision | file | median | faster than fp32 | bar |",
        "|---|---|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _images(folder / "images")
        for spec, runs in RUNS.items():
            lines += _rows(spec, runs, folder)
    return "\n".join(lines)


def _rows(spec: str, runs: int, folder: Path) -> list[str]:
    files = {}
    for number, (form, options) in enumerate(FORMS.items()):
        files[form] = folder / f"{number}.onnx"
        command = spinec("compile", spec, "-o", files[form].name, "--force", *options)
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    medians = _medians(files, runs)
    rows = []
    for form, seconds in medians.items():
        ratio = medians["fp32"] / seconds
        bar = f"{FASTER} ({'met' if ratio >= FASTER else 'MISSED'})" if form == "int8" else ""
        size = files[form].stat().st_size / 2**20
        rows.append(f"| `{spec}` | {form} | {size:.0f} MiB | {seconds * 1e3:.0f} ms | {ratio:.2f} | {bar} |")
    return rows


def _medians(files: dict[str, Path], runs: int) -> dict[str, float]:
    """Seconds of each file's run; one after the other, so that a slow moment hits them all."""
    image = np.random.default_rng(0).standard_normal((1, 3, 640, 640), np.float32)
    sessions = {
        form: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for form, path in files.items()
    }
    runs_of = {form: partial(session.run, None, {"image": image}) for form, session in sessions.items()}
    return {form: found.median for form, found in alternate(runs_of, runs).items()}


def _images(folder: Path) -> None:
    folder.mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (480, 640, 3))
        np.save(folder / f"{number}.npy", pixels.astype(np.uint8))


def _vnni() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    found = sorted({"avx512_vnni", "avx_vnni"} & set(flags))
    return f"a CPU with {found[0]}" if found else "a CPU without VNNI: the bar doesn't count"


if __name__ == "__main__":
    print(report())
