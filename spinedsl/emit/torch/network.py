"""The public class: the calls of `main`, with every number written out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from spinedsl.diagnostics import fail
from spinedsl.emit.torch.classes import ClassPlan, Shared, for_each
from spinedsl.emit.torch.forward import ForwardWriter, Style
from spinedsl.emit.torch.layout import Expression, call
from spinedsl.emit.torch.operators import RULES
from spinedsl.emit.torch.parameters import UNNAMEABLE, share
from spinedsl.emit.torch.rule import Form, literal
from spinedsl.graph.program import Call, Function, Node, Program
from spinedsl.ops import Operator, Shape

LOCALS = ("features", "height", "width", "name", "times", "expected")
"""What `forward` calls something else before the first block runs."""


@dataclass(frozen=True)
class NetworkPlan:
    """Body of the public class.

    Attributes:
        layers: attribute → its layer, or the layers of an `nn.Sequential`.
        inputs: names of what comes in → their variables.
        lines: of `forward`, behind the check of the size.
        results: endpoint → expression.
        drops_path: whether a rate can be chosen.
    """

    layers: dict[str, Expression | list[Expression]]
    inputs: dict[str, str]
    lines: list[str]
    results: dict[str, Expression]
    drops_path: bool


RUNNING = "x"
"""What a head's running value is called, and a region."""


def plan_network(
    blocks: Collection[str], program: Program, shared: Shared, plans: list[ClassPlan], checkpoint: bool
) -> NetworkPlan:
    """Plan the public class of a network; `blocks` are the definitions that are block kinds."""
    return _Planner(program, shared, plans, blocks, checkpoint=checkpoint).plan()


def plan_head(program: Program, shared: Shared, plans: list[ClassPlan], regions: bool) -> NetworkPlan:
    """Plan the public class of a head: what belongs to no level is one running value, as is a region."""
    return _Planner(program, shared, plans, (), head=True, regions=regions).plan()


