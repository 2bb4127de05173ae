"""The search of examples/digits, all but its trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from examples.digits import candidates, search
from examples.digits.candidates import SCENES, SHORT, key
from spinedsl.spaces.membership import encoding_of
from spinedsl.spaces.opening import open_space
from spinedsl.specification import open_spec


def test_what_is_drawn_are_members_at_the_budget(tmp_path: Path) -> None:
    space = open_space(search.SPACE)
    paths = search.drawn(tmp_path)
    assert len(set(paths)) == search.DRAWN >= 20
    for path in paths[:5]:
        assert 260e6 <= search.costs(path)["macs"] <= 273e6
        encoding_of(open_spec(path).network, space)


def test_a_training_is_known_by_its_network_whatever_that_is_called(tmp_path: Path) -> None:
    one, other = tmp_path / "one.spine", tmp_path / "other.spine"
    network = open_spec(f"{candidates.SPEC}:digits_spinenet49").network
    search.written(network, one)
    search.written(network.model_copy(update={"name": "other"}), other)
    assert key(one, SHORT, SCENES) == key(other, SHORT, SCENES)
    assert key(one, SHORT, SCENES) != key(one, search.LONG, SCENES)


def test_contenders_cost_alike_and_compile(tmp_path: Path) -> None:
    found = search.contenders(search.drawn(tmp_path / "drawn")[0], tmp_path / "compared")
    macs = {name: search.costs(path)["macs"] for name, path in found.items()}
    assert set(macs) == {"found", "SpineNet-49", "R0-SP53"}
    assert max(macs.values()) < 1.1 * min(macs.values())
    module = candidates.detector_on(found["SpineNet-49"], tmp_path / "module")
    assert sum(parameter.numel() for parameter in module.parameters()) > 1e6


def test_rank_correlations_and_their_table() -> None:
    rows = [
        {"AP": float(i), "synflow": i**3, "naswot": -i, "zen": i % 2, "params": i % 3, "macs": i}
        for i in range(20)
    ]
    told = search.correlations(rows)
    assert told["synflow"]["rho"] == pytest.approx(1) and told["naswot"]["rho"] == pytest.approx(-1)
    assert abs(told["zen"]["rho"]) < 0.2
    runs = [{"AP": 0.5 + 0.01 * seed, "AP50": 0.6, "AP75": 0.4} for seed in range(3)]
    document = {
        "drawn": rows,
        "correlations": told,
        "compared": [{"network": "found", "params": 1234, "macs": 5e6, "runs": runs}],
    }
    lines = list(search.markdown(document))
    assert lines[0].startswith("| tells | rank correlation with AP, 20 networks")
    assert lines[-1] == "| found | 1,234 | 5.0 | 51.0 ± 1.0 | 60.0 ± 0.0 | 40.0 ± 0.0 |"
