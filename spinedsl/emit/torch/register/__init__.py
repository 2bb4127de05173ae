"""`--register`: sections of a generated file that make the network a backbone for a framework.

    subject ─refuse─▶ ─timm.py, detectors.py─▶ fields ─templates of torch/register/─▶ sections

A section subclasses the network, so that the keys of its state dict are the network's: weights made
with one load into the other. Only a section imports its framework, and a file without sections
imports torch alone. What is registered under the network's name in one framework is so in all,
but for detectron2, where the name is that of a function: `build_NAME_backbone`.

Every section is written to the interface that its framework documents: timm 1, torchvision's
detectors, mmdetection 3 with mmengine, detectron2 0.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from spinedsl.diagnostics import Diagnostics, fail, suggestion
from spinedsl.emit.frameworks import FRAMEWORKS, Framework
from spinedsl.emit.torch.register import detectors, timm
from spinedsl.emit.torch.register.subject import Fields, Subject
from spinedsl.emit.torch.templates import render
from spinedsl.ir.model import FeatureInput


@dataclass(frozen=True)
class Section:
    """What is known of a framework before any network; lists of names are divided by blanks.

    Attributes:
        title: what its users call it.
        fields: for its template.
        imports: module → names.
        attributes: what its models call something; no layer of the network may be called so.
        needed: whether the file can't be imported without it.
    """

    title: str
    fields: Callable[[Subject, dict[str, str]], Fields]
    imports: dict[str, str]
    attributes: str
    needed: bool = True


SECTIONS: dict[Framework, Section] = {
    "timm": Section(
        "timm",
        timm.timm,
        {
            "timm.layers": "ClassifierHead",
            "timm.models": "FeatureInfo build_model_with_cfg generate_default_cfgs register_model",
        },
        attributes="default_cfg forward_features forward_head forward_intermediates get_classifier head "
        "head_hidden_size in_chans num_classes num_features pretrained_cfg pretrained_model_args "
        "reset_classifier set_grad_checkpointing",
    ),
    "torchvision": Section(
        "torchvision", detectors.torchvision, {"collections": "OrderedDict"}, attributes="", needed=False
    ),
    "mmdet": Section(
        "mmdetection",
        detectors.mmdet,
        {"mmdet.registry": "MODELS", "mmengine.model": "BaseModule"},
        attributes="frozen_stages init_cfg init_weights is_init norm_eval out_indices stem_stages",
    ),
    "detectron2": Section(
        "detectron2",
        detectors.detectron2,
        {
            "detectron2.layers": "FrozenBatchNorm2d ShapeSpec",
            "detectron2.modeling": "BACKBONE_REGISTRY Backbone",
        },
        attributes="output_shape padding_constraints size_divisibility stem_stages",
    ),
}

STANDARD = ("collections",)
"""Modules of the standard library among the imports."""


@dataclass
class Registration:
    """What the sections add to a file.

    Attributes:
        needs: what the file can't do without, as an object of “needs”.
        standard, imports: lines that import from the standard library, and from elsewhere.
        texts: the sections.
        exports: public names they define.
    """

    needs: str = "nothing but torch"
    standard: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)


def registration(frameworks: Collection[Framework], subject: Subject, texts: Sequence[str]) -> Registration:
    """The sections for some frameworks, in an order of their own.

    Args:
        texts: the classes and functions of the file before them.

    Raises:
        DiagnosticError: there is no such framework (SP020), or it can't take the network (SP058);
            everything is named.
    """
    unknown = [name for name in frameworks if name not in FRAMEWORKS]
    if unknown:
        raise fail("SP020", f"there is no framework called “{unknown[0]}”",
                   help=suggestion(unknown[0], FRAMEWORKS, f"there are {', '.join(FRAMEWORKS)}"))  # fmt: skip
    chosen = [name for name in FRAMEWORKS if name in frameworks]
    added = Registration()
    if not chosen:
        return added
    _refuse(chosen, subject)
    taken = {name for text in texts for name in re.findall(r"^(?:class|def) (\w+)", text, re.MULTILINE)}
    names = {n for name in chosen for group in SECTIONS[name].imports.values() for n in group.split()}
    local = {name: _free(name, taken) for name in sorted(names)}
    subject = subject.among(taken | set(local.values()))
    for name in chosen:
        section = SECTIONS[name]
        fields = section.fields(subject, local)
        added.texts.append(render(f"register/{name}", use=local, **fields.values).rstrip("\n"))
        added.exports += fields.exports
        for module, imported in section.imports.items():
            lines = added.standard if module in STANDARD else added.imports
            lines.append(_import(module, imported.split(), local))
    needed = ["torch", *(name for name in chosen if SECTIONS[name].needed)]
    if len(needed) > 1:
        added.needs = f"{', '.join(needed[:-1])} and {needed[-1]}"
    return added


def _import(module: str, names: Sequence[str], local: dict[str, str]) -> str:
    shown = [name if local[name] == name else f"{name} as {local[name]}" for name in names]
    return f"from {module} import {', '.join(shown)}"


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _refuse(frameworks: Sequence[Framework], subject: Subject) -> None:
    """See that all of them can take the network.

    Raises:
        DiagnosticError: one can't (SP058).
    """
    diagnostics = Diagnostics()
    network, program = subject.network, subject.program
    titles = [SECTIONS[name].title for name in frameworks]
    if isinstance(network.input, FeatureInput):
        diagnostics.add(
            "SP058",
            f"“{network.name}” reads features: {' and '.join(titles)} can't take it for a backbone",
            network.span,
            help="register a network with an image as its input, or compile without `--register`",
        )
    widths = {endpoint.shape.channels for endpoint in program.endpoints}
    if "torchvision" in frameworks and len(widths) > 1:
        shown = ", ".join(f"{e.name}: {e.shape.channels}" for e in program.endpoints)
        diagnostics.add(
            "SP058",
            f"torchvision's detectors want as many channels at every endpoint; “{network.name}” has {shown}",
            network.span,
            help="give the endpoints one width, as in `endpoints 3..7 -> 256`",
        )
    for name in frameworks:
        attributes = SECTIONS[name].attributes.split()
        for node in program.main.nodes:
            layer = node.name.partition(".")[0]
            if layer in attributes and layer in subject.layers:
                diagnostics.add(
                    "SP058",
                    f"nothing in “{network.name}” can be called “{layer}”: models of {SECTIONS[name].title} "
                    "have something else of that name",
                    node.span,
                    help="choose another name",
                )
    diagnostics.stop_on_errors()
