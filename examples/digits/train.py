"""Train the detector on two cores in twenty minutes; killed, it goes on where it was.

    python -m examples.digits.train

The same command resumes: what a step does depends on its number alone, and the state is saved as a
whole, so that the weights are the same bits as without the kill.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from examples.digits import checkpoint
from examples.digits.data import scene
from examples.digits.evaluate import average_precision, torch_detector
from examples.digits.network import BUILD, ENLARGED, detector, to_input

Targets = list[dict[str, Tensor]]
STREAM = 10_000_000
"""Scenes between the first of one seed and the first of the next."""


@dataclass(frozen=True)
class Settings:
    """Everything that a training depends on, beside the network.

    Attributes:
        batch: scenes a step; every step has new ones.
        rate: AdamW's highest learning rate; it rises over `warm_up` steps and falls as a cosine.
        decay: of weights, not of biases and norms.
        average: of the weights, exponential: what is kept at each step.
        scores: weight of their loss; boxes are learnt long before digits are told apart.
        clip: the largest norm of a gradient.
        seed: of the initial weights and the scenes.
        bfloat16: compute most layers so; twice as fast where the processor can.
        save: steps between two saved states.
        measure: how often average precision is measured on `measured` scenes, the end included.
    """

    steps: int = 2800
    batch: int = 16
    rate: float = 4e-3
    decay: float = 0.02
    warm_up: int = 150
    average: float = 0.995
    scores: float = 5.0
    clip: float = 5.0
    seed: int = 0
    bfloat16: bool = True
    save: int = 50
    measure: int = 4
    measured: int = 100

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return (
            self.rate * min(1, (step + 1) / self.warm_up) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        )

    def measures_after(self, steps: int) -> bool:
        """Whether average precision is measured when so many steps are done."""
        return (
            self.measure > 0 and steps * self.measure // self.steps > (steps - 1) * self.measure // self.steps
        )


class Training:
    """A module, the average of its weights, the optimizer, and how far they are.

    Attributes:
        done: steps behind it.
        losses: (steps, 2), of each step: scores, boxes.
        curve: (steps, AP, AP50) of the average, where they were measured.
        seconds: spent on steps and measurements.
    """

    def __init__(self, module: nn.Module, settings: Settings, state: Path) -> None:
        """Args: state: the file that the training is saved in, and continued from if it is there."""
        self.settings, self.state = settings, state
        self.module = module.to(memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        shrunk = [parameter for parameter in module.parameters() if parameter.ndim > 1]
        others = [parameter for parameter in module.parameters() if parameter.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": shrunk, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}],
            fused=True,
        )
        self.done, self.seconds = 0, 0.0
        self.losses = torch.zeros(settings.steps, 2)
        self.curve: list[tuple[int, float, float]] = []
        if state.exists():
            self._restore()

    def run(self) -> None:
        """Do the steps that are left."""
        start = time.monotonic() - self.seconds
        with click.progressbar(
            batches(self.done, self.settings),
            length=self.settings.steps,
            label=f"train {self.state.parent.name}",
            item_show_func=lambda _: self._report(),
            update_min_steps=5,
        ) as bar:
            bar.update(self.done)
            for images, targets in bar:
                self.losses[self.done] = self.step(images, targets)
                self.done += 1
                if self.settings.measures_after(self.done):
                    scores = average_precision(torch_detector(self.average), self.settings.measured)
                    self.curve.append((self.done, scores["AP"], scores["AP50"]))
                self.seconds = time.monotonic() - start
                if self.done % self.settings.save == 0 or self.done == self.settings.steps:
                    self._save()

    def step(self, images: Tensor, targets: Targets) -> Tensor:
        """One step; returns (2,) the losses of scores and boxes."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(self.done)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bfloat16):
            losses = torch.stack(list(self.module(images, targets).values()))
        self.optimizer.zero_grad()
        (losses[0] * self.settings.scores + losses[1]).backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip)
        self.optimizer.step()
        # Young averages forget faster: the first weights are no better than any.
        kept = min(self.settings.average, (1 + self.done) / (10 + self.done))
        means, values = (list(each.state_dict().values()) for each in (self.average, self.module))
        get_ema_multi_avg_fn(kept)(means, values, self.done)
        return losses.detach()

    def _report(self) -> str:
        recent = self.losses[max(0, self.done - 50) : self.done].mean(0).tolist()
        measured = f", AP50 {self.curve[-1][2]:.2f}" if self.curve else ""
        return f"scores {recent[0]:.3f}, boxes {recent[1]:.3f}{measured}" if self.done else ""

    def _save(self) -> None:
        tensors = {
            **checkpoint.under("module", self.module.state_dict()),
            **checkpoint.under("average", self.average.state_dict()),
            **checkpoint.under("optimizer", checkpoint.moments(self.module, self.optimizer)),
            "losses": self.losses,
        }
        about = {
            "settings": asdict(self.settings),
            "done": self.done,
            "curve": self.curve,
            "seconds": self.seconds,
        }
        checkpoint.write(self.state, tensors, about)

    def _restore(self) -> None:
        tensors, about = checkpoint.read(self.state)
        if about["settings"] != asdict(self.settings):
            raise click.ClickException(
                f"{self.state} is the state of a training with other settings; remove it, or name another folder"
            )
        self.module.load_state_dict(checkpoint.beneath("module", tensors))
        self.average.load_state_dict(checkpoint.beneath("average", tensors))
        checkpoint.load_moments(self.module, self.optimizer, checkpoint.beneath("optimizer", tensors))
        self.losses = tensors["losses"]
        self.done, self.seconds = about["done"], about["seconds"]
        self.curve = [tuple(point) for point in about["curve"]]

    def write_weights(self, path: Path) -> None:
        """The average as safetensors: kernels as float16, which halves the file; norms as float32."""
        tensors = {
            name: tensor.half() if tensor.ndim > 1 else tensor
            for name, tensor in self.average.state_dict().items()
        }
        checkpoint.write(path, tensors, {"settings": asdict(self.settings)})


