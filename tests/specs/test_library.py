"""All networks that ship: their expectations hold, and each says what a reader needs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from spinedsl import resources
from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import summarise
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_all, open_spec, standard_networks

SPECS = resources.folder("specs")
NETWORKS = {listed.name: listed.file for listed in standard_networks()}
MAX_LINES = 45
"""Of one network, without empty lines, beyond what it extends."""


def load(name: str) -> Compilation:
    return open_spec(f"std:{name}")


@pytest.mark.parametrize("name", NETWORKS)
def test_expectations_hold(name: str) -> None:
    compilation = load(name)
    diagnostics, proved = check(compilation)
    assert [str(d.message) for d in diagnostics] == []
    asked = Counter(e.quantity for e in compilation.network.expectations)
    assert asked["params"] == 1
    assert asked["macs"] >= 1
    assert asked["output"] >= 1
    assert proved == asked.total()


@pytest.mark.parametrize("name", NETWORKS)
def test_says_its_title_and_source(name: str) -> None:
    network = load(name).network
    assert network.title
    assert network.published


@pytest.mark.parametrize("name", NETWORKS)
def test_is_short(name: str) -> None:
    compilation = load(name)
    lines = [line for line in compilation.syntax.span.text.splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES


def test_class_names_differ() -> None:
    names = [class_name(load(name).network) for name in NETWORKS]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert "SpineNet49" in names


def test_a_file_means_the_network_it_is_named_after() -> None:
    assert open_spec(SPECS / "spinenet49.spine").network.title == "SpineNet-49"


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.spine")), ids=lambda p: p.name)
def test_every_file_loads_on_its_own(path: Path) -> None:
    open_all(path)


def table() -> str:
    """The table of all networks, as specs/README.md shows it."""
    head = ("file", "network", "title", "parameters", "MACs", "input", "source")
    rows = [head, ("---", "---", "---", "---:", "---:", "---", "---")]
    for name, file in NETWORKS.items():
        compilation = load(name)
        summary = summarise(compilation)
        network = compilation.network
        size = f"{network.input.height} x {network.input.width}"
        rows.append((
            f"[{file}]({file})", f"`{name}`", network.title or "", f"{summary.parameters:,}",
            f"{summary.macs / 1e9:,.2f} G", size, "; ".join(network.published),
        ))  # fmt: skip
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_readme_lists_them(request: pytest.FixtureRequest) -> None:
    """`pytest --update-golden` writes the table anew."""
    readme = SPECS / "README.md"
    before, begin, rest = readme.read_text(encoding="utf-8").partition("<!-- networks -->\n")
    _, end, after = rest.partition("<!-- end of networks -->\n")
    current = f"{before}{begin}{table()}{end}{after}"
    if request.config.getoption("--update-golden", default=False):
        readme.write_text(current, encoding="utf-8")
    assert begin and end, "specs/README.md has lost the marks around its table"
    assert readme.read_text(encoding="utf-8") == current
