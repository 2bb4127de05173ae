"""The model's class, and everything in the file that it calls."""

from __future__ import annotations

from collections.abc import Sequence

from spinedsl.diagnostics import fail
from spinedsl.emit.torch.layout import WIDTH, bracketed
from spinedsl.emit.torch.prose import docstring, wrapped
from spinedsl.emit.torch.tasks.family import Family, TwoStage, family_of
from spinedsl.emit.torch.tasks.labelling import classification, segmentation
from spinedsl.emit.torch.tasks.one_stage import one_stage
from spinedsl.emit.torch.tasks.parts import TAKEN_ATTRIBUTES, Machinery, ModelParts, Part
from spinedsl.emit.torch.tasks.two_stage import two_stage
from spinedsl.emit.torch.templates import render
from spinedsl.graph.tasks import Classification, Detection, Task
from spinedsl.source import Span


def model_parts(
    name: str, parts: Sequence[Part], tasks: Sequence[Task], doc: Sequence[str], span: Span | None = None
) -> ModelParts:
    """The texts that make one model of the networks of a file.

    Args:
        name: of the model's class.
        parts: its networks, in the order in which they are called: backbone, necks, heads.
        tasks: what the heads' raw outputs mean; each `head` is the attribute of a part.
        doc: paragraphs on the model, free text; the first is the title.
        span: where the model is defined.

    Raises:
        DiagnosticError: SP044, no loss or result follows from these tasks together; SP025, a part is
            called like something of the model's class.
    """
    family = family_of(tasks, span)
    _refuse_taken(parts, span)
    machinery = _machinery(family)
    heads = {task.head for task in tasks}
    methods = [
        _constructor(parts, machinery),
        _initialise(parts),
        _outputs(parts, heads, family, machinery),
        machinery.methods.splitlines(),
    ]
    model = render(
        "class",
        name=name,
        docstring=docstring(_documentation(doc, parts, machinery), 4),
        attributes=["", *(f"    {line}" for line in machinery.attributes)],
        methods=methods,
    )
    return ModelParts(machinery.standard_imports, machinery.imports, machinery.helpers, model)


def _refuse_taken(parts: Sequence[Part], span: Span | None) -> None:
    for part in parts:
        if part.attribute in TAKEN_ATTRIBUTES:
            raise fail(
                "SP025",
                f"a part of a model can't be called “{part.attribute}”: the generated class has a "
                "method or setting of that name",
                span,
                help="give its definition another name",
            )


def _machinery(family: Family) -> Machinery:
    match family:
        case TwoStage():
            return two_stage(family)
        case Detection():
            return one_stage(family)
        case Classification():
            return classification(family)
        case _:
            return segmentation(family)


# ---- documentation


def _documentation(doc: Sequence[str], parts: Sequence[Part], machinery: Machinery) -> list[str]:
    title, *paragraphs = doc
    lines = wrapped(title, 7)
    for paragraph in (*paragraphs, *machinery.returns):
        lines += ["", *wrapped(paragraph, 4)]
    lines += ["", "Args:"]
    for option in machinery.options:
        lines += [f"    {line}" for line in wrapped(f"{option.name}: {option.explanation}", 8, hanging=4)]
    if _rate(parts) is not None:
        text = "drop_path: rate of stochastic depth; block by block, a growing share of it."
        lines += [f"    {line}" for line in wrapped(text, 8, hanging=4)]
    return [*lines, "    generator: what the initialisation draws from; torch's own if there is none."]


# ---- code


def _rate(parts: Sequence[Part]) -> float | None:
    return next((part.drop_path for part in parts if part.drop_path is not None), None)


def _constructor(parts: Sequence[Part], machinery: Machinery) -> list[str]:
    parameters = ["self", "*"]
    parameters += [f"{option.name}: {option.annotation} = {option.default}" for option in machinery.options]
    rate = _rate(parts)
    if rate is not None:
        parameters.append(f"drop_path: float = {rate!r}")
    parameters.append("generator: torch.Generator | None = None")
    lines = bracketed(4, "def __init__(", parameters, ") -> None:")
    lines.append("        super().__init__()")
    for part in parts:
        arguments = ["drop_path=drop_path"] if part.drop_path is not None else []
        arguments.append("generator=generator")
        lines += bracketed(8, f"self.{part.attribute} = {part.class_name}(", arguments, ")")
    lines += [f"        self.{option.name} = {option.name}" for option in machinery.options]
    return lines


def _initialise(parts: Sequence[Part]) -> list[str]:
    return [
        "    def initialise(self, generator: torch.Generator | None = None) -> None:",
        '        """Draw all weights anew, as published; from `generator` alone if there is one."""',
        *(f"        self.{part.attribute}.initialise(generator)" for part in parts),
    ]


def _outputs(parts: Sequence[Part], heads: set[str], family: Family, machinery: Machinery) -> list[str]:
    backbone, *necks = [part for part in parts if part.attribute not in heads]
    lines = [
        "    def outputs(self, images: torch.Tensor) -> dict[str, torch.Tensor]:",
        f'        """{machinery.raw}"""',
        f"        features = self.{backbone.attribute}(images)",
    ]
    for neck in necks:
        given = [f'"{port}": features["{feature}"]' for port, feature in neck.sources]
        line = f"        features = self.{neck.attribute}({{{', '.join(given)}}})"
        if len(line) <= WIDTH:
            lines.append(line)
            continue
        lines += [
            f"        features = self.{neck.attribute}(",
            "            {",
            *(f"                {item}," for item in given),
            "            }",
            "        )",
        ]
    head = family.proposals.head if isinstance(family, TwoStage) else family.head
    if not machinery.keeps_features:
        return [*lines, f"        return self.{head}(features)"]
    return [*lines, f"        raw = self.{head}(features)", "        return features | raw"]
