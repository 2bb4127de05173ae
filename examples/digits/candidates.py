"""Train a backbone that somebody found, for a search: average precision after a short training.

    spinec search examples/digits/space.spine --maximise examples.digits.candidates:average_precision_of

The network is all that it depends on, so equal networks get equal numbers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from torch import nn

import spinedsl
from examples.digits.compare import write_json
from examples.digits.evaluate import average_precision, torch_detector
from examples.digits.network import BUILD, SPEC, imported
from examples.digits.train import Settings, Training
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.spaces.writing import member_text
from spinedsl.specification import open_spec

SHORT = Settings(steps=200, warm_up=40, save=200, measure=0)
"""A candidate's training: 3,200 scenes."""
SCENES = 200
"""Validation scenes that a candidate is measured on."""
MODEL = """\
import "digits.spine"
import "backbone.spine"

model candidate extends digits {
  title    "Digit Detector"
  backbone candidate_backbone
}
"""


def average_precision_of(path: Path) -> float:
    """The average precision, 0 to 1, of a digit detector with this backbone, shortly trained on one core."""
    return trained(path, SHORT, SCENES)["AP"]


def trained(path: Path, settings: Settings, scenes: int) -> dict[str, float]:
    """Train the detector with a backbone on one core, and measure it; what is done is kept in build/.

    Args:
        path: a `.spine` file with one network.
        scenes: for validation.
    """
    torch.set_num_threads(1)
    folder = BUILD / "candidates" / key(path, settings, scenes)
    result = folder / "result.json"
    if not result.exists():
        module = detector_on(path, folder, settings.seed)
        training = Training(module, settings, folder / "state.safetensors")
        training.run()
        metrics = average_precision(torch_detector(training.average), scenes)
        write_json(result, {**metrics, "seconds": training.seconds})
        training.state.unlink()
    found: dict[str, float] = json.loads(result.read_text())
    return found


def key(path: Path, settings: Settings, scenes: int) -> str:
    """What names a training: the network, whatever it is called, and everything else it depends on."""
    network = spec_hash(open_spec(path).network.model_copy(update={"name": "candidate"}))
    return hashlib.sha256(repr((network, settings, scenes)).encode()).hexdigest()[:16]


def detector_on(path: Path, folder: Path, seed: int = 0) -> nn.Module:
    """A freshly initialised digit detector with the backbone of a file; its text is put into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    # Of a name that digits.spine doesn't have.
    network = open_spec(path).network.model_copy(update={"name": "candidate_backbone"})
    (folder / "backbone.spine").write_text(member_text(network), encoding="utf-8")
    shutil.copy(SPEC, folder)
    spec = folder / "candidate.spine"
    spec.write_text(MODEL)
    module = folder / "candidate.py"
    spinedsl.compile(f"{spec}:candidate", output=module, force=True)
    generator = torch.Generator().manual_seed(seed)
    made: nn.Module = imported(module).DigitDetector(generator=generator)
    return made
