"""What `spinec check` of a thousand specs costs: for the first time, unchanged, and with one changed.

Bar: unchanged, well under a second for the whole process.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import spinec

SPECS = 1_000
RUNS = 5
SPEC = Path("specs/spinenet49.spine")


def report() -> str:
    """A Markdown table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "specs")
        folder.mkdir()
        text = SPEC.read_text(encoding="utf-8")
        for number in range(SPECS):
            (folder / f"net{number:04}.spine").write_text(f"{text}# {number}\n", encoding="utf-8")
        cached = spinec("check", str(folder), "--cache-dir", str(Path(temporary, "cache")))

        def change() -> None:
            with (folder / "net0000.spine").open("a", encoding="utf-8") as file:
                file.write("# changed\n")

        rows = {
            "for the first time": _seconds(cached, runs=1),
            "unchanged": _seconds(cached),
            "one changed": _seconds(cached, before=change),
            "without a cache": _seconds(spinec("check", str(folder), "--no-cache"), runs=1),
        }
    first = rows["for the first time"]
    lines = [f"| {SPECS:,} specs | whole process | times faster |", "|---|---:|---:|"]
    lines += [f"| {name} | {seconds:.2f} s | {first / seconds:,.1f} |" for name, seconds in rows.items()]
    return "\n".join(lines)


def _seconds(command: list[str], runs: int = RUNS, before: Callable[[], None] = lambda: None) -> float:
    """Median of a process's time, each after `before`."""
    found = []
    for _ in range(runs):
        before()
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


if __name__ == "__main__":
    print(report())
