"""The rules of a search space: from what was written to typed values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from spinedsl.diagnostics import DiagnosticError, fail, suggested, suggestion
from spinedsl.ir.adjusting import ATTRIBUTES, RELATIVE, group_of
from spinedsl.ir.binding import scalar_of
from spinedsl.ir.expressions import Symbol, check_number, evaluate, plain
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import (
    Adjustment,
    Call,
    Choice,
    Group,
    Network,
    Requirement,
    Scalar,
    Window,
    trusted,
)
from spinedsl.ir.settings import MAX_REPEAT, MAX_WIDTH, READERS, call_of, choice, definition_of, whole
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

GROUPS: tuple[Group, ...] = ("intermediate", "output")
CHOOSABLE: Mapping[str, tuple[str, str]] = {
    "act": ("act", "{relu, swish}"),
    "endpoints": ("endpoints", "{192, 256}"),
    "input": ("input", "{3 x 512 x 512, 3 x 640 x 640}"),
    "merge": ("merge", "{sum, weighted}"),
    "repeat": ("repeat", "{1, 2}"),
    "resample": ("resample", "{cross_scale(alpha = 0.5), cross_scale(alpha = 1)}"),
    "scale width": ("width_scale", "{0.65, 1}"),
    "stack": ("stack", "{1, 2}"),
}
"""Settings that can be chosen: the field of the network, and how their values are written."""
QUANTITIES: Mapping[str, tuple[int, ...]] = {
    "params": (0,),
    "macs": (0, 1, 2),
    "memory": (0, 1, 2),
    "depth": (0,),
    "levels": (0,),
    "blocks": (0, 1),
}
"""What can be required, and how many arguments it takes."""
MAX_OFFSET = 62
MAX_WINDOW = 10_000
MAX_PARENTS = 64


def group_named(name: nodes.Name) -> Any:
    """The group of blocks that a name means.

    Raises:
        DiagnosticError: there is none (SP030).
    """
    return choice(name, GROUPS, "group of blocks")


@record
class Reader:
    """Reads the rules of one space.

    Attributes:
        adjusted: all its `adjust` rules: which kinds there are says which parameters there are.
    """

    scope: Scope
    seed: Network
    adjusted: tuple[nodes.Adjust, ...]

    def window(self, rule: nodes.Connect) -> Window:
        """`connect 2 from last 5 for intermediate`."""
        return trusted(Window)(
            count=whole(rule.count, "a number of inputs", 1, MAX_PARENTS),
            last=None if rule.last is None else whole(rule.last, "a window", 1, MAX_WINDOW),
            group=None if rule.group is None else group_named(rule.group),
            span=rule.span,
        )

    def adjustment(self, rule: nodes.Adjust) -> Adjustment:
        """`adjust level by {-1, 0, 1, 2}`."""
        attribute = rule.attribute.text
        group = None if rule.group is None else group_named(rule.group)
        self._check_manner(rule)
        if attribute == "level":
            if group == "output":
                raise fail(
                    "SP030", "output blocks keep their levels", rule.span,
                    help="leave out `for output`: intermediate blocks are adjusted",
                )  # fmt: skip
            group = "intermediate"
        read, default = self._of(attribute, group, rule)
        values = tuple(read(value) for value in rule.values)
        _refuse_twice(values, rule.values)
        return trusted(Adjustment)(
            attribute=attribute,
            relative=rule.relative,
            values=values,
            group=group,
            default=default,
            span=rule.span,
        )

    def _check_manner(self, rule: nodes.Adjust) -> None:
        """`by` is for what is counted from the seed's."""
        attribute = rule.attribute.text
        if rule.relative and attribute not in RELATIVE:
            raise fail(
                "SP030", f"“{attribute}” is adjusted `to` values, not `by` them", rule.span,
                help=f"write `adjust {attribute} to {{…}}`",
            )  # fmt: skip
        if attribute == "level" and not rule.relative:
            raise fail(
                "SP030", "levels are adjusted `by` offsets", rule.span,
                help="write `adjust level by {-1, 0, 1, 2}`",
            )  # fmt: skip

    def _of(
        self, attribute: str, group: str | None, rule: nodes.Adjust
    ) -> tuple[Callable[[nodes.SpaceValue], Call | Scalar], Scalar | None]:
        """What reads a value of an attribute, and what the attribute is where it isn't stated."""
        match attribute:
            case "level":
                return (lambda v: _whole(v, "a level adjustment", -MAX_OFFSET, MAX_OFFSET)), None
            case "width" if rule.relative:
                return _factor, None
            case "width":
                return (lambda v: _whole(v, "a width", 1, MAX_WIDTH)), None
            case "repeat":
                return (lambda v: _whole(v, "a repeat count", 1, MAX_REPEAT)), None
            case "kind":
                return (lambda v: self._call(v, "block")), None
            case "merge":
                return (lambda v: self._call(v, "merge")), None
            case "resample":
                return (lambda v: self._call(v, "resampling")), None
        return self._parameter(rule, group)

    def _parameter(
        self, rule: nodes.Adjust, group: str | None
    ) -> tuple[Callable[[nodes.SpaceValue], Scalar], Scalar | None]:
        """A parameter that all kinds of a group have."""
        name = rule.attribute
        definitions = [self._definition(kind) for kind in self._kinds(group)]
        for definition in definitions:
            known = [p.name.text for p in definition.parameters if p.name.text != "width"]
            if name.text not in known:
                raise fail(
                    "SP020", f"“{definition.name}” has no “{name}” to adjust", name.span,
                    **suggested(
                        name.span, name.text, (*ATTRIBUTES, *known),
                        f"adjust {', '.join(ATTRIBUTES)}, or a parameter that all kinds have",
                    ),
                )  # fmt: skip

        def read(value: nodes.SpaceValue) -> Scalar:
            node: nodes.SpaceValue | nodes.Reference = value
            if isinstance(node, nodes.Call) and not node.arguments:
                node = nodes.Reference(node.name.text, span=node.span)
            if not isinstance(node, nodes.Number | nodes.Boolean | nodes.Reference | nodes.Apply):
                raise fail("SP030", f"“{name}” can't be that", value.span, help="write a number or a name")
            for definition in definitions:
                argument = nodes.Argument(name, node, span=node.span)
                call_of(nodes.Call(definition.name, (argument,), span=node.span), definition)
            return scalar_of(evaluate(node, {}))

        return read, _default(definitions[0], name.text)

    def _kinds(self, group: str | None) -> Iterator[str]:
        """The kinds that blocks of a group may have."""
        rules = [r for r in self.adjusted if r.attribute.text == "kind"]
        for rule in rules:
            if group is None or rule.group is None or rule.group.text == group:
                yield from (v.name.text for v in rule.values if isinstance(v, nodes.Call))
        spoken_of = {None if rule.group is None else rule.group.text for rule in rules}
        for block in self.seed.blocks:
            if group in (None, group_of(block)) and not spoken_of & {None, group_of(block)}:
                yield block.kind.name

    def _definition(self, kind: str) -> nodes.Definition:
        found = self.scope.find("definition", kind)
        # The seed may be from a file whose names aren't in scope here.
        return found if isinstance(found, nodes.Definition) else self.seed.definition(kind)

    def _call(self, value: nodes.SpaceValue, kind: str) -> Call:
        if not isinstance(value, nodes.Call):
            raise fail("SP030", f"a {kind} is named here", value.span, help="write its name")
        return call_of(value, definition_of(self.scope, value.name, kind))

    def choice(self, rule: nodes.Choose) -> Choice:
        """`choose scale width from {0.65, 1}`."""
        name = rule.setting
        if name.text not in CHOOSABLE:
            raise fail(
                "SP030", f"“{name}” can't be chosen", name.span,
                **suggested(name.span, name.text, CHOOSABLE, f"choose {', '.join(CHOOSABLE)}"),
            )  # fmt: skip
        field, _ = CHOOSABLE[name.text]
        values = tuple(self._setting(name.text, field, value) for value in rule.values)
        _refuse_twice(values, rule.values)
        return trusted(Choice)(setting=name.text, field=field, values=values, span=rule.span)

    def _setting(self, setting: str, field: str, value: nodes.SpaceValue) -> Any:
        kinds: Any = nodes.Number | nodes.Apply
        if setting in ("act", "merge", "resample"):
            kinds = nodes.Call
        elif setting == "input":
            kinds = nodes.Size
        if not isinstance(value, kinds):
            example = f"choose {setting} from {CHOOSABLE[setting][1]}"
            raise fail("SP030", f"“{setting}” can't be that", value.span, help=f"write `{example}`")
        if setting == "endpoints":
            endpoints = self.seed.endpoints
            rule = endpoints.rule or trusted(Call)(name="endpoint", span=value.span)
            channels = whole(value, "a number of channels", 1, MAX_WIDTH)
            return endpoints.model_copy(update={"channels": channels, "rule": rule})
        return READERS[setting](nodes.Setting(setting, value, span=value.span), self.scope)[field]


