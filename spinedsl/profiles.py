"""What the runtimes are like that a program is written for: data that rewrites and targets read.

The costs are measured (benchmarks/costs.py), on two Zen 4 cores; rewrites compare sums of them, so that
only their ratios count.
"""

from __future__ import annotations

from typing import Literal

from spinedsl.records import record

Level = Literal[0, 1, 2]
"""Of optimisation, as `-O` takes it."""


@record
class Costs:
    """How long a runtime takes, in nanoseconds.

    Attributes:
        mac: a multiply-add of a convolution 1x1.
        byte: a byte that a pointwise operator reads or writes.
        upsampled_byte: a byte that nearest up-sampling writes.
    """

    mac: float
    byte: float
    upsampled_byte: float


@record
class Profile:
    """One runtime.

    Attributes:
        name: as `--runtime` takes it.
        fuses_norm: a norm behind a layer costs nothing at inference.
        fuses_activation: an activation behind a layer costs nothing.
        fuses_add: neither does an addition of what a layer has just made.
    """

    name: str
    costs: Costs
    fuses_norm: bool
    fuses_activation: bool
    fuses_add: bool


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("torch", Costs(0.0156, 0.0673, 0.6608), False, False, False),
        Profile("ort-cpu", Costs(0.0180, 0.0235, 0.0500), True, True, True),
        Profile("openvino", Costs(0.0089, 0.0215, 0.0629), True, True, True),
    )
}
"""Every runtime by its name."""

DEFAULT_RUNTIMES = {"torch": "torch", "onnx": "ort-cpu"}
"""Of each target."""
