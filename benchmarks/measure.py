"""Measuring processes: alternating runs, medians, peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """Medians over the runs of one command: seconds of wall clock, and MiB of peak memory."""

    seconds: float
    peak_mib: float


def processes(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Measured]:
    """Run each command `runs` times, alternating, so that a slow moment hits them all.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            assert process.stderr is not None
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - start
            if status:
                raise subprocess.CalledProcessError(status, command, stderr=errors)
            if number:  # the first round warms caches
                seconds[name].append(elapsed)
                peaks[name].append(usage.ru_maxrss / 1024)
    return {
        name: Measured(statistics.median(seconds[name]), statistics.median(peaks[name])) for name in commands
    }


def spinec(*arguments: str) -> list[str]:
    """The command line of this environment's spinec."""
    return [str(Path(sys.executable).with_name("spinec")), *arguments]