def read_requirement(rule: nodes.Require) -> Requirement:
    """`require macs(640) <= 30G`."""
    condition = rule.condition
    logical = ("and", "or", "not", "<=", ">=", "<", ">", "==", "!=")
    if not isinstance(condition, nodes.Apply) or condition.function not in logical:
        raise fail(
            "SP030", "a requirement compares something", condition.span,
            help="write `require params <= 30M`, or `require macs(640) <= 30G`",
        )  # fmt: skip
    for node in quantities_in(condition):
        _check_quantity(node)
    return trusted(Requirement)(condition=condition, span=rule.span)


def quantities_in(node: nodes.Expression) -> Iterator[nodes.Reference | nodes.Apply]:
    """Every name and every function of the network in a condition: `params`, `macs(640)`."""
    if isinstance(node, nodes.Reference):
        yield node
    elif isinstance(node, nodes.Apply):
        if node.function in QUANTITIES or (node.function not in _FUNCTIONS and node.function.isidentifier()):
            yield node
        else:
            for operand in node.operands:
                yield from quantities_in(operand)


_FUNCTIONS = frozenset(
    {"and", "or", "not", "negative", "floor", "ceil", "round", "abs", "min", "max", "multiple"}
)


def _check_quantity(node: nodes.Reference | nodes.Apply) -> None:
    name, given = (node.name, 0) if isinstance(node, nodes.Reference) else (node.function, len(node.operands))
    if name not in QUANTITIES:
        raise fail(
            "SP020", f"“{name}” is nothing that can be required", node.span,
            help=suggestion(name, QUANTITIES, f"requirements are about {', '.join(QUANTITIES)}"),
        )  # fmt: skip
    if given not in QUANTITIES[name]:
        example = "blocks(5)" if name == "blocks" else f"{name}(640)" if given else name
        raise fail(
            "SP031", f"“{name}” doesn't take {given} argument{'s' * (given != 1)}", node.span,
            help=f"write `{example if max(QUANTITIES[name]) else name}`",
        )  # fmt: skip
    if isinstance(node, nodes.Apply):
        for operand in node.operands:
            whole(
                operand, "a level" if name == "blocks" else "an extent", 0 if name == "blocks" else 1, 1 << 16
            )