@dataclass
class _Planner:
    program: Program
    shared: Shared
    plans: list[ClassPlan]
    blocks: Collection[str]
    head: bool = False
    regions: bool = False
    checkpoint: bool = False
    operators: dict[str, tuple[Form, dict[str, str]]] = field(default_factory=dict)
    layers: dict[str, Expression | list[Expression]] = field(default_factory=dict)
    drops_path: bool = False

    def plan(self) -> NetworkPlan:
        """The class."""
        main = self.program.main
        shapes = main.shapes()
        for node in main.nodes:
            self._layer(node, shapes)
        chained = _chained(main)
        names = self._names(chained)
        outputs = {value for _, value in main.outputs}
        style = Style(
            self._write, self._folds, self._named, names, RUNNING if self.head else "",
            runs=lambda node: not node.instance and node.output not in outputs,
        )  # fmt: skip
        writer = ForwardWriter(chained, style)
        results = writer.run()
        endpoints = [name for name, _ in main.outputs]
        return NetworkPlan(
            self.layers,
            {port.name: names[port.name] for port in main.inputs},
            writer.lines,
            dict(zip(endpoints, results, strict=True)),
            self.drops_path,
        )

    def _names(self, function: Function) -> dict[str, str]:
        names: dict[str, str] = {}
        taken = {*UNNAMEABLE, *LOCALS} - {"image", *(() if self.head else ("x",))}
        named = [(port.name, port.name) for port in function.inputs]
        named += [(n.output, n.output if n.instance else n.name) for n in function.nodes]
        for value, wanted in named:
            name = wanted.replace(".", "_")
            while name in taken:
                name += "_"
            taken.add(name)
            names[value] = name
        return {**names, function.inputs[0].name: RUNNING} if self.regions else names

    def _folds(self, node: Node) -> bool:
        """In a network every merge and connection; in a head as in blocks."""
        return not self.head or isinstance(node.target, Call) or RULES[type(node.target)].folds

    def _named(self, node: Node) -> bool:
        """Blocks keep the names they have in the spec; connections and merges may do without."""
        if not isinstance(node.target, Call):
            return False
        function = self.program.functions[node.target.function]
        return function.definition in self.blocks

    # ---- layers

    def _layer(self, node: Node, shapes: dict[str, Shape]) -> None:
        layer = self._call(node.target) if isinstance(node.target, Call) else self._operator(node, shapes)
        if layer is None:
            return
        if node.own:
            layer = for_each("self.levels", layer)
        base, dot, _ = node.name.partition(".")
        if not dot:
            self._refuse_other(node, self.layers.setdefault(base, layer), layer)
            return
        sequence = self.layers.setdefault(base, [])
        assert isinstance(sequence, list)
        sequence.append(layer)

    def _refuse_other(self, node: Node, known: Expression | list[Expression], layer: Expression) -> None:
        """A layer that levels share must be written alike for all of them."""
        if isinstance(known, Expression) and known.text != layer.text:
            raise fail(
                "SP042", f"the torch target would need several layers for “{node.name}”, which levels share",
                node.span, help="take apart what depends on a level's extent: pools with `padding symmetric`",
            )  # fmt: skip

    def _call(self, target: Call) -> Expression:
        plan = self.plans[self.shared.grouping.group_of[target.function]]
        items = []
        for parameter, value in zip(plan.parameters, plan.values[target.function], strict=True):
            if parameter.kind == "drop_path":
                if value:
                    self.drops_path = True
                    items.append(f"{parameter.name}={share('drop_path', value)}")
            elif parameter.name == "in_channels":
                items.append(literal(value))
            else:
                items.append(f"{parameter.name}={literal(value)}")
        if plan.levelled:
            items.append("levels=self.levels")
        return call(plan.name, items)

    def _operator(self, node: Node, shapes: dict[str, Shape]) -> Expression | None:
        assert isinstance(node.target, Operator)
        rule = RULES[type(node.target)]
        form = rule.form(node.target, self.shared.extents, shapes[node.inputs[0]])
        texts = {**self.shared.norm, **{s.name: literal(s.value) for s in rule.slots(node.target, form)}}
        self.operators[node.output] = form, texts
        if form.helper:
            self.shared.helpers.add(form.helper)
        return None if rule.layer is None else rule.layer(form, texts)

    # ---- forward

    def _write(self, node: Node, operands: Sequence[Expression]) -> Expression:
        base, _, index = node.name.partition(".")
        layer = f"self.{base}[{index}]" if index else f"self.{base}"
        if isinstance(node.target, Call):
            plan = self.plans[self.shared.grouping.group_of[node.target.function]]
            items = [operand.text for operand in operands]
            if plan.levelled:
                items.append(f'"{node.instance}"')
            if self.checkpoint and self._named(node):
                self.shared.helpers.add("checkpointed")
                return call("checkpointed", [layer, *items])
            return call(layer, items)
        if node.own:
            layer += f'["{node.instance}"]'
        form, texts = self.operators[node.output]
        return RULES[type(node.target)].value(form, texts, layer, operands)


def _chained(main: Function) -> Function:
    """`main` with every unbroken chain of copies, `b2.0`, `b2.1`, …, as one call of `b2`."""
    reads: dict[str, int] = {}
    for value in (*(i for node in main.nodes for i in node.inputs), *(v for _, v in main.outputs)):
        reads[value] = reads.get(value, 0) + 1
    copies: dict[str, list[Node]] = {}
    for node in main.nodes:
        if "." in node.name:
            copies.setdefault(node.name.partition(".")[0], []).append(node)
    whole = {base for base, nodes in copies.items() if _is_chain(nodes, reads)}
    last = {nodes[-1].name for nodes in copies.values()}
    nodes = []
    for node in main.nodes:
        base = node.name.partition(".")[0]
        if base not in whole or "." not in node.name:
            nodes.append(node)
        elif node.name in last:
            nodes.append(replace(node, name=base, inputs=copies[base][0].inputs))
    return replace(main, nodes=tuple(nodes))


def _is_chain(nodes: list[Node], reads: dict[str, int]) -> bool:
    return all(b.inputs == (a.output,) and reads[a.output] == 1 for a, b in pairwise(nodes))