def batches(first: int, settings: Settings) -> Iterator[tuple[Tensor, Targets]]:
    """Images and targets of every step from `first` on.

    Made when they are needed: with two cores, a thread that makes them beside the network costs more
    than it saves, since every layer waits for the slower core.
    """
    for step in range(first, settings.steps):
        yield batch(step, settings)


def batch(step: int, settings: Settings) -> tuple[Tensor, Targets]:
    """The scenes of one step: images (N, 3, H, W), and boxes and labels for each, as the network sees them."""
    start = settings.seed * STREAM + step * settings.batch
    scenes = [scene("train", start + offset) for offset in range(settings.batch)]
    targets = [
        {"boxes": torch.from_numpy(ENLARGED * s.boxes), "labels": torch.from_numpy(s.labels)} for s in scenes
    ]
    return to_input(np.stack([s.image for s in scenes])), targets


def two_threads() -> None:
    """Two cores, and the same order of additions in every run."""
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    # Filling memory that nobody reads took a sixth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=BUILD / "training", show_default=True)
@click.option("--steps", default=Settings.steps, show_default=True)
@click.option("--batch", default=Settings.batch, show_default=True, help="Scenes a step.")
@click.option("--seed", default=Settings.seed, show_default=True, help="Of weights and scenes.")
@click.option("--bfloat16/--float32", default=Settings.bfloat16, show_default=True)
@click.option("--save", default=Settings.save, show_default=True, help="Steps between two saved states.")
@click.option("--measure", default=Settings.measure, show_default=True, help="Times AP is measured.")
def main(folder: Path, **options: Any) -> None:
    """Train, or go on training, and write FOLDER/weights.safetensors and FOLDER/history.json."""
    two_threads()
    settings = Settings(**options)
    training = Training(detector(seed=settings.seed), settings, folder / "state.safetensors")
    training.run()
    training.write_weights(folder / "weights.safetensors")
    history = {"losses": training.losses.tolist(), "curve": training.curve, "seconds": training.seconds}
    (folder / "history.json").write_text(json.dumps(history))
    click.echo(f"{training.seconds / 60:.1f} minutes; weights in {folder / 'weights.safetensors'}")


if __name__ == "__main__":
    main()
