"""Network-level settings: from what was written to typed values.

One function a setting, in `READERS`; resolution looks the key up and knows nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from spinedsl.diagnostics import Label, fail, suggested
from spinedsl.ir.binding import check_arguments, positional_names, scalar_of
from spinedsl.ir.expressions import Number, Symbol, Value, check_number, describe, evaluate, plain
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Call, DropPath, ImageInput, Rounding, trusted
from spinedsl.ir.standard import declared_in_library
from spinedsl.ops.activation import FUNCTIONS
from spinedsl.source import Span
from spinedsl.syntax import nodes

MAX_EXTENT = 1 << 16
MAX_REPEAT = 1000
MAX_WIDTH = 1 << 16
NORM_DEFAULTS = {"eps": 1e-3, "momentum": 0.99}


def whole(
    node: nodes.Expression, what: str, least: int, most: int, environment: dict[str, Value] | None = None
) -> int:
    """The whole number an expression stands for.

    Raises:
        DiagnosticError: it is none, or out of range.
    """
    environment = environment or {}
    value = check_number(evaluate(node, environment), node.span, environment)
    if isinstance(value, Fraction) or value < least:
        raise fail(
            "SP030",
            f"{what} must be a whole number of at least {least}, not {describe(value)}",
            node.span,
            help=f"write a whole number from {least} to {most:,}",
        )
    if value > most:
        raise fail(
            "SP002",
            f"{what} of {value:,} is more than the {most:,} allowed",
            node.span,
            help=f"write a whole number from {least} to {most:,}",
        )
    return value


def choice(name: nodes.Name, options: tuple[str, ...], what: str) -> Any:
    """`name` if it is one of the options.

    Raises:
        DiagnosticError: it isn't (SP030).
    """
    if name.text in options:
        return name.text
    raise fail(
        "SP030",
        f"there is no {what} “{name}”",
        name.span,
        **suggested(name.span, name.text, options, f"choose {' or '.join(options)}"),
    )


def definition_of(scope: Scope, name: nodes.Name, kind: str) -> nodes.Definition:
    """The definition of one kind that a name means.

    Raises:
        DiagnosticError: there is none (SP020).
    """
    item = scope.find("definition", name.text)
    if isinstance(item, nodes.Definition) and item.kind == kind:
        return item
    same_kind = [
        n
        for n in scope.names_of("definition")
        if isinstance(d := scope.find("definition", n), nodes.Definition) and d.kind == kind
    ]
    files = declared_in_library(name.text, kind) if item is None else ()
    if files:
        raise fail(
            "SP020", f"“{name}” is declared in a file that isn't imported", name.span,
            help=f'write `import "{files[0]}"` at the top',
        )  # fmt: skip
    what = "kind of block" if kind == "block" else kind
    wrong = f"; “{name}” is a {item.kind}" if isinstance(item, nodes.Definition) else ""
    otherwise = (
        f"known here: {', '.join(sorted(same_kind))}" if same_kind else "import the file that defines it"
    )
    raise fail(
        "SP020",
        f"there is no {what} called “{name}”{wrong}",
        name.span,
        f"a {what} is named here",
        **suggested(name.span, name.text, same_kind, otherwise),
    )


def call_of(node: nodes.Call, definition: nodes.Definition) -> Call:
    """A call with its arguments evaluated and bound to parameter names.

    Raises:
        DiagnosticError: unknown or doubled arguments, or values that are no constants.
    """
    names = positional_names(definition)
    arguments: dict[str, Any] = {}
    for index, argument in enumerate(node.arguments):
        if argument.name is not None:
            name = argument.name.text
        elif index < len(names):
            name = names[index]
        else:
            raise fail(
                "SP031",
                f"“{node.name}” {_takes(names)}",
                argument.span,
                help=f"its parameters are {', '.join(names)}" if names else "leave out the parentheses",
            )
        check_arguments(definition, [name], argument.span)
        if name in arguments:
            raise fail("SP031", f"“{name}” is given twice", argument.span, help="remove one of them")
        value = evaluate(argument.value, {})
        _check_type(definition, name, value, argument.value.span)
        arguments[name] = scalar_of(value)
    return trusted(Call)(name=node.name.text, arguments=arguments, span=node.span)


def _takes(names: Sequence[str]) -> str:
    if not names:
        return "takes no arguments"
    return f"takes at most {len(names)} argument{'s' if len(names) > 1 else ''}"


def _check_type(definition: nodes.Definition, name: str, value: Value, span: Span) -> None:
    """See that an argument is of the type of the parameter's default."""
    parameter = next(p for p in definition.parameters if p.name.text == name)
    default = parameter.default
    if isinstance(default, nodes.Boolean):
        wanted, fits = "true or false", isinstance(value, bool)
    elif isinstance(default, nodes.Reference):
        wanted, fits = "a name", isinstance(value, Symbol)
    else:
        wanted, fits = "a number", isinstance(value, (int, Fraction)) and not isinstance(value, bool)
    if not fits:
        raise fail(
            "SP031",
            f"“{name}” of “{definition.name}” is {wanted}, not {describe(value)}",
            span,
            secondary=[Label(parameter.span, "declared here")],
            help=f"give it {wanted}",
        )


