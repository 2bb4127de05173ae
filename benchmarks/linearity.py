"""Cost per block: 10,000 blocks against 1,000, in both targets, as written and at -O2.

Bars: at most 12 times for ten times the blocks; -O2 adds at most half.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import processes, spinec

SIZES = (1_000, 10_000)
ROWS = {
    "check": "`spinec check`",
    "py": "`--target torch`",
    "py -O2": "`--target torch -O2`",
    "onnx": "`--target onnx`",
    "onnx -O2": "`--target onnx -O2`",
}
BAR = 12
ADDED = 0.5
"""What -O2 may add, as a share of -O0."""


def chain_of(blocks: int) -> str:
    """A network whose blocks each read the two before, on changing levels."""
    lines = [
        'import "std/resnet.spine"',
        f"network chain{blocks} {{",
        "  input 3 x 64 x 64",
        "  width { 1..4: 2 }",
        "  stem { conv 3x3 / 2 -> 2, norm, act  s0: residual @1  s1: residual @2 }",
    ]
    names = ["s0", "s1"]
    for index in range(blocks):
        kind = "residual" if index % 3 else "bottleneck"
        endpoint = f" => P{index % 3 + 2}" if index == blocks - 1 else ""
        lines.append(f"  b{index}: {kind} @{index % 3 + 2} <- {names[-1]}, {names[-2]}{endpoint}")
        names.append(f"b{index}")
    return "\n".join([*lines, "  endpoints -> 4", "}"]) + "\n"


def report() -> str:
    """A Markdown table."""
    lines = [
        f"| command | 1,000 blocks | 10,000 blocks | ratio | bar | `-O2` adds, bar {ADDED:.0%} |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for size in SIZES:
            spec = Path(folder) / f"chain{size}.spine"
            spec.write_text(chain_of(size))
            commands[f"check {size}"] = spinec("check", "--no-cache", str(spec))
            for suffix in ("py", "onnx"):
                output = str(spec.with_suffix(f".{suffix}"))
                command = spinec("compile", str(spec), "-o", output, "--force")
                commands[f"{suffix} {size}"] = command
                commands[f"{suffix} -O2 {size}"] = [*command, "-O2"]
        results = processes(commands, 2)
    for key, name in ROWS.items():
        small, large = (results[f"{key} {size}"].seconds for size in SIZES)
        added = ""
        if key.endswith("-O2"):
            plain = [results[f"{key.removesuffix(' -O2')} {size}"].seconds for size in SIZES]
            added = ", ".join(f"{t / p - 1:.0%}" for t, p in zip((small, large), plain, strict=True))
        lines.append(f"| {name} | {small:.2f} s | {large:.2f} s | {large / small:.1f} | {BAR} | {added} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
