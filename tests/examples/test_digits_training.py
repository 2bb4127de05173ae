"""Training: killed in the middle of saving, it ends with the bits it would have had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from examples.digits import checkpoint, network
from examples.digits.train import Settings, Training

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"scale.width": "0.06"}
TINY = Settings(steps=5, batch=2, warm_up=2, save=2, measure=0)

KILLED = """
import os, signal, sys
from pathlib import Path
from examples.digits import checkpoint, network
from examples.digits.train import Settings, Training

network.BUILD = Path("build")
saved = []

def save_once(path, tensors, about, write=checkpoint.write):
    if saved:
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
    write(path, tensors, about)
    saved.append(path)

checkpoint.write = save_once
settings = Settings(steps=5, batch=2, warm_up=2, save=2, measure=0)
Training(network.detector(overrides={"scale.width": "0.06"}), settings, Path(sys.argv[1])).run()
"""


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(network, "BUILD", tmp_path / "build")

    def make(state: Path, settings: Settings = TINY) -> Training:
        return Training(network.detector(overrides=SMALL), settings, state)

    return make


def test_a_killed_training_ends_as_if_it_had_not_been_killed(tmp_path: Path, training) -> None:
    whole = training(tmp_path / "whole.safetensors")
    whole.run()

    state = tmp_path / "killed.safetensors"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(state)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = training(state)
    assert resumed.done == 2  # the second state was being written
    resumed.run()

    assert torch.equal(whole.losses, resumed.losses)
    assert (whole.losses > 0).all()
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_a_state_of_other_settings_is_refused(tmp_path: Path, training) -> None:
    state = tmp_path / "state.safetensors"
    first = training(state)
    checkpoint.write(state, {}, {"settings": {"steps": 1}, "done": 1})
    with pytest.raises(Exception, match="other settings"):
        training(state)
    assert first.done == 0


def test_weights_load_into_a_fresh_detector(tmp_path: Path, training) -> None:
    path = tmp_path / "weights.safetensors"
    made = training(tmp_path / "state.safetensors")
    made.write_weights(path)
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16, torch.float32}
    fresh = network.detector(overrides=SMALL, seed=1)
    network.load_weights(fresh, path)
    for name, value in made.average.state_dict().items():
        expected = value.half().float() if value.ndim > 1 else value
        assert torch.equal(fresh.state_dict()[name], expected), name


def test_the_rate_rises_and_falls() -> None:
    settings = Settings(steps=1000, warm_up=100, rate=1.0)
    assert settings.rate_at(0) == pytest.approx(0.01)
    assert settings.rate_at(100) == pytest.approx(1, abs=0.03)
    assert settings.rate_at(500) == pytest.approx(0.5)
    assert settings.rate_at(999) < 1e-4


def test_precision_is_measured_so_often_and_at_the_end() -> None:
    settings = Settings(steps=10, measure=4)
    assert [step for step in range(1, 11) if settings.measures_after(step)] == [3, 5, 8, 10]
