"""One class for a group of functions: constructor, layers, forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from spinedsl.emit.torch.extents import Extents
from spinedsl.emit.torch.forward import ForwardWriter, Style
from spinedsl.emit.torch.grouping import Group, Grouping, drops_path
from spinedsl.emit.torch.layout import Expression, call
from spinedsl.emit.torch.operators import RULES, depthwise
from spinedsl.emit.torch.parameters import UNNAMEABLE, Column, Parameter, Parameters
from spinedsl.emit.torch.rule import Form, Slot
from spinedsl.graph.program import Call, Node
from spinedsl.ops import Convolution, Operator, Shape
from spinedsl.ops.convolution import TakenNorm

RUNNING = "out"
"""What a running value is called while the input is still needed."""


@dataclass(frozen=True)
class Shared:
    """What all classes of a file know.

    Attributes:
        names: of the classes, by group.
        norm: the eps and momentum that norms have unless they say otherwise, as texts.
        helpers: collects which helper texts the file must hold.
    """

    extents: Extents
    grouping: Grouping
    names: list[str]
    norm: dict[str, str]
    helpers: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class ClassPlan:
    """Everything the text of a class is made of.

    Attributes:
        ports: names of what `forward` takes.
        layers: attribute → constructor call, in the order of the state dict.
        stored: parameters that `forward` reads.
        lines, result: body of `forward`.
        values: function → its value of each parameter, in order.
        levelled: whether it has layers for every level apart; `forward` is then told the level.
        folded: attribute → the norm that its layer took in.
    """

    name: str
    doc: str
    parameters: list[Parameter]
    ports: list[str]
    layers: dict[str, Expression]
    stored: list[str]
    lines: list[str]
    result: Expression
    values: dict[str, list[Any]]
    levelled: bool = False
    folded: Mapping[str, TakenNorm] = field(default_factory=dict)


@dataclass(slots=True)
class Channels:
    """Channels of a value: a number for every member, and its text once that is known."""

    column: Column
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One node of the model beside its counterparts; of a drop path, some may be missing."""

    node: Node
    members: Sequence[Node | None]

    def numbers(self, form: Form) -> list[tuple[Slot, Column]]:
        """The operator's slots, each with its number for every member."""
        target = self.node.target
        assert isinstance(target, Operator)
        slots = RULES[type(target)].slots
        missing = [Fraction(0)]
        values = ([s.value for s in slots(n.target, form)] if n else missing for n in self.members)
        return list(zip(slots(target, form), zip(*values, strict=True), strict=True))

    def channels(self) -> Column:
        """Channels of the value it makes, for every member."""
        return tuple(self.node.shape.channels if n is None else n.shape.channels for n in self.members)


def plan_classes(shared: Shared) -> list[ClassPlan]:
    """Plans for all groups, callees before callers."""
    plans: list[ClassPlan] = []
    for index, group in enumerate(shared.grouping.groups):
        plans.append(_Planner(shared, plans, group, shared.names[index]).plan())
    return plans


