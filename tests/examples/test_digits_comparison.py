"""The comparison of graphs: equal multiply-adds, and how results are summed up."""

from __future__ import annotations

from pathlib import Path

import pytest

import spinedsl
from examples.digits import compare, plot
from examples.digits.compare import MODELS, Contender, Plan, contender
from examples.digits.network import MODEL, SPEC


@pytest.mark.parametrize("name", MODELS)
def test_contenders_cost_what_the_detector_costs(name: str) -> None:
    macs = spinedsl.summary(f"{SPEC}:{MODEL}").macs
    found = contender(name, MODELS[name], macs)
    # Widths are whole numbers of channels: the next one costs up to 4 % more.
    assert found.macs == pytest.approx(macs, rel=0.025)
    scaled = spinedsl.summary(f"{SPEC}:{MODELS[name]}", found.overrides)
    assert (scaled.macs, scaled.parameters) == (found.macs, found.parameters)
    if MODELS[name] == MODEL:
        assert found.overrides == {"scale.width": "0.250"}


def test_a_table_has_means_and_deviations(tmp_path: Path) -> None:
    graphs = (Contender("A", "a", 0.25, 1000, 400_000_000), Contender("B", "b", 0.2, 900, 410_000_000))
    runs = [
        {
            "AP": 0.5 + 0.01 * seed,
            "AP50": 0.8,
            "AP75": 0.6,
            "AP small": 0.3,
            "AP medium": 0.7,
            "AP large": -1,
            "seconds": 120,
            "curve": [[10, 0.1, 0.2], [20, 0.5, 0.8]],
        }
        for seed in range(3)
    ]
    results = {"A": runs, "B": runs}
    table = compare.markdown(Plan(20, 3, graphs), results)
    assert "| A | 0.250 | 1,000 | 400.0 | 51.0 ± 1.0 | 80.0 ± 0.0 | 60.0 ± 0.0 |" in table
    assert "| B | 0.200 | 900 | 410.0 |" in table
    plot.draw({**results, "C": runs}, 16, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_one_seed_has_no_deviation() -> None:
    assert compare.spread([12.34]) == "12.3"
