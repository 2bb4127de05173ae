"""The picture of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

COLOURS = ("tab:gray", "tab:orange", "tab:blue")


def draw(results: dict[str, list[dict[str, Any]]], batch: int, path: Path) -> None:
    """Left, average precision of every seed and their means; right, how it grew while training.

    Args:
        results: for each graph, its runs: metrics, and a curve of (step, AP, AP50).
        batch: scenes a step.
    """
    figure, (final, growth) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for place, (colour, (name, runs)) in enumerate(zip(COLOURS, results.items(), strict=True)):
        precisions = np.array([100 * run["AP"] for run in runs])
        final.plot(np.full(len(runs), place), precisions, "o", color=colour, alpha=0.6)
        final.plot([place - 0.2, place + 0.2], [precisions.mean()] * 2, color=colour, linewidth=3)
        curves = np.array([run["curve"] for run in runs])  # (seeds, points, 3)
        scenes, grown = curves[0, :, 0] * batch, 100 * curves[:, :, 1]
        growth.plot(scenes, grown.mean(0), color=colour, label=name)
        growth.fill_between(scenes, grown.min(0), grown.max(0), color=colour, alpha=0.2)
    final.set_xticks(range(len(results)), list(results))
    final.set_xlim(-0.5, len(results) - 0.5)
    final.set_ylabel("AP")
    final.set_title("all validation scenes: every seed, and the mean")
    growth.set_xlabel("training scenes")
    growth.set_ylabel("AP")
    growth.set_title("while training, on some: mean and range")
    growth.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
