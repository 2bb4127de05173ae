"""`make bench`: every benchmark, as Markdown. It takes some two hours; each can be run by itself."""

from __future__ import annotations

import importlib

from spinedsl.runtime.bench.report import machine

PARTS = {
    "Start-up": "benchmarks.startup",
    "A thousand specs": "benchmarks.check_cache",
    "Cost per block": "benchmarks.linearity",
    "ONNX export": "benchmarks.onnx_export",
    "Precision": "benchmarks.precision",
    "Pipelines": "benchmarks.pipeline",
    "Comparison": "benchmarks.comparison",
    "Every network": "benchmarks.every_spec",
    "Merged siblings": "benchmarks.siblings",
    "Search spaces": "benchmarks.space_costs",
}


def main() -> None:
    print(f"Measured on: {machine()}.")
    for title, module in PARTS.items():
        print(f"\n## {title}\n", flush=True)
        print(importlib.import_module(module).report(), flush=True)


if __name__ == "__main__":
    main()
