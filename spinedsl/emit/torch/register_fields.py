"""What the templates of register/ need to know of a network, for each framework."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.prose import docstring, plain, wrapped
from spinedsl.graph.program import Program
from spinedsl.ir.model import ImageInput, Network, StemBlock
from spinedsl.ir.titles import TAKEN_CLASSES, class_name


@dataclass(frozen=True)
class Subject:
    """What is registered.

    Attributes:
        layers: attributes of the generated class that are layers.
        drops_path: its constructor takes a rate of stochastic depth.
        taken: names that the file uses already.
    """

    network: Network
    program: Program
    extents: Extents
    layers: Collection[str]
    drops_path: bool
    taken: frozenset[str] = frozenset()

    def among(self, taken: Collection[str]) -> Subject:
        """The same, in a file that uses these names."""
        return replace(self, taken=frozenset(taken))

    @property
    def key(self) -> str:
        """What it is registered as."""
        return self.network.name

    @property
    def public(self) -> str:
        """The generated class."""
        return class_name(self.network)

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return plain(self.network.title or "") or self.network.name

    def named(self, ending: str) -> str:
        """A free name for a class that begins with the network's."""
        name = f"{self.public}{ending}"
        while name in self.taken:
            name += "_"
        return name


@dataclass(frozen=True)
class Fields:
    """Values of a template's fields, and the public names it defines."""

    values: dict[str, Any]
    exports: list[str] = field(default_factory=list)


def _common(subject: Subject, model: str, bases: list[str], lines: list[str]) -> dict[str, Any]:
    given = subject.network.input
    assert isinstance(given, ImageInput)
    return {
        "key": subject.key,
        "model": model,
        "model_head": bracketed(0, f"class {model}(", bases, "):"),
        "model_docstring": docstring(lines, 4),
        "in_chans": given.channels,
        "endpoints": len(subject.program.endpoints),
    }


def _rate(subject: Subject, called: str) -> dict[str, str]:
    """The rate of stochastic depth: its default, and how it is handed on; "" if there is none."""
    if not subject.drops_path:
        return {"drop_path": "", "drop_path_rate": ""}
    return {"drop_path": repr(subject.program.drop_path), "drop_path_rate": f"drop_path={called}"}


def _indices(subject: Subject) -> str:
    numbers = [str(index) for index in range(len(subject.program.endpoints))]
    return f"({', '.join(numbers)}{',' if len(numbers) == 1 else ''})"


# ---- timm


def timm(subject: Subject, use: dict[str, str]) -> Fields:
    """A model, an extractor of features, and the entry of the registry."""
    model, extractor = subject.named("ForTimm"), subject.named("FeaturesForTimm")
    rate = _rate(subject, "drop_path_rate")
    features, aggregation, told = _aggregation(subject)
    lines = [
        *wrapped(f"{subject.title} with the interface of timm's models.", 7),
        "",
        *wrapped(
            f"{told} Without a classifier, the keys of its state dict are those of {subject.public}; those "
            "of the classifier begin with head.",
            4,
        ),
        "",
        "Args:",
        "    num_classes: of the classifier; 0 leaves it out.",
        "    global_pool, drop_rate: of the features, before the classifier.",
    ]
    stated = [f"out_indices: int | tuple[int, ...] = {_indices(subject)}"]
    if subject.drops_path:
        lines += wrapped(f"    drop_path_rate: what {subject.public} calls drop_path.", 4, hanging=8)
        stated.append(f"drop_path_rate: float = {rate['drop_path']}")
    shown = [
        *wrapped(f"The endpoints of {subject.title} as timm's feature extractors return theirs.", 7),
        "",
        *wrapped(f"The keys of its state dict are those of {subject.public}.", 4),
    ]
    values = _common(subject, model, [subject.public], lines)
    height, width = subject.extents.height, subject.extents.width
    default = [
        f'"input_size": ({values["in_chans"]}, {height}, {width})',
        '"num_classes": 0',
        '"classifier": "head.fc"',
    ]
    entry, renamed = _entry(subject, {model, extractor})
    parameters = ["pretrained: bool = False", "features_only: bool = False",
                  f"in_chans: int = {values['in_chans']}", "**options"]  # fmt: skip
    head = [str(features), "num_classes", "pool_type=global_pool", "drop_rate=drop_rate"]
    values |= rate | {
        "features": features,
        "aggregation": aggregation,
        "head": bracketed(8, f"self.head = {use['ClassifierHead']}(", head, ")"),
        "extractor_head": bracketed(0, f"class {extractor}(", [subject.public], "):"),
        "extractor_docstring": docstring(shown, 4),
        "extractor_constructor": bracketed(4, "def __init__(", ["self", *stated], ") -> None:"),
        "default_cfgs": [
            "default_cfgs = generate_default_cfgs(",
            *bracketed(4, f'{{"{subject.key}": {{', default, "}}"),
            ")",
        ],
        "entry_head": bracketed(0, f"def {entry}(", parameters, ") -> nn.Module:"),
        "choice": [f"    model = {extractor} if features_only else {model}"],
        "renamed": renamed,
    }
    return Fields(values, [model, extractor])


