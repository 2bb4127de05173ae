"""What a whole process costs, against importing the libraries it is made of.

Bars: `spinec check` at most 2 times `python -c "import lark, pydantic, click, jinja2"`, compiling to
torch at most 3 times.
"""

from __future__ import annotations

import sys

from benchmarks.measure import processes, spinec

RUNS = 15
SPEC = "specs/spinenet49.spine"


def report() -> str:
    """A Markdown table."""
    commands = {
        "import lark, pydantic, click, jinja2": [
            sys.executable,
            "-c",
            "import lark, pydantic, click, jinja2",
        ],
        f"spinec check --no-cache {SPEC}": spinec("check", "--no-cache", SPEC),
        f"spinec check {SPEC}": spinec("check", SPEC),
        f"spinec compile {SPEC} --target torch": spinec("compile", SPEC, "--target", "torch", "-o", "-"),
    }
    bars = ("", "2.00", "unchanged since the run before", "3.00")
    results = processes(commands, RUNS)
    base = next(iter(results.values()))
    lines = ["| process | median | ratio | bar |", "|---|---:|---:|---:|"]
    lines += [
        f"| `{name}` | {r.seconds * 1e3:.0f} ms | {r.seconds / base.seconds:.2f} | {bar} |"
        for (name, r), bar in zip(results.items(), bars, strict=True)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
