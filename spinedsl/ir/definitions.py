"""The definitions a network needs, and the static check of their bodies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.diagnostics import DiagnosticError, Diagnostics, Label, fail, suggested
from spinedsl.ir.loading import Scope
from spinedsl.ir.names import check_name
from spinedsl.ops.words import WORDS
from spinedsl.syntax import nodes

MAX_SHOWN = 8
PAIR = frozenset({"coarse", "fine"})
"""What a merge of exactly two inputs calls them."""
VALUES = {"merge": {"inputs", "dangling", *PAIR}, "head": {"input", "level", "features"}}
"""What the bodies of a kind find under names, where that is more than `input`."""


def closure(
    roots: Iterable[nodes.Name | str | nodes.Chain], scope: Scope, diagnostics: Diagnostics
) -> tuple[nodes.Definition, ...]:
    """All definitions reached from `roots`, sorted by name, each with its body checked."""
    found: dict[str, nodes.Definition] = {}
    pending: list[str] = []
    for root in roots:
        if isinstance(root, nodes.Chain):
            pending.extend(_parts_of([root], set(), scope, diagnostics))
        else:
            pending.append(str(root))
    while pending:
        name = pending.pop()
        item = scope.find("definition", name)
        if name in found or not isinstance(item, nodes.Definition):
            continue
        found[name] = item
        pending.extend(check_definition(item, scope, diagnostics))
    with diagnostics.absorbing():
        _refuse_recursion(found)
    return tuple(found[name] for name in sorted(found))


def check_definitions(scope: Scope, diagnostics: Diagnostics) -> None:
    """Check the definitions of a file that no network uses yet, too."""
    names = [item.name for item in scope.own if isinstance(item, nodes.Definition)]
    closure(names, scope, diagnostics)


def check_definition(definition: nodes.Definition, scope: Scope, diagnostics: Diagnostics) -> list[str]:
    """Check the names in a body; return the parts it uses."""
    if definition.kind == "block" and definition.result is None:
        diagnostics.add(
            "SP032",
            f"“{definition.name}” doesn't say how many channels it puts out",
            definition.name.span,
            help=f"write `block {definition.name}(width) -> width {{ … }}`",
        )
    if definition.kind == "part" and definition.name.text in WORDS:
        diagnostics.add(
            "SP024", f"“{definition.name}” is an operator already", definition.name.span,
            help="choose another name for the part",
        )  # fmt: skip
    with diagnostics.absorbing():
        check_name(definition.name, definition.kind)
    parameters: set[str] = set()
    for parameter in definition.parameters:
        with diagnostics.absorbing():
            check_name(parameter.name, "parameter")
        if parameter.name.text in parameters:
            diagnostics.add(
                "SP024", f"“{parameter.name}” is a parameter twice", parameter.span, help="rename one"
            )
        parameters.add(parameter.name.text)
    if definition.kind != "head":
        _refuse_head_statements(definition, diagnostics)
    values = VALUES.get(definition.kind, {"input"}) | parameters
    return _parts_of(definition.body.statements, values, scope, diagnostics)


def _refuse_head_statements(definition: nodes.Definition, diagnostics: Diagnostics) -> None:
    """Levels and named outputs are a head's."""
    for statement in nodes.all_statements(definition.body.statements):
        if isinstance(statement, nodes.Each | nodes.Descend | nodes.Output):
            words = {nodes.Each: "each level", nodes.Descend: "from", nodes.Output: "=>"}
            diagnostics.add(
                "SP031",
                f"`{words[type(statement)]}` can stand in a head only, not in a {definition.kind}",
                statement.span,
                help="write a `head`, and let it call this",
            )


def _parts_of(
    statements: Iterable[nodes.Statement], values: set[str], scope: Scope, diagnostics: Diagnostics
) -> list[str]:
    parts = []
    for chain in _chains(statements, values):
        for index, step in enumerate(chain.steps):
            name = step.name.text
            item = scope.find("definition", name)
            if name in WORDS or (index == 0 and name in values):
                continue
            if _is_part(item):
                parts.append(name)
                continue
            wrong = f"; “{name}” is a {item.kind}" if isinstance(item, nodes.Definition) else ""
            known = [*WORDS, *values, *_parts_in(scope)]
            otherwise = f"operators are {', '.join(sorted(WORDS))}"
            meant = suggested(step.name.span, name, known, otherwise)
            if wrong:
                meant = {"help": "write what both need as a `part`", "fix": None}
            diagnostics.add(
                "SP020",
                f"there is no operator or part called “{name}”{wrong}",
                step.name.span,
                **meant,
            )
    return parts


def _parts_in(scope: Scope) -> Iterator[str]:
    for name in scope.names_of("definition"):
        if _is_part(scope.find("definition", name)):
            yield name


def _is_part(item: object) -> bool:
    return isinstance(item, nodes.Definition) and item.kind == "part"


def joins_two(definition: nodes.Definition) -> bool:
    """Whether a merge speaks of `coarse` and `fine`, which only two inputs have."""
    for chain in _chains(definition.body.statements, set()):
        for step in chain.steps:
            named = (a.value.name for a in step.arguments if isinstance(a.value, nodes.Reference))
            if step.name.text in PAIR or not PAIR.isdisjoint(named):
                return True
    return False


def _chains(statements: Iterable[nodes.Statement], values: set[str]) -> Iterator[nodes.Chain]:
    """Every chain, in order; names of side branches join `values` as they appear."""
    for statement in nodes.all_statements(statements):
        if isinstance(statement, nodes.Chain):
            yield statement
        elif isinstance(statement, nodes.Output):
            yield statement.chain
        elif isinstance(statement, nodes.Let):
            yield statement.chain
            values.add(statement.name.text)


def _refuse_recursion(definitions: dict[str, nodes.Definition]) -> None:
    """A part that leads back to itself would never end."""
    uses = {
        name: [
            step.name.text
            for chain in _chains(definition.body.statements, set())
            for step in chain.steps
            if step.name.text not in WORDS and _is_part(definitions.get(step.name.text))
        ]
        for name, definition in definitions.items()
    }
    done: set[str] = set()
    for start in definitions:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif name in on_path:
                raise _circle(definitions, path[path.index(name) :])
            elif name not in done:
                path.append(name)
                on_path.add(name)
                stack.append((name, True))
                stack.extend((used, False) for used in uses[name])


def _circle(definitions: dict[str, nodes.Definition], names: list[str]) -> DiagnosticError:
    circle = [definitions[name].name for name in names]
    # Wherever the search began, a circle is told from where it stands first.
    start = min(range(len(circle)), key=lambda i: (circle[i].span.source.name, circle[i].span.start))
    first, *others = circle[start:] + circle[:start]
    return fail(
        "SP022",
        f"“{first}” uses itself in a circle",
        first.span,
        secondary=[Label(name.span, "by way of this one") for name in others[:MAX_SHOWN]],
        help="a part may only use parts that don't lead back to it",
    )
