"""The papers' comparison in miniature: three graphs, equal multiply-adds, equal scenes.

    python -m examples.digits.compare --minutes 6

Killed, the same command goes on where it was: finished trainings are kept, the current one resumes.
Writes comparison.json, comparison.md and comparison.png.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

import spinedsl
from examples.digits.evaluate import METRICS, average_precision, torch_detector
from examples.digits.network import BUILD, MODEL, SPEC, detector
from examples.digits.plot import draw
from examples.digits.train import Settings, Training, batch, two_threads

MODELS = {
    "R50-FPN": "digits_r50_fpn",
    "R0-SP53": "digits_r0_sp53",
    "SpineNet-49": MODEL,
}
"""Scale-decreasing with a pyramid; the same blocks permuted; permuted and adjusted."""
WIDTHS = (0.05, 0.5)
"""Between these the width is looked for."""
TIMED = 10
"""Steps that are timed, after two that aren't."""


@dataclass(frozen=True)
class Contender:
    """One graph, scaled to the multiply-adds of the shipped detector.

    Attributes:
        width: factor of all base widths.
        parameters, macs: of the whole detector, head included; for one scene.
    """

    name: str
    model: str
    width: float
    parameters: int
    macs: int

    @property
    def overrides(self) -> dict[str, str]:
        """Declarations that set the width."""
        return {"scale.width": f"{self.width:.3f}"}


@dataclass(frozen=True)
class Plan:
    """What is fixed before the first training, so that a later call continues the same comparison."""

    steps: int
    seeds: int
    contenders: tuple[Contender, ...]


def contender(name: str, model: str, macs: int) -> Contender:
    """A model at the width, in thousandths, whose multiply-adds come closest."""

    def at(thousandths: int) -> Contender:
        width = thousandths / 1000
        counted = spinedsl.summary(f"{SPEC}:{model}", {"scale.width": f"{width:.3f}"})
        return Contender(name, model, width, counted.parameters, counted.macs)

    low, high = (round(1000 * width) for width in WIDTHS)
    # Multiply-adds never fall when the width grows.
    while high - low > 1:
        middle = (low + high) // 2
        if at(middle).macs < macs:
            low = middle
        else:
            high = middle
    return min(at(low), at(high), key=lambda found: abs(found.macs - macs))


def plan(seeds: int, minutes: float) -> Plan:
    """Equal multiply-adds, and as many steps as the slowest graph does in the time."""
    macs = spinedsl.summary(f"{SPEC}:{MODEL}").macs
    contenders = tuple(contender(name, model, macs) for name, model in MODELS.items())
    seconds = max(seconds_a_step(each) for each in contenders)
    return Plan(max(1, int(60 * minutes / seconds)), seeds, contenders)


def seconds_a_step(contender: Contender) -> float:
    """The median of some steps, scenes included."""
    settings = Settings(steps=TIMED + 2)
    training = Training(detector(contender.model, contender.overrides), settings, Path("unused"))
    seconds = []
    for number in range(TIMED + 2):
        start = time.perf_counter()
        training.step(*batch(number, settings))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def result(contender: Contender, settings: Settings, folder: Path) -> dict[str, Any]:
    """Train and measure one contender with one seed, or read what was measured before."""
    path = folder / "result.json"
    if not path.exists():
        module = detector(contender.model, contender.overrides, settings.seed)
        training = Training(module, settings, folder / "state.safetensors")
        training.run()
        metrics = average_precision(torch_detector(training.average))
        write_json(path, {**metrics, "seconds": training.seconds, "curve": training.curve})
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def write_json(path: Path, value: Any) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(value, indent=1))
    beside.replace(path)


def read_plan(path: Path) -> Plan:
    """What a call before this one fixed."""
    saved = json.loads(path.read_text())
    return Plan(saved["steps"], saved["seeds"], tuple(Contender(**each) for each in saved["contenders"]))


def markdown(plan: Plan, results: dict[str, list[dict[str, Any]]]) -> str:
    """A table of means and standard deviations over the seeds."""
    metrics = METRICS[:5]
    lines = [
        "| graph | width | parameters | MMACs | " + " | ".join(metrics) + " | minutes |",
        "|---" * (len(metrics) + 5) + "|",
    ]
    for each in plan.contenders:
        runs = results[each.name]
        cells = [spread([100 * run[metric] for run in runs]) for metric in metrics]
        minutes = statistics.mean(run["seconds"] for run in runs) / 60
        lines.append(
            f"| {each.name} | {each.width:.3f} | {each.parameters:,} | {each.macs / 1e6:.1f} | "
            + " | ".join(cells)
            + f" | {minutes:.1f} |"
        )
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    """Mean and sample standard deviation."""
    deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{deviation}"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=BUILD / "comparison", show_default=True)
@click.option(
    "--minutes", default=6.0, show_default=True, help="A training's, at most, of the slowest graph."
)
@click.option("--seeds", default=3, show_default=True, help="Trainings of each graph.")
def main(folder: Path, minutes: float, seeds: int) -> None:
    """Train every graph with every seed, and compare."""
    two_threads()
    path = folder / "plan.json"
    if not path.exists():
        write_json(path, asdict(plan(seeds, minutes)))
    fixed = read_plan(path)
    click.echo(f"{fixed.steps} steps a training; the plan is in {path}")
    results: dict[str, list[dict[str, Any]]] = {each.name: [] for each in fixed.contenders}
    # Seed by seed: what stops early has compared all graphs.
    for seed in range(fixed.seeds):
        settings = replace(Settings(), steps=fixed.steps, seed=seed, measure=6)
        for each in fixed.contenders:
            run = result(each, settings, folder / f"{each.model}_{seed}")
            results[each.name].append(run)
            click.echo(f"{each.name}, seed {seed}: AP {100 * run['AP']:.1f}, AP50 {100 * run['AP50']:.1f}")
    write_json(folder / "comparison.json", {"plan": asdict(fixed), "results": results})
    table = markdown(fixed, results)
    (folder / "comparison.md").write_text(table)
    draw(
        {each.name: results[each.name] for each in fixed.contenders},
        settings.batch,
        folder / "comparison.png",
    )
    click.echo(table)


if __name__ == "__main__":
    main()
