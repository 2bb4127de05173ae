"""Detection pipelines from bytes of an image to boxes, stage by stage, at the sizes of the paper.

ONNX Runtime, one image at a time; `spinec bench` measures, alternating its stages in one process. Its
suppression gets as many candidates as there can be.
"""

from __future__ import annotations

import json
import subprocess

from benchmarks.measure import spinec

SIZES = (
    ("spinenet49s_retinanet", 640),
    ("spinenet49_retinanet", 640),
    ("spinenet49_retinanet", 896),
    ("spinenet96_retinanet", 1024),
    ("spinenet143_retinanet", 1280),
    ("spinenet190_retinanet", 1280),
    ("spinenet49_mask_rcnn", 640),
)
STAGES = ("before", "network", "behind", "whole")


def report() -> str:
    """A Markdown table."""
    lines = [
        "| model | size | before | network | behind | whole | images/s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(model, size) for model, size in SIZES]
    return "\n".join(lines)


def _row(model: str, size: int) -> str:
    repeats = 10 if size <= 640 else 5
    command = (
        "bench",
        f"std:{model}",
        "--pipeline",
        "detection",
        "--size",
        str(size),
        "--repeats",
        str(repeats),
    )
    answer = subprocess.run(spinec(*command, "--json"), check=True, capture_output=True, text=True).stdout
    (found,) = json.loads(answer)
    cells = [f"{found['stages'][stage]['median'] * 1e3:,.1f} ms" for stage in STAGES]
    return " | ".join([f"| `std:{model}`", f"{size} x {size}", *cells, f"{found['frames_per_second']:.2f} |"])


if __name__ == "__main__":
    print(report())
