"""The classes of one file: those of the functions, each once, and the public ones that use them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from spinedsl.emit.torch.classes import ClassPlan, Shared, plan_classes
from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.grouping import group_functions
from spinedsl.emit.torch.layout import bracketed
from spinedsl.emit.torch.naming import class_names
from spinedsl.emit.torch.network import NetworkPlan, plan_head, plan_network
from spinedsl.emit.torch.prose import docstring, documented
from spinedsl.emit.torch.rule import literal, torch_momentum
from spinedsl.emit.torch.templates import render
from spinedsl.graph.program import Program
from spinedsl.ir.model import Definition
from spinedsl.ops import BatchNorm, Operator

HELPERS = (
    "batch_norm",
    "glorot_conv2d",
    "normal_conv2d",
    "dense",
    "normal_dense",
    "drop_path",
    "checkpointed",
    "fold_norms",
    "weighted_sum",
    "fans",
    "truncated_normal",
    "padded_avg_pool2d",
    "resize_nearest",
    "space_to_depth",
)
"""Helper texts, in the order in which a file holds those it needs."""


@dataclass
class Sheet:
    """A file in the making.

    Attributes:
        shared: what its classes know of one another.
        blocks: plans of the functions' classes, callees before callers.
        definitions: what each of them was made from.
        norm: eps and momentum that norms have unless they say otherwise.
    """

    shared: Shared
    blocks: list[ClassPlan]
    definitions: list[str]
    norm: dict[str, str]

    def network(self, definitions: Iterable[Definition], program: Program, checkpoint: bool) -> NetworkPlan:
        """What a network's class is made of; the program's functions are those of the sheet.

        Args:
            checkpoint: whether blocks keep their inputs only in training.
        """
        kinds = {d.name.text for d in definitions if d.kind == "block"}
        return plan_network(kinds, program, self.shared, self.blocks, checkpoint)

    def head(self, program: Program, regions: bool) -> NetworkPlan:
        """What a head's class is made of."""
        return plan_head(program, self.shared, self.blocks, regions)

    def texts(self, public: Iterable[str]) -> list[str]:
        """Helpers, classes of the functions, and the public classes, in the order of the file."""
        if self.norm:
            self.shared.helpers.add("batch_norm")
        if "normal_dense" in self.shared.helpers:
            self.shared.helpers.add("dense")
        helpers = [_helper(name, self.norm) for name in HELPERS if name in self.shared.helpers]
        blocks = [
            _block_class(c, full=definition not in self.definitions[:index])
            for index, (c, definition) in enumerate(zip(self.blocks, self.definitions, strict=True))
        ]
        return [text.rstrip("\n") for text in (*helpers, *blocks, *public)]


def sheet(program: Program, extents: Extents, operators: Iterable[Operator], taken: Collection[str]) -> Sheet:
    """Plans for the classes of a program's functions; none is called as in `taken`."""
    grouping = group_functions(program, extents)
    norm = _norm(operators)
    shared = Shared(extents, grouping, class_names(grouping.groups, taken), norm)
    definitions = [group.model.definition for group in grouping.groups]
    return Sheet(shared, plan_classes(shared), definitions, norm)


_STANDARD = {
    "import math": r"\bmath\.",
    "from contextlib import contextmanager, nullcontext": r"^@contextmanager\b",
}
_TORCH = {"from torch.utils.checkpoint import checkpoint": r"\breturn checkpoint\("}
"""Import → what a text that needs it holds."""


def standard_imports(texts: Sequence[str]) -> list[str]:
    """Imports from the standard library that the texts need."""
    return [line for line, used in _STANDARD.items() if any(re.search(used, text) for text in texts)]


def torch_imports(texts: Sequence[str]) -> list[str]:
    """Lines of imports from torch that the texts need beyond torch itself and nn."""
    return [line for line, used in _TORCH.items() if any(re.search(used, text) for text in texts)]


def _norm(operators: Iterable[Operator]) -> dict[str, str]:
    """The eps and momentum most norms have: the defaults of the norm's class."""
    norms = Counter((o.eps, torch_momentum(o.momentum)) for o in operators if isinstance(o, BatchNorm))
    if not norms:
        return {}
    ((eps, momentum), _) = norms.most_common(1)[0]
    return {"default eps": literal(eps), "default momentum": literal(momentum)}


def _block_class(plan: ClassPlan, full: bool) -> str:
    parameters = [
        f"{p.name}: {p.annotation}{' = 0.0' if p.kind == 'drop_path' else ''}" for p in plan.parameters
    ]
    if plan.levelled:
        parameters.append("levels: tuple[str, ...]")
    methods = []
    if plan.layers or plan.stored:
        init = bracketed(4, "def __init__(", ["self", *parameters], ") -> None:")
        init.append("        super().__init__()")
        if plan.folded:
            init.append("        self.register_load_state_dict_pre_hook(fold_norms)")
        init += [f"        self.{name} = {name}" for name in plan.stored]
        for name, layer in plan.layers.items():
            init += bracketed(8, f"self.{name} = {layer.head}", layer.items, layer.tail)
        methods.append(init)
    ports = [f"{port}: torch.Tensor" for port in plan.ports]
    if plan.levelled:
        ports.append("level: str")
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
        attributes=_folded(plan),
        methods=methods,
    )


def _folded(plan: ClassPlan) -> list[str]:
    """The attribute that tells `fold_norms` which norms went where."""
    if not plan.folded:
        return []
    items = [f'"{layer}": ("{norm.name}", {norm.eps!r})' for layer, norm in plan.folded.items()]
    return ["", *bracketed(4, "folded = {", items, "}")]


def _helper(name: str, norm: dict[str, str]) -> str:
    values = {"eps": norm.get("default eps"), "momentum": norm.get("default momentum")}
    return render(f"helpers/{name}", **values)
