"""torchvision, mmdetection, detectron2: backbones of detectors."""

from __future__ import annotations

from spinedsl.emit.torch.layout import bracketed, collected
from spinedsl.emit.torch.prose import wrapped
from spinedsl.emit.torch.register.subject import Fields, Subject, argument, common, indices, rate_of
from spinedsl.ir.model import StemBlock


def torchvision(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone with one number of channels."""
    model = subject.named("ForTorchvision")
    extents = subject.extents
    told = (
        f"It takes one size: a detector must be told fixed_size=({extents.width}, {extents.height}) and "
        "size_divisible=1."
        if extents.fixed
        else f"A detector pads images to multiples of {extents.multiple} if it is told "
        f"size_divisible={extents.multiple}."
    )
    lines = [
        *wrapped(f"{subject.title} as torchvision's detectors want their backbone.", 7),
        "",
        *wrapped(
            f"{told} The keys of the state dict are those of {subject.public}.",
            4,
        ),
    ]
    values = common(subject, model, [subject.public], lines)
    values["channels"] = subject.program.endpoints[0].shape.channels
    return Fields(values, [model])


def _stages(subject: Subject) -> tuple[list[str], str]:
    """The stem as frameworks freeze it, and a clause about it: its layers, then its blocks by level."""
    levels = {item.name: item.level for item in subject.network.stem if isinstance(item, StemBlock)}
    stages: dict[int, dict[str, None]] = {-1: {}}
    level = -1
    for node in subject.program.main.nodes:
        name = node.name.partition(".")[0]
        if name not in subject.layers or (node.owner != "stem" and node.owner not in levels):
            continue
        # Layers between blocks belong to the blocks before them.
        level = levels.get(node.owner, level)
        stages.setdefault(level, {})[name] = None
    texts = []
    for names in stages.values():
        shown = ", ".join(f'"{name}"' for name in names)
        texts.append(f"({shown},)" if len(names) == 1 else f"({shown})")
    if len(texts) == 1:
        texts[0] += ","
    shown = "; ".join(", ".join(names) for level, names in stages.items() if level >= 0)
    told = f", each further number the stem's blocks of one more level ({shown})" if shown else ""
    return collected(4, "stem_stages = (", texts, ")"), told


def mmdet(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone in the registry of models."""
    model = subject.named("ForMMDet")
    rate = rate_of(subject, "drop_path")
    stages, blocks = _stages(subject)
    frozen = f"-1 freezes nothing, 0 what stands before the first block{blocks}."
    extents = subject.extents
    told = (
        f"Images must be of {extents.height} x {extents.width}, and stay as they are: pad_size_divisor=1."
        if extents.fixed
        else f"Images are padded by the data preprocessor: pad_size_divisor={extents.multiple}."
    )
    lines = [
        *wrapped(f"{subject.title} as a backbone of mmdetection 3.", 7),
        "",
        *wrapped(
            f"{told} The keys of its state dict are those of {subject.public}.",
            4,
        ),
        "",
        "Args:",
        *argument("out_indices", "which endpoints are returned, from 0, the finest."),
        *argument("frozen_stages", frozen),
        *argument("norm_eval", "norms keep their statistics while training."),
        *(argument("drop_path", "rate of stochastic depth.") if subject.drops_path else []),
        *argument("init_cfg", "as in mmengine; without one, weights are drawn as published."),
    ]
    parameters = ["self", f"out_indices: tuple[int, ...] = {indices(subject)}", "frozen_stages: int = -1",
                  "norm_eval: bool = False"]  # fmt: skip
    if subject.drops_path:
        parameters.append(f"drop_path: float = {rate['drop_path']}")
    parameters.append("init_cfg: dict | list[dict] | None = None")
    values = common(subject, model, [subject.public, use["BaseModule"]], lines)
    values |= rate | {
        "stages": stages,
        "constructor": bracketed(4, "def __init__(", parameters, ") -> None:"),
        "train_head": bracketed(4, "def train(", ["self", "mode: bool = True"], f') -> "{model}":'),
    }
    return Fields(values, [model])


def detectron2(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone, and the function that the registry calls."""
    model = subject.named("ForDetectron2")
    rate = rate_of(subject, "drop_path")
    stages, blocks = _stages(subject)
    frozen = f"0 freezes nothing, 1 what stands before the first block{blocks}."
    lines = [
        *wrapped(f"{subject.title} as a backbone of detectron2.", 7),
        "",
        *wrapped(f"The keys of its state dict are those of {subject.public}.", 4),
        "",
        "Args:",
        *argument("freeze_at", frozen),
        *(argument("drop_path", "rate of stochastic depth.") if subject.drops_path else []),
    ]
    parameters = ["self", "freeze_at: int = 0"]
    if subject.drops_path:
        parameters.append(f"drop_path: float = {rate['drop_path']}")
    entry = f"build_{subject.key}_backbone"
    values = common(subject, model, [subject.public, use["Backbone"]], lines)
    shape = f"name: {use['ShapeSpec']}(channels=self.out_channels[name], stride=self.strides[name])"
    values |= rate | {
        "stages": stages,
        "constructor": bracketed(4, "def __init__(", parameters, ") -> None:"),
        # 0 stands for no padding; a network of one size takes what it gets, or refuses it.
        "multiple": 0 if subject.extents.fixed else subject.extents.multiple,
        "output_shape": [
            f"    def output_shape(self) -> dict[str, {use['ShapeSpec']}]:",
            "        return {",
            f"            {shape}",
            "            for name in self.strides",
            "        }",
        ],
        "built": bracketed(4, f"return {model}(", ["freeze_at=cfg.MODEL.BACKBONE.FREEZE_AT"], ")"),
        "entry": entry,
        "entry_head": bracketed(
            0, f"def {entry}(", ["cfg", f"input_shape: {use['ShapeSpec']}"], f") -> {model}:"
        ),
    }
    return Fields(values, [model, entry])
