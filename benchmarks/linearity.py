"""Cost per block: 10,000 blocks against 1,000, in both targets. Bar: at most 12 times."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import processes, spinec

SIZES = (1_000, 10_000)
BAR = 12


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
    lines = ["| command | 1,000 blocks | 10,000 blocks | ratio | bar |", "|---|---:|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for size in SIZES:
            spec = Path(folder) / f"chain{size}.spine"
            spec.write_text(chain_of(size))
            commands[f"check {size}"] = spinec("check", str(spec))
            for suffix in ("py", "onnx"):
                output = str(spec.with_suffix(f".{suffix}"))
                commands[f"{suffix} {size}"] = spinec("compile", str(spec), "-o", output, "--force")
        results = processes(commands, 2)
    for key, name in (("check", "`spinec check`"), ("py", "`--target torch`"), ("onnx", "`--target onnx`")):
        small, large = (results[f"{key} {size}"].seconds for size in SIZES)
        lines.append(f"| {name} | {small:.2f} s | {large:.2f} s | {large / small:.1f} | {BAR} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