def _constants(node: nodes.Call, known: tuple[str, ...]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for index, argument in enumerate(node.arguments):
        name = argument.name.text if argument.name else known[index] if index < len(known) else ""
        if not name:
            raise fail(
                "SP031",
                f"“{node.name}” {_takes(known)}",
                argument.span,
                help=f"its arguments are {', '.join(known)}" if known else "leave out the parentheses",
            )
        if name not in known:
            raise fail(
                "SP031",
                f"“{node.name}” has no argument “{name}”",
                argument.span,
                **suggested(
                    argument.span,
                    name,
                    known,
                    f"its arguments are {', '.join(known)}" if known else "it takes none",
                ),
            )
        value = check_number(evaluate(argument.value, {}), argument.value.span, {})
        values[name] = plain(value)
    return values


def _norm(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    call = setting.value
    assert isinstance(call, nodes.Call)
    choice(call.name, ("batch",), "norm")
    values = _constants(call, ("eps", "momentum"))
    for name, value in values.items():
        if not 0 < value < 1:
            raise fail(
                "SP030",
                f"“{name}” must lie between 0 and 1, not {value:g}",
                call.span,
                help="write `norm batch(eps = 1e-3, momentum = 0.99)`",
            )
    return {"norm": trusted(Call)(name="batch", arguments={**NORM_DEFAULTS, **values}, span=call.span)}


def _act(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    call = setting.value
    assert isinstance(call, nodes.Call)
    choice(call.name, (*FUNCTIONS, "none"), "activation")
    arguments = _constants(call, ("slope",) if call.name.text == "hard_sigmoid" else ())
    return {"act": trusted(Call)(name=call.name.text, arguments=arguments, span=call.span)}


def _padding(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Name)
    rules = ("symmetric", "same")
    padding = choice(setting.value, rules, "padding")
    pools = setting.flag or padding
    return {
        "padding": padding,
        "pool_padding": choice(nodes.Name(pools, span=setting.span), rules, "padding"),
    }


def _number(setting: nodes.Setting) -> Number:
    node = setting.value
    assert isinstance(node, (nodes.Number, nodes.Boolean, nodes.Reference, nodes.Apply))
    return check_number(evaluate(node, {}), node.span, {})


def _drop_path(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    rate = _number(setting)
    if not 0 <= rate < 1:
        raise fail(
            "SP030",
            f"a drop-path rate must lie between 0 and 1, not {describe(rate)}",
            setting.span,
            help="write `drop_path 0.2 linear`",
        )
    if setting.flag == "constant" and setting.extra is not None:
        raise fail(
            "SP031",
            "a constant drop path has no denominator",
            setting.extra.span,
            help="leave out `of …`, or write `linear`",
        )
    stated = trusted(DropPath)(rate=float(rate), of=setting.extra, span=setting.span)
    return {"drop_path": stated.model_copy(update={"schedule": setting.flag} if setting.flag else {})}


def scheduled(stated: nodes.Setting, drop_path: DropPath, known: DropPath | None) -> DropPath:
    """A drop path of which only a part was stated: the rest stays as it was known.

    A bare rate keeps schedule and denominator, `linear` without `of` keeps the denominator: the
    conventions give both.
    """
    if known is None or stated.extra is not None or stated.flag == "constant":
        return drop_path
    schedule = stated.flag or known.schedule
    return drop_path.model_copy(update={"schedule": schedule, "of": known.of})


def _rounding(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Name)
    policy = choice(setting.value, ("floor", "nearest", "multiple"), "rounding")
    if (policy == "multiple") is (setting.extra is None):
        raise fail(
            "SP031",
            "`rounding multiple` needs a number, the others take none",
            setting.span,
            help="write `rounding multiple 8`, `rounding floor` or `rounding nearest`",
        )
    multiple = 1 if setting.extra is None else whole(setting.extra, "a multiple", 1, MAX_WIDTH)
    return {"rounding": trusted(Rounding)(policy=policy, multiple=multiple)}


def _scale(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    value = _number(setting)
    if not 0 < value <= 1000:
        raise fail(
            "SP030",
            f"a width can't be scaled by {describe(value)}",
            setting.span,
            help="write a number above 0, and up to 1000",
        )
    return {"width_scale": float(value)}


def _repeat(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    return {"repeat": whole(setting.value, "a repeat count", 1, MAX_REPEAT)}  # type: ignore[arg-type]


def _stack(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    return {"stack": whole(setting.value, "a stack", 1, MAX_REPEAT)}  # type: ignore[arg-type]


def _resample(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Call)
    return {"resample": call_of(setting.value, definition_of(scope, setting.value.name, "resampling"))}


def _merge(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Call)
    return {"merge": call_of(setting.value, definition_of(scope, setting.value.name, "merge"))}


def _dangling(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Name)
    return {"dangling": choice(setting.value, ("merge", "prune", "error"), "policy for unread blocks")}


def _sizes(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Name)
    return {"sizes": choice(setting.value, ("exact", "any"), "policy for sizes")}


def extents(size: nodes.Size, count: int, example: str) -> tuple[int, ...]:
    """The numbers of a size, checked.

    Raises:
        DiagnosticError: too few, too many, zero or huge ones.
    """
    if len(size.extents) != count:
        raise fail(
            "SP030",
            f"{count} numbers are needed here, not {len(size.extents)}",
            size.span,
            help=f"write `{example}`",
        )
    for extent in size.extents:
        if extent < 1:
            raise fail("SP030", "a size of 0", size.span, help="every extent is at least 1")
        if extent > MAX_EXTENT:
            raise fail(
                "SP002",
                f"an extent of {extent:,} is more than the {MAX_EXTENT:,} allowed",
                size.span,
                help=f"write `{example}`",
            )
    return size.extents


def _input(setting: nodes.Setting, scope: Scope) -> dict[str, Any]:
    assert isinstance(setting.value, nodes.Size)
    channels, height, width = extents(setting.value, 3, "input 3 x 640 x 640")
    return {"input": trusted(ImageInput)(channels=channels, height=height, width=width, span=setting.span)}


Reader = Callable[[nodes.Setting, Scope], dict[str, Any]]

READERS: dict[str, Reader] = {
    "title": lambda setting, scope: {"title": setting.value},
    "input": _input,
    "scale width": _scale,
    "rounding": _rounding,
    "repeat": _repeat,
    "stack": _stack,
    "resample": _resample,
    "merge": _merge,
    "norm": _norm,
    "act": _act,
    "padding": _padding,
    "drop_path": _drop_path,
    "dangling": _dangling,
    "sizes": _sizes,
}


def default_of(setting: nodes.Setting, scope: Scope, bundled: bool) -> dict[str, Any]:
    """`default NAME(…)`: the values, by parameter.

    A bundle of conventions may speak of definitions that a network has not imported.

    Raises:
        DiagnosticError: no such definition or parameter.
    """
    node = setting.value
    assert isinstance(node, nodes.Call)
    item = scope.find("definition", node.name.text)
    if isinstance(item, nodes.Definition):
        return dict(call_of(node, item).arguments)
    if bundled:
        return {}
    raise fail(
        "SP020",
        f"there is no definition “{node.name}”",
        node.name.span,
        **suggested(
            node.name.span, node.name.text, scope.names_of("definition"), "import the file that defines it"
        ),
    )
