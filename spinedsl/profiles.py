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
        channels_last: layers are faster where the channels of a pixel are neighbours in memory, and the
            runtime leaves that to the module.
        folds_norms: norms are part of the layers before them only if the module folds them.
        in_place: operators are told to write over their input, or get memory of their own.
        keeps_order: operators run in the order in which they are written.
    """

    name: str
    costs: Costs
    fuses_norm: bool
    fuses_activation: bool
    fuses_add: bool
    channels_last: bool = False
    folds_norms: bool = False
    in_place: bool = False
    keeps_order: bool = False


@record
class Optimisation:
    """What a program is rewritten for.

    Attributes:
        level: of `-O`.
        profile: the runtime's.
    """

    level: Level
    profile: Profile

    def __str__(self) -> str:
        return f"-O{self.level} for {self.profile.name}"

    @property
    def inference(self) -> bool:
        """Whether it will never be trained."""
        return self.level == 2


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "torch",
            Costs(0.0101, 0.0725, 0.1687),
            True,
            False,
            False,
            channels_last=True,
            folds_norms=True,
            in_place=True,
            keeps_order=True,
        ),
        Profile("ort-cpu", Costs(0.0180, 0.0235, 0.0500), True, True, True),
        Profile("openvino", Costs(0.0089, 0.0215, 0.0629), True, True, True),
    )
}
"""Every runtime by its name."""

DEFAULT_RUNTIMES = {"torch": "torch", "onnx": "ort-cpu"}
"""Of each target."""
