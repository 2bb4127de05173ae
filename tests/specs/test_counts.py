"""Counts of families that no table covers: by formula, or against the published implementation."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinedsl.analysis.summary import summarise
from spinedsl.specification import open_spec


def parameters(spec: str | Path) -> int:
    """Trained parameters of a network."""
    return summarise(open_spec(spec)).parameters


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spinenet49s", 9_167_206),
        ("spinenet49", 22_034_688),
        ("spinenet96", 36_536_576),
        ("spinenet143", 60_657_344),
        ("spinenet143l", 101_458_362),
        ("spinenet190", 127_453_382),
    ],
)
def test_with_the_output_block_of_level_2(tmp_path: Path, name: str, expected: int) -> None:
    """What tf-models-official 2.20.0 builds with a minimum level of 2."""
    path = tmp_path / "p2.spine"
    channels = open_spec(f"std:{name}").network.endpoints.channels
    path.write_text(
        f"""
        import "spinenet.spine"
        network p2 extends {name} {{
          b17: bottleneck @2 <- b2, b13 => P2
          endpoints 2..7 -> {channels}
        }}
        """
    )
    assert parameters(path) == expected


# The lists of tensorflow/tpu at 1021ed8, .../detection/modeling/architecture/spinenetv2.py.
LEVELS = (2, 4, 3, 4, 6, 4, 5, 7, 5, 5, 4, 3, 5, 7, 6)
WIDTHS = (16, 104, 48, 120, 40, 120, 168, 96, 192, 136, 104, 40, 136, 136, 40)
PARENTS = (
    (0, 1), (0, 1), (2, 3), (2, 4), (3, 5), (3, 5), (6, 7), (6, 8),
    (8, 9), (8, 10), (5, 10), (4, 10), (7, 12), (5, 14), (12, 14),
)  # fmt: skip
ONCE = (1,) * 18
SCALING = {
    "m0": (ONCE, 0.4, 24),
    "m1": (ONCE, 0.5, 40),
    "m2": (ONCE, 0.8, 64),
    "d0": (ONCE, 1.0, 64),
    "d1": ((2, 2, 1, 1, 2, 2, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1), 1.0, 88),
    "d2": ((2, 2, 1, 1, 2, 2, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1), 1.1, 112),
    "d3": ((2, 2, 1, 1, 2, 2, 2, 1, 2, 2, 1, 2, 2, 2, 1, 1, 1, 1), 1.2, 160),
    "d4": ((2, 2, 2, 1, 3, 2, 3, 1, 2, 3, 1, 2, 2, 2, 2, 2, 1, 1), 1.4, 224),
}


def rounded(width: int, scale: float) -> int:
    """To the nearest multiple of 8, at least 8, never below 90 %."""
    nearest = max(8, int(width * scale + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * width * scale else nearest


def mbconv(entering: int, width: int) -> int:
    """Parameters of one inverted bottleneck with expansion 6 and squeeze-and-excitation 0.2."""
    inner, reduced = 6 * entering, max(1, int(0.2 * entering))
    expand, depthwise, project = (
        entering * inner + 2 * inner,
        9 * inner + 2 * inner,
        inner * width + 2 * width,
    )
    return expand + depthwise + (inner + 1) * reduced + (reduced + 1) * inner + project


def connection(channels: int, steps: int, width: int) -> int:
    """Parameters of one arrow that goes down by `steps` levels (or up, if negative)."""
    total = 0
    if steps > 0:
        channels *= 4
        total += 2 * channels
    if steps > 1:
        total += (9 if steps == 2 else 25) * channels + 2 * channels
    return total + channels * width + 2 * width


@pytest.mark.parametrize("name", SCALING)
def test_eff_spinenet(name: str) -> None:
    repeats, scale, endpoints = SCALING[name]
    first, *stem = (rounded(width, scale) for width in (8, 16, 24, 16))
    total = 27 * first + 2 * first
    entering = first
    for width, repeat in zip(stem, repeats, strict=False):
        total += mbconv(entering, width) + (repeat - 1) * mbconv(width, width)
        entering = width
    built = [(2, stem[1]), (2, stem[2])]
    for level, width, parents, repeat in zip(LEVELS, WIDTHS, PARENTS, repeats[3:], strict=True):
        width = rounded(width, scale)
        for parent in parents:
            parent_level, channels = built[parent]
            total += connection(channels, level - parent_level, width)
        total += repeat * mbconv(width, width)
        built.append((level, width))
    total += sum(width * endpoints + 2 * endpoints for _, width in built[-5:])
    assert parameters(f"std:eff_spinenet_{name}") == total
