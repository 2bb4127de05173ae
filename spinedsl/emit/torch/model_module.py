"""The text of a model's file: the classes of its parts, and what makes one model of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spinedsl.emit.torch import tasks
from spinedsl.emit.torch.extents import extents_of
from spinedsl.emit.torch.head import head_class, head_name
from spinedsl.emit.torch.module import whole
from spinedsl.emit.torch.prose import plain
from spinedsl.emit.torch.public import public_class
from spinedsl.emit.torch.sheet import sheet, standard_imports
from spinedsl.emit.torch.support import refuse_unknown
from spinedsl.emit.torch.templates import render
from spinedsl.emit.torch.trivial import write_in_place
from spinedsl.graph.assembly import Assembly, Part
from spinedsl.graph.inline import inline
from spinedsl.graph.program import Program
from spinedsl.ir.model import Model, Network
from spinedsl.ir.titles import class_name


def emit_model(
    model: Model, networks: Sequence[Network], assembly: Assembly, checkpoint: bool = False
) -> str:
    """Write a lowered model as the text of one module that imports torch and torchvision.ops.

    The same model gives the same text, byte for byte.

    Args:
        model: its identity and its documentation.
        networks: the backbone and the necks, as they were lowered.
        assembly: all parts.
        checkpoint: of its networks, as in `emit`.

    Raises:
        DiagnosticError: operators without a rule (SP042); tasks that make no model together (SP044).
    """
    for part in assembly.parts:
        refuse_unknown(part.program)
    name = class_name(model)
    short = _written_in_place(assembly)
    inlined = [inline(part.program) for part in assembly.parts]
    operators = [node.operator for part in inlined for node in part.nodes]
    network = networks[0]
    extents = extents_of(network, assembly.program)
    names = _class_names(assembly, networks, name)
    joint = replace(assembly.program, functions=short[0].functions)
    classes = sheet(joint, extents, operators, {name, *names.values(), *tasks.TAKEN_NAMES})
    texts, parts = [], []
    levels = {e.name: e.level or 0 for e in _last_network(assembly, networks).program.endpoints}
    for index, (part, program) in enumerate(zip(assembly.parts, short, strict=True)):
        if index < len(networks):
            own = networks[index]
            plan = classes.network(own.definitions, program, checkpoint)
            fields = public_class(own, program, inlined[index], plan, extents, classes.shared.helpers)
        else:
            plan = classes.head(program, part.regions)
            fields = head_class(part, levels, inlined[index], plan, extents, classes.shared.helpers)
        texts.append(render("class", **{**fields, "name": names[part.name]}))
        rate = program.drop_path if plan.drops_path else None
        sources = part.sources if part.role == "neck" else ()
        parts.append(tasks.Part(part.name, names[part.name], rate, sources))
    made = tasks.model_parts(name, parts, assembly.tasks, _paragraphs(model), model.span)
    body = [*classes.texts(texts), *(text.rstrip("\n") for text in (*made.helpers, made.model))]
    needs = (
        "torch and torchvision"
        if any("torchvision" in line for line in made.imports)
        else "nothing but torch"
    )
    standard = [*standard_imports(body), *made.standard_imports]
    exports = [*names.values(), name]
    return whole(model, assembly.program.optimisation, needs, standard, made.imports, exports, body)


def _written_in_place(assembly: Assembly) -> list[Program]:
    """The programs of all parts without calls of trivial functions; the functions of all are shared."""
    mains = [part.program.main for part in assembly.parts]
    joint = replace(assembly.program, main=replace(mains[0], nodes=tuple(n for m in mains for n in m.nodes)))
    short = write_in_place(joint)
    nodes = iter(short.main.nodes)
    programs = []
    for part, main in zip(assembly.parts, mains, strict=True):
        own = replace(main, nodes=tuple(next(nodes) for _ in main.nodes))
        programs.append(replace(part.program, main=own, functions=short.functions))
    return programs


def _class_names(assembly: Assembly, networks: Sequence[Network], taken: str) -> dict[str, str]:
    """Part → name of its class; no two are alike."""
    names: dict[str, str] = {}
    for index, part in enumerate(assembly.parts):
        wanted = class_name(networks[index]) if index < len(networks) else head_name(part)
        candidate, number = wanted, 2
        while candidate in (taken, *names.values()):
            candidate, number = f"{wanted}{number}", number + 1
        names[part.name] = candidate
    return names


def _last_network(assembly: Assembly, networks: Sequence[Network]) -> Part:
    """What the heads read."""
    return assembly.parts[len(networks) - 1]


def _paragraphs(model: Model) -> list[str]:
    sources = [f"Source: {source}" for source in model.published]
    title = plain(model.title or "") or model.name
    return [f"{title}.", *([model.doc] if model.doc else []), *sources]
