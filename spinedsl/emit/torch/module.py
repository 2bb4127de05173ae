"""The text of the whole file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from spinedsl.emit.banner import banner
from spinedsl.emit.frameworks import Framework
from spinedsl.emit.torch.classes import ClassPlan, Shared, plan_classes
from spinedsl.emit.torch.extents import extents_of
from spinedsl.emit.torch.grouping import group_functions
from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.naming import class_names
from spinedsl.emit.torch.network import plan_network
from spinedsl.emit.torch.prose import docstring, documented, plain, wrapped
from spinedsl.emit.torch.public import public_class
from spinedsl.emit.torch.register import registration
from spinedsl.emit.torch.register_fields import Subject
from spinedsl.emit.torch.rule import literal, torch_momentum
from spinedsl.emit.torch.support import refuse_unknown
from spinedsl.emit.torch.templates import render
from spinedsl.emit.torch.trivial import write_in_place
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.ir.model import Network
from spinedsl.ir.titles import class_name
from spinedsl.ops import BatchNorm

HELPERS = (
    "batch_norm",
    "glorot_conv2d",
    "drop_path",
    "weighted_sum",
    "fans",
    "truncated_normal",
    "padded_avg_pool2d",
    "resize_nearest",
    "space_to_depth",
)
"""Helper texts, in the order in which a file holds those it needs."""


def emit(network: Network, program: Program, inlined: Inlined, register: Collection[Framework] = ()) -> str:
    """Write a lowered network as the text of one module that imports only torch, and `register`.

    The same network gives the same text, byte for byte.

    Args:
        network: what the program was lowered from; its identity and its documentation.
        program: functions become classes, `main` becomes the public one.
        inlined: the operators of `program`.
        register: frameworks that the module shall be a backbone of; see register.py.

    Raises:
        DiagnosticError: operators without a rule (SP042), all of them at once; a framework can't
            take the network (SP058).
    """
    refuse_unknown(program)
    extents = extents_of(network, program)
    short = write_in_place(program)
    grouping = group_functions(short, extents)
    public = class_name(network)
    norm = _norm(inlined)
    shared = Shared(extents, grouping, class_names(grouping.groups, public), norm)
    classes = plan_classes(shared)
    plan = plan_network(network, short, shared, classes)
    if norm:
        shared.helpers.add("batch_norm")
    fields = public_class(network, program, inlined, plan, extents, shared.helpers)
    definitions = [group.model.definition for group in grouping.groups]
    texts = [
        _block_class(c, full=definition not in definitions[:index])
        for index, (c, definition) in enumerate(zip(classes, definitions, strict=True))
    ]
    texts.append(render("class", **fields))
    helpers = [_helper(name, norm) for name in HELPERS if name in shared.helpers]
    title = plain(network.title or "") or network.name
    body = [text.rstrip("\n") for text in (*helpers, *texts)]
    subject = Subject(network, program, extents, plan.layers, plan.drops_path)
    added = registration(register, subject, body)
    body += added.texts
    return render(
        "module",
        banner=banner(network),
        docstring=docstring(wrapped(f"{title} as a PyTorch module that needs {added.needs}.", 6), 0),
        standard=added.standard,
        functional=any(re.search(r"\bF\.\w+\(", text) for text in body),
        imports=sorted(["from torch import nn", *added.imports]),
        exports=bracketed(0, "__all__ = [", [f'"{name}"' for name in (public, *added.exports)], "]"),
        texts=body,
    )


def _norm(inlined: Inlined) -> dict[str, str]:
    """The eps and momentum most norms have: the defaults of the norm's class."""
    norms = Counter(
        (n.operator.eps, torch_momentum(n.operator.momentum))
        for n in inlined.nodes
        if isinstance(n.operator, BatchNorm)
    )
    if not norms:
        return {}
    ((eps, momentum), _) = norms.most_common(1)[0]
    return {"default eps": literal(eps), "default momentum": literal(momentum)}


def _block_class(plan: ClassPlan, full: bool) -> str:
    parameters = [
        f"{p.name}: {p.annotation}{' = 0.0' if p.kind == 'drop_path' else ''}" for p in plan.parameters
    ]
    methods = []
    if plan.layers or plan.stored:
        init = bracketed(4, "def __init__(", ["self", *parameters], ") -> None:")
        init.append("        super().__init__()")
        init += [f"        self.{name} = {name}" for name in plan.stored]
        for name, layer in plan.layers.items():
            init += bracketed(8, f"self.{name} = {layer.head}", layer.items, layer.tail)
        methods.append(init)
    ports = [f"{port}: torch.Tensor" for port in plan.ports]
    forward = bracketed(4, "def forward(", ["self", *ports], ") -> torch.Tensor:")
    forward += plan.lines
    forward += (
        bracketed(8, f"return {plan.result.head}", plan.result.items, plan.result.tail)
        if plan.result.head
        else [f"        return {plan.result.text}"]
    )
    methods.append(forward)
    return render(
        "class",
        name=plan.name,
        docstring=docstring(documented(plan.doc, 4, full), 4),
        attributes=[],
        methods=methods,
    )


def _helper(name: str, norm: dict[str, str]) -> str:
    values = {"eps": norm.get("default eps"), "momentum": norm.get("default momentum")}
    return render(f"helpers/{name}", **values)
