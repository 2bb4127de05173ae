"""What the runtimes are like that a program is written for: data that rewrites and targets read.

Rewrites compare sums of costs, so that only their ratios count. Those of CPUs are measured
(benchmarks/costs.py), on two Zen 4 cores; those of GPUs follow from the data sheet of an A100, and nobody
has measured them.
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
class Refusal:
    """What a runtime can't run, or runs badly.

    Attributes:
        operator: of ONNX, or of a plugin.
        reason: as a sentence behind the operator's name.
        remedy: what to do instead.
        since: the opset from which on it is so.
        fatal: whether it is an error; a warning otherwise.
    """

    operator: str
    reason: str
    remedy: str
    since: int = 0
    fatal: bool = True

    def applies(self, opset: int) -> bool:
        """Whether it is so in files of an opset."""
        return opset >= self.since


@record
class OnnxForm:
    """How ONNX files are written for a runtime, where nobody asks for something else.

    Attributes:
        opset: of the file.
        nms: who suppresses the overlapping boxes of a one-stage detector.
        placement: whose kernels the Q/DQ pairs of an int8 file are placed for; others are refused.
        folds_norms: at `-O2` norms are folded into the layers before them.
        refusals: what the file must not hold.
    """

    opset: int = 17
    nms: Literal["onnx", "trt"] = "onnx"
    placement: Literal["onnxruntime", "tensorrt"] = "onnxruntime"
    folds_norms: bool = True
    refusals: tuple[Refusal, ...] = ()


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
        onnx: how its files are written; None if it runs modules.
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
    onnx: OnnxForm | None = None


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

    @property
    def folds_in_files(self) -> bool:
        """Whether an ONNX file has its norms in the layers before them."""
        return self.inference and self.profile.onnx is not None and self.profile.onnx.folds_norms


_PLUGIN = Refusal(
    "EfficientNMS_TRT", "is a plugin of TensorRT", "leave out `--nms trt`, or write `--runtime tensorrt`"
)


_FUSES_ALL = {"fuses_norm": True, "fuses_activation": True, "fuses_add": True}

_A100 = Costs(mac=2 / 312_000, byte=1 / 2_039, upsampled_byte=1 / 2_039)
"""At its peaks: 312,000 GFLOPS, of which a multiply-add is two, and 2,039 GB/s."""


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "torch",
            Costs(0.0101, 0.0725, 0.1687),
            fuses_norm=True,
            fuses_activation=False,
            fuses_add=False,
            channels_last=True,
            folds_norms=True,
            in_place=True,
            keeps_order=True,
        ),
        Profile("ort-cpu", Costs(0.0180, 0.0235, 0.0500), **_FUSES_ALL, onnx=OnnxForm(refusals=(_PLUGIN,))),
        Profile(
            "ort-cuda",
            _A100,
            fuses_norm=True,
            fuses_activation=True,
            fuses_add=False,
            onnx=OnnxForm(
                refusals=(
                    _PLUGIN,
                    Refusal(
                        "Resize",
                        "has no kernel for CUDA in most releases from opset 19 on, and runs on the CPU",
                        "write `--opset 18` or less",
                        since=19,
                    ),
                )
            ),
        ),
        Profile(
            "tensorrt",
            _A100,
            **_FUSES_ALL,
            onnx=OnnxForm(
                nms="trt",
                placement="tensorrt",
                refusals=(
                    Refusal(
                        "NonMaxSuppression",
                        "is slow there: the shapes of what it makes depend on data",
                        "write `--nms trt`",
                        fatal=False,
                    ),
                ),
            ),
        ),
        Profile("openvino", Costs(0.0089, 0.0215, 0.0629), **_FUSES_ALL, onnx=OnnxForm(refusals=(_PLUGIN,))),
    )
}
"""Every runtime by its name."""

DEFAULT_RUNTIMES = {"torch": "torch", "onnx": "ort-cpu"}
"""Of each target."""