def _aggregation(subject: Subject) -> tuple[int, list[str], str]:
    """Channels of the features that are classified, the lines that make them, and a sentence."""
    endpoints = subject.program.endpoints
    first, last = endpoints[0], endpoints[-1]
    channels = last.shape.channels
    if len({endpoint.shape.channels for endpoint in endpoints}) > 1 or first is last:
        told = f"Its features are those of {last.name}, the coarsest endpoint."
        return channels, [f'return endpoints["{last.name}"]'], told
    lines = [
        "*finer, features = endpoints.values()",
        "for endpoint in reversed(finer):",
        '    features = endpoint + F.interpolate(features, size=endpoint.shape[-2:], mode="nearest")',
        f"return features / {len(endpoints)}",
    ]
    told = (
        f"Its features, N x {channels} x H/{first.stride} x W/{first.stride}, are the mean of all "
        "endpoints, enlarged and added from the coarsest to the finest: what SpineNet's authors classify."
    )
    return channels, lines, told


def _entry(subject: Subject, classes: set[str]) -> tuple[str, list[str]]:
    """The function that timm calls, and what registers it if it can't have the network's name."""
    reserved = {"default_cfgs", "torch", "nn", "__all__"} | TAKEN_CLASSES
    taken = subject.taken | classes
    key = subject.key
    if key not in taken | reserved:
        return key, []
    entry = f"create_{key}"
    while entry in taken:
        entry += "_"
    lines = [
        "# A function can't have this name here.",
        f'{entry}.__name__ = "{key}"',
        f"register_model({entry})",
    ]
    if key not in taken:
        lines += ["# timm exports what it registers, but nothing in this file has the name.",
                  f'__all__.remove("{key}")']  # fmt: skip
    return entry, lines


# ---- torchvision


def torchvision(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone with one number of channels."""
    model = subject.named("ForTorchvision")
    lines = [
        *wrapped(f"{subject.title} as torchvision's detectors want their backbone.", 7),
        "",
        *wrapped(
            f"A detector pads images to multiples of {subject.extents.multiple} if it is told "
            f"size_divisible={subject.extents.multiple}. The keys of the state dict are those of "
            f"{subject.public}.",
            4,
        ),
    ]
    values = _common(subject, model, [subject.public], lines)
    values["channels"] = subject.program.endpoints[0].shape.channels
    return Fields(values, [model])


# ---- mmdetection, detectron2


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
    return bracketed(4, "stem_stages = (", texts, ")"), " and ".join(
        ", ".join(names) for level, names in stages.items() if level >= 0
    )


def mmdet(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone in the registry of models."""
    model = subject.named("ForMMDet")
    rate = _rate(subject, "drop_path")
    stages, blocks = _stages(subject)
    frozen = "frozen_stages: -1 freezes nothing, 0 what stands before the first block"
    frozen += f", each further number the stem's blocks of a level: {blocks}." if blocks else "."
    multiple = subject.extents.multiple
    lines = [
        *wrapped(f"{subject.title} as a backbone of mmdetection 3.", 7),
        "",
        *wrapped(
            f"Images are padded by the data preprocessor: pad_size_divisor={multiple}. The keys of its "
            f"state dict are those of {subject.public}.",
            4,
        ),
        "",
        "Args:",
        "    out_indices: which endpoints are returned, from 0, the finest.",
        *(f"    {line}" for line in wrapped(frozen, 8, hanging=4)),
        "    norm_eval: norms keep their statistics while training.",
        *(["    drop_path: rate of stochastic depth."] if subject.drops_path else []),
        "    init_cfg: as in mmengine; without one, weights are drawn as published.",
    ]
    parameters = ["self", f"out_indices: tuple[int, ...] = {_indices(subject)}", "frozen_stages: int = -1",
                  "norm_eval: bool = False"]  # fmt: skip
    if subject.drops_path:
        parameters.append(f"drop_path: float = {rate['drop_path']}")
    parameters.append("init_cfg: dict | list[dict] | None = None")
    values = _common(subject, model, [subject.public, use["BaseModule"]], lines)
    values |= rate | {
        "stages": stages,
        "constructor": bracketed(4, "def __init__(", parameters, ") -> None:"),
    }
    return Fields(values, [model])


def detectron2(subject: Subject, use: dict[str, str]) -> Fields:
    """A backbone, and the function that the registry calls."""
    model = subject.named("ForDetectron2")
    rate = _rate(subject, "drop_path")
    stages, blocks = _stages(subject)
    frozen = "freeze_at: 0 freezes nothing, 1 what stands before the first block"
    frozen += f", each further number the stem's blocks of a level: {blocks}." if blocks else "."
    lines = [
        *wrapped(f"{subject.title} as a backbone of detectron2.", 7),
        "",
        *wrapped(f"The keys of its state dict are those of {subject.public}.", 4),
        "",
        "Args:",
        *(f"    {line}" for line in wrapped(frozen, 8, hanging=4)),
        *(["    drop_path: rate of stochastic depth."] if subject.drops_path else []),
    ]
    parameters = ["self", "freeze_at: int = 0"]
    if subject.drops_path:
        parameters.append(f"drop_path: float = {rate['drop_path']}")
    entry = f"build_{subject.key}_backbone"
    values = _common(subject, model, [subject.public, use["Backbone"]], lines)
    shape = f"name: {use['ShapeSpec']}(channels=self.out_channels[name], stride=self.strides[name])"
    values |= rate | {
        "stages": stages,
        "constructor": bracketed(4, "def __init__(", parameters, ") -> None:"),
        "multiple": subject.extents.multiple,
        "output_shape": [
            f"    def output_shape(self) -> dict[str, {use['ShapeSpec']}]:",
            "        return {",
            f"            {shape}",
            "            for name in self.strides",
            "        }",
        ],
        "entry": entry,
        "entry_head": bracketed(
            0, f"def {entry}(", ["cfg", f"input_shape: {use['ShapeSpec']}"], f") -> {model}:"
        ),
    }
    return Fields(values, [model, entry])
