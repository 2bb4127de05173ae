"""A search in the paper's space, judged by training: is what it finds better than what the authors found?

    python -m examples.digits.search --minutes 50

1. Thirty networks, drawn uniformly from the space, are shortly trained; how well does a proxy, which trains
   nothing, tell their order?
2. `spinec search` looks for the best average precision after such a training, by regularised evolution
   that begins with these thirty.
3. What it found, SpineNet-49's topology and R0-SP53, at equal multiply-adds, are trained for longer with
   three seeds.

Killed, the same command goes on where it was. Writes search.json and search.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from scipy.stats import spearmanr

from examples.digits.candidates import SCENES, SHORT, trained
from examples.digits.compare import spread, write_json
from examples.digits.evaluate import SCENES as ALL_SCENES
from examples.digits.network import BUILD, SPEC
from spinedsl.analysis.requirements import Requirements
from spinedsl.ir.model import Network
from spinedsl.search.measuring import measure
from spinedsl.search.objectives import PROXIES, objective
from spinedsl.search.search import Events, Limits
from spinedsl.search.session import Request, search
from spinedsl.spaces.opening import open_space
from spinedsl.spaces.sampling import sample
from spinedsl.spaces.writing import member_name, member_text
from spinedsl.specification import open_spec

SPACE = SPEC.with_name("space.spine")
OBJECTIVE = "examples.digits.candidates:average_precision_of"
DRAWN, DRAWN_SEED = 30, 1
CORES = 2
LONG = replace(SHORT, steps=400, warm_up=60, save=400)
"""The training of what is compared in the end: 6,400 scenes."""


def drawn(folder: Path) -> list[Path]:
    """Files of networks that are drawn uniformly."""
    space = open_space(SPACE)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for member in islice(sample(space, Requirements.of(space.space), DRAWN_SEED), DRAWN):
        name = member_name(space, member.encoding)
        paths.append(written(space.network(member.encoding, name), folder / f"{name}.spine"))
    return paths


def written(network: Network, path: Path) -> Path:
    """A network as a file of its own."""
    path.write_text(member_text(network), encoding="utf-8")
    return path


def costs(path: Path) -> dict[str, int]:
    """Parameters and multiply-adds of a backbone."""
    found = Requirements(()).costs(open_spec(path).network)
    return {"params": found.parameters, "macs": found.macs}


def judged(path: Path) -> dict[str, float]:
    """Average precision after the short training, every proxy, and what could tell as much for nothing."""
    precision = trained(path, SHORT, SCENES)["AP"]
    return {"AP": precision, **measure(path, tuple(PROXIES), seed=0), **costs(path)}


def correlations(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Spearman's rank correlation of everything with average precision, and how likely chance does as much."""
    precisions = [row["AP"] for row in rows]
    found = {}
    for name in (*PROXIES, "params", "macs"):
        result = spearmanr([row[name] for row in rows], precisions)
        found[name] = {"rho": float(result.statistic), "p": float(result.pvalue)}
    return found


def contenders(winner: Path, folder: Path) -> dict[str, Path]:
    """What is compared, at the multiply-adds of SpineNet-49."""
    folder.mkdir(parents=True, exist_ok=True)
    spinenet = written(open_spec(f"{SPEC}:digits_spinenet49").network, folder / "spinenet49.spine")
    budget = costs(spinenet)["macs"]
    narrowed = [
        written(
            open_spec(f"{SPEC}:narrow_r0_sp53", {"scale.width": f"{width / 1000:.3f}"}).network,
            folder / f"r0_sp53_{width}.spine",
        )
        for width in range(200, 251)
    ]
    equal = min(narrowed, key=lambda path: abs(costs(path)["macs"] - budget))
    return {"found": winner, "SpineNet-49": spinenet, "R0-SP53": equal}


def final(path: Path, seed: int) -> dict[str, float]:
    """One of the long trainings."""
    return trained(path, replace(LONG, seed=seed), ALL_SCENES)


def compared(paths: dict[str, Path], seeds: int, pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Every contender with every seed."""
    runs = {name: [pool.submit(final, path, seed) for seed in range(seeds)] for name, path in paths.items()}
    return [
        {"network": name, **costs(paths[name]), "runs": [run.result() for run in submitted]}
        for name, submitted in runs.items()
    ]


def markdown(document: dict[str, Any]) -> Iterator[str]:
    """Both tables, as README.md has them."""
    yield f"| tells | rank correlation with AP, {len(document['drawn'])} networks | p |"
    yield "|---|---:|---:|"
    for name, told in document["correlations"].items():
        yield f"| {name} | {told['rho']:+.2f} | {told['p']:.3f} |"
    yield ""
    yield "| network | parameters | MMACs | AP | AP50 | AP75 |"
    yield "|---|---:|---:|---:|---:|---:|"
    for row in document["compared"]:
        cells = [spread([100 * run[metric] for run in row["runs"]]) for metric in ("AP", "AP50", "AP75")]
        yield f"| {row['network']} | {row['params']:,} | {row['macs'] / 1e6:.1f} | {' | '.join(cells)} |"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=BUILD / "search", show_default=True)
@click.option("--minutes", default=50.0, show_default=True, help="Of the search itself.")
@click.option("--seeds", default=3, show_default=True, help="Trainings of each network in the end.")
def main(folder: Path, minutes: float, seeds: int) -> None:
    """Draw, search and compare."""
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        paths = drawn(folder / "drawn")
        rows = list(pool.map(judged, paths))
    space = open_space(SPACE)
    request = Request(
        space, Requirements.of(space.space), (objective(OBJECTIVE, "maximise"),), folder / "found",
        Limits(minutes=minutes, jobs=CORES), starts=tuple(open_spec(path).network for path in paths),
    )  # fmt: skip
    outcome = search(
        request, Events(finished=lambda number, values, why: click.echo(f"{number}: {values or why}"))
    )
    best = outcome.best[0]
    winner = outcome.folder / "best" / f"{member_name(space, best.encoding)}.spine"
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        table = compared(contenders(winner, folder / "compared"), seeds, pool)
    document = {
        "drawn": [{"network": path.stem, **row} for path, row in zip(paths, rows, strict=True)],
        "correlations": correlations(rows),
        "searched": {
            "tried": [{"AP": each.values[0], **each.costs} for each in outcome.tried if each.values],
            "best": {"network": str(space.number(best.encoding)), "AP": best.values[0]},
        },
        "compared": table,
    }
    write_json(folder / "search.json", document)
    text = "\n".join(markdown(document)) + "\n"
    (folder / "search.md").write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
