"""timm: a model, an extractor of features, and the entry of the registry.

timm's own wrapper around extractors puts `model.` before every key of the state dict. An extractor
that is a class of its own, as timm's HRNet has one, keeps the keys, so that weights load.
"""

from __future__ import annotations

from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.prose import docstring, wrapped
from spinedsl.emit.torch.register.subject import Fields, Subject, argument, common, indices, rate_of
from spinedsl.ir.titles import TAKEN_CLASSES


def timm(subject: Subject, use: dict[str, str]) -> Fields:
    """A model, an extractor of features, and the entry of the registry."""
    model, extractor = subject.named("ForTimm"), subject.named("FeaturesForTimm")
    rate = rate_of(subject, "drop_path_rate")
    features, aggregation, told = _aggregation(subject)
    lines = [
        *wrapped(f"{subject.title} with the interface of timm's models.", 7),
        "",
        *wrapped(
            f"{told} Its state dict has the keys of {subject.public}; a classifier adds head.fc.weight and "
            "head.fc.bias.",
            4,
        ),
        "",
        "Args:",
        *argument("num_classes", "of the classifier; 0 leaves it out."),
        *argument("global_pool, drop_rate", "of the features, before the classifier."),
    ]
    stated = [f"out_indices: int | tuple[int, ...] = {indices(subject)}"]
    if subject.drops_path:
        lines += argument("drop_path_rate", "rate of stochastic depth.")
        stated.append(f"drop_path_rate: float = {rate['drop_path']}")
    shown = [
        *wrapped(f"The endpoints of {subject.title} as timm's feature extractors return theirs.", 7),
        "",
        *wrapped(f"The keys of its state dict are those of {subject.public}.", 4),
    ]
    values = common(subject, model, [subject.public], lines)
    entry, renamed = _entry(subject, {model, extractor})
    parameters = ["pretrained: bool = False", "features_only: bool = False",
                  f"in_chans: int = {subject.channels}", "**options"]  # fmt: skip
    built = ["model", f'"{subject.key}"', "pretrained", "kwargs_filter=ignored", "**options"]
    head = [str(features), "num_classes", "pool_type=global_pool", "drop_rate=drop_rate"]
    values |= rate | {
        "extractor": extractor,
        "height": subject.extents.height,
        "width": subject.extents.width,
        "features": features,
        "aggregation": aggregation,
        "head": bracketed(8, f"self.head = {use['ClassifierHead']}(", head, ")"),
        "extractor_head": bracketed(0, f"class {extractor}(", [subject.public], "):"),
        "extractor_docstring": docstring(shown, 4),
        "extractor_constructor": bracketed(4, "def __init__(", ["self", *stated], ") -> None:"),
        "entry_head": bracketed(0, f"def {entry}(", parameters, ") -> nn.Module:"),
        "built": bracketed(4, "return build_model_with_cfg(", built, ")"),
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
        "endpoints, enlarged and added from the coarsest to the finest: so SpineNet's authors classify."
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