@dataclass
class _Planner:
    shared: Shared
    plans: list[ClassPlan]
    group: Group
    name: str
    parameters: Parameters = field(init=False)
    shapes: dict[str, Shape] = field(init=False)
    channels: dict[str, Channels] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    operators: dict[str, tuple[Form, dict[str, str]]] = field(default_factory=dict)
    layers: dict[str, Expression] = field(default_factory=dict)
    stored: dict[str, None] = field(default_factory=dict)

    def plan(self) -> ClassPlan:
        """The class."""
        self.parameters = Parameters(self.group)
        members, model = self.group.members, self.group.model
        self.shapes = model.shapes()
        for index, port in enumerate(model.inputs):
            self.channels[port.name] = Channels(tuple(m.inputs[index].shape.channels for m in members))
        self._name_attributes()
        for row in self._rows():
            if isinstance(row.node.target, Call):
                self._call(row, row.node.target)
            else:
                self._operator(row, row.node.target)
        names = self._names()
        ports = frozenset(names[port.name] for port in model.inputs)
        style = Style(self._write, self._folds, lambda node: False, names, RUNNING, ports)
        writer = ForwardWriter(model, style)
        (result,) = writer.run()
        parameters = self.parameters.ordered()
        values = {m.name: [p.column[i] for p in parameters] for i, m in enumerate(members)}
        return ClassPlan(
            self.name, model.doc, parameters, [names[port.name] for port in model.inputs], self.layers, list(self.stored),
            writer.lines, result, values, model.levelled, self._folded(),
        )  # fmt: skip

    def _folded(self) -> dict[str, TakenNorm]:
        folded = {}
        for node in self.group.model.nodes:
            if isinstance(node.target, Convolution) and node.target.norm is not None:
                self.shared.helpers.add("fold_norms")
                folded[self.attributes[node.name]] = node.target.norm
        return folded

    def _name_attributes(self) -> None:
        nodes = self.group.model.nodes
        self.attributes = {node.name: node.name for node in nodes}
        drops = [node.name for node in nodes if drops_path(node)]
        # It keeps nothing, so that no checkpoint knows its number.
        if len(drops) == 1 and "drop_path" not in self.attributes:
            self.attributes[drops[0]] = "drop_path"

    def _names(self) -> dict[str, str]:
        """Names that values would have as variables."""
        model = self.group.model
        names: dict[str, str] = {}
        taken = {RUNNING, *UNNAMEABLE} - {"x"}
        for value in (*(p.name for p in model.inputs), *(n.output for n in model.nodes)):
            name = value
            while name in taken:
                name += "_"
            taken.add(name)
            names[value] = name
        return names

    def _rows(self) -> list[Row]:
        members = self.group.members
        plain = zip(*([n for n in m.nodes if not drops_path(n)] for m in members), strict=True)
        dropping = [[n for n in m.nodes if drops_path(n)] for m in members]
        rows, drops = [], 0
        for node in self.group.model.nodes:
            if drops_path(node):
                rows.append(Row(node, [nodes[drops] if nodes else None for nodes in dropping]))
                drops += 1
            else:
                rows.append(Row(node, next(plain)))
        return rows

    # ---- layers

    def _operator(self, row: Row, operator: Operator) -> None:
        node, rule = row.node, RULES[type(operator)]
        form = rule.form(operator, self.shared.extents, self.shapes[node.inputs[0]])
        texts = dict(self.shared.norm)
        for slot, column in row.numbers(form):
            texts[slot.name] = self._slot(row, slot, column, texts)
        self.operators[node.name] = form, texts
        if form.helper:
            self.shared.helpers.add(form.helper)
        source = self.channels[node.inputs[0]]
        if "out" in texts:
            self.channels[node.output] = Channels(row.channels(), texts["out"])
        elif drops_path(node) or row.channels() == source.column:
            self.channels[node.output] = source
        else:
            self.channels[node.output] = Channels(row.channels())
        if rule.layer is not None:
            layer = rule.layer(form, texts)
            self.layers[self.attributes[node.name]] = for_each("levels", layer) if node.own else layer

    def _slot(self, row: Row, slot: Slot, column: Column, texts: dict[str, str]) -> str:
        if slot.role == "in":
            return self._channels(row.node.inputs[0])
        if slot.role == "out":
            if depthwise(row.node):
                return texts["in"]
            return self.parameters.channels(column)
        if slot.role == "drop_path":
            return self.parameters.drop_path(column)
        if slot.role == "groups" and set(column) != {1} and column == row.channels():
            return texts["out"]
        text = self.parameters.number(slot.name, column)
        if slot.in_forward and text in self.parameters.declared:
            self.stored[text] = None
            return f"self.{text}"
        return text

    def _channels(self, value: str) -> str:
        known = self.channels[value]
        if known.text is None:
            if value == self.group.model.inputs[0].name:
                known.text = self.parameters.input_channels()
            else:
                known.text = self.parameters.channels(known.column)
        return known.text

    def _call(self, row: Row, target: Call) -> None:
        node = row.node
        callee = self.plans[self.shared.grouping.group_of[target.function]]
        columns = list(zip(*(callee.values[_called(n)] for n in row.members), strict=True))
        items = []
        for parameter, column in zip(callee.parameters, columns, strict=False):
            if parameter.name == "in_channels":
                items.append(self._channels(node.inputs[0]))
            elif parameter.kind == "channels":
                items.append(f"{parameter.name}={self.parameters.channels(column, parameter.name)}")
            elif parameter.kind == "number":
                items.append(f"{parameter.name}={self.parameters.number(parameter.name, column)}")
            elif any(column):
                items.append(f"{parameter.name}={self.parameters.drop_path(column)}")
        if callee.levelled:
            items.append("levels=levels")
        self.layers[node.name] = call(callee.name, items)
        source = self.channels[node.inputs[0]]
        same = row.channels() == source.column
        self.channels[node.output] = source if same else Channels(row.channels())

    # ---- forward

    def _folds(self, node: Node) -> bool:
        return not isinstance(node.target, Call) and RULES[type(node.target)].folds

    def _write(self, node: Node, operands: Sequence[Expression]) -> Expression:
        layer = f"self.{self.attributes[node.name]}"
        if isinstance(node.target, Call):
            levelled = self.plans[self.shared.grouping.group_of[node.target.function]].levelled
            return call(layer, [*(operand.text for operand in operands), *(["level"] if levelled else [])])
        if node.own:
            layer += "[level]"
        form, texts = self.operators[node.name]
        return RULES[type(node.target)].value(form, texts, layer, operands)


def for_each(levels: str, layer: Expression) -> Expression:
    """A layer of its own for each level."""
    return call("nn.ModuleDict", [f"{{level: {layer.text} for level in {levels}}}"])


def _called(node: Node | None) -> str:
    assert node is not None and isinstance(node.target, Call)
    return node.target.function
