"""All networks and models that ship: their expectations hold, and each says what a reader needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from spinedsl import resources
from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import summarise
from spinedsl.ir.titles import class_name
from spinedsl.ir.writing import call_text
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.specification import open_all, open_spec, standard_models, standard_networks

SPECS = resources.folder("specs")
NETWORKS = {listed.name: listed.file for listed in standard_networks()}
MODELS = {listed.name: listed.file for listed in standard_models()}
MAX_LINES = 45
"""Of one network, without empty lines, beyond what it extends."""


def load(name: str) -> AnyCompilation:
    return open_spec(f"std:{name}")


@pytest.mark.parametrize("name", [*NETWORKS, *MODELS])
def test_expectations_hold(name: str) -> None:
    compilation = load(name)
    diagnostics, proved = check(compilation)
    assert [str(d.message) for d in diagnostics] == []
    asked = Counter(e.quantity for e in compilation.subject.expectations)
    assert asked["params"] == 1
    assert asked["macs"] >= 1
    # What a head puts out follows from its task.
    assert asked["output"] >= (1 if name in NETWORKS else 0)
    assert proved == asked.total()


@pytest.mark.parametrize("name", [*NETWORKS, *MODELS])
def test_says_its_title_and_source(name: str) -> None:
    subject = load(name).subject
    assert subject.title
    assert subject.published


@pytest.mark.parametrize("name", [*NETWORKS, *MODELS])
def test_is_short(name: str) -> None:
    compilation = load(name)
    assert compilation.syntax is not None
    lines = [line for line in compilation.syntax.span.text.splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES


def test_class_names_differ() -> None:
    names = [class_name(load(name).subject) for name in (*NETWORKS, *MODELS)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {"SpineNet49", "SpineNet49RetinaNet"} <= set(names)


def test_every_task_has_a_model() -> None:
    heads = set()
    for name in MODELS:
        compilation = load(name)
        assert isinstance(compilation, ModelCompilation)
        heads |= {type(task).__name__ for task in compilation.assembly.tasks}
    assert heads == {
        "Classification", "Detection", "Proposals", "RegionBoxes", "RegionMasks", "Segmentation",
    }  # fmt: skip


def test_a_file_means_the_network_it_is_named_after() -> None:
    assert open_spec(SPECS / "spinenet49.spine").network.title == "SpineNet-49"


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.spine")), ids=lambda p: p.name)
def test_every_file_loads_on_its_own(path: Path) -> None:
    open_all(path)


def rows_of(rows: list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def network_table() -> str:
    """The table of all networks, as specs/README.md shows it."""
    head = ("file", "network", "title", "parameters", "MACs", "input", "source")
    rows = [head, ("---", "---", "---", "---:", "---:", "---", "---")]
    for name, file in NETWORKS.items():
        compilation = load(name)
        assert isinstance(compilation, Compilation)
        summary = summarise(compilation)
        network = compilation.network
        size = f"{network.input.height} x {network.input.width}"
        rows.append((
            f"[{file}]({file})", f"`{name}`", network.title or "", f"{summary.parameters:,}",
            f"{summary.macs / 1e9:,.2f} G", size, "; ".join(network.published),
        ))  # fmt: skip
    return rows_of(rows)


def model_table() -> str:
    """The same of all models; parts and heads as they are written."""
    head = ("file", "model", "title", "parts", "heads", "parameters", "MACs", "input")
    rows = [head, ("---", "---", "---", "---", "---", "---:", "---:", "---")]
    for name, file in MODELS.items():
        compilation = load(name)
        assert isinstance(compilation, ModelCompilation)
        summary = summarise(compilation)
        model = compilation.model
        parts = (network.name for network in (model.backbone, *model.necks))
        rows.append((
            f"[{file}]({file})", f"`{name}`", model.title or "", ", ".join(f"`{part}`" for part in parts),
            ", ".join(f"`{call_text(head)}`" for head in model.heads), f"{summary.parameters:,}",
            f"{summary.macs / 1e9:,.2f} G", f"{model.backbone.input.height} x {model.backbone.input.width}",
        ))  # fmt: skip
    return rows_of(rows)


@pytest.mark.parametrize(("what", "table"), [("networks", network_table), ("models", model_table)])
def test_readme_lists_them(what: str, table: Callable[[], str], request: pytest.FixtureRequest) -> None:
    """`pytest --update-golden` writes the tables anew."""
    readme = SPECS / "README.md"
    before, begin, rest = readme.read_text(encoding="utf-8").partition(f"<!-- {what} -->\n")
    _, end, after = rest.partition(f"<!-- end of {what} -->\n")
    current = f"{before}{begin}{table()}{end}{after}"
    if request.config.getoption("--update-golden", default=False):
        readme.write_text(current, encoding="utf-8")
    assert begin and end, f"specs/README.md has lost the marks around its table of {what}"
    assert readme.read_text(encoding="utf-8") == current