def _whole(value: nodes.SpaceValue, what: str, least: int, most: int) -> int:
    if isinstance(value, nodes.Number | nodes.Apply):
        return whole(value, what, least, most)
    raise fail("SP030", f"{what} is a whole number", value.span, help="write `{1, 2}`")


def _factor(value: nodes.SpaceValue) -> int | float:
    if not isinstance(value, nodes.Number | nodes.Apply):
        raise fail("SP030", "a width is adjusted by a factor", value.span, help="write `{0.75, 1, 1.25}`")
    factor = check_number(evaluate(value, {}), value.span, {})
    if not 0 < factor <= 1000:
        raise fail(
            "SP030", f"a width can't be multiplied by {float(factor):g}", value.span,
            help="write a number above 0, and up to 1000",
        )  # fmt: skip
    return plain(factor)


def _default(definition: nodes.Definition, parameter: str) -> Scalar | None:
    """What a parameter is where a block doesn't state it; None if that depends on something."""
    node = next(p.default for p in definition.parameters if p.name.text == parameter)
    if node is None:
        return None
    try:
        value = evaluate(node, {})
    except DiagnosticError:
        return None
    return scalar_of(value) if isinstance(value, (bool, int, Fraction, Symbol)) else None


def _refuse_twice(values: Iterable[Any], written: Iterable[nodes.SpaceValue]) -> None:
    seen: list[Any] = []
    for value, node in zip(values, written, strict=True):
        if value in seen:
            raise fail("SP024", f"“{_text(node.span)}” is there twice", node.span, help="remove one of them")
        seen.append(value)


def _text(span: Span) -> str:
    return " ".join(span.text.split())
