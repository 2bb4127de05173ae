"""Syntax model to text: the canonical form, in which `show` prints every stage.

Layout only; comments other than documentation are the business of a formatter.
"""

from __future__ import annotations

from collections.abc import Iterable

from spinedsl.syntax import nodes

WIDTH = 100
INDENT = "  "
_PRECEDENCE = {
    "or": 1, "and": 2, "not": 3,
    "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "negative": 7,
}  # fmt: skip
_ATOM = 9


def expression(node: nodes.Expression, at_least: int = 0) -> str:
    """Text of an expression, in parentheses if it binds weaker than `at_least`."""
    if isinstance(node, nodes.Number):
        return node.text
    if isinstance(node, nodes.Boolean):
        return "true" if node.value else "false"
    if isinstance(node, nodes.Reference):
        return node.name
    level = _PRECEDENCE.get(node.function)
    if level is None:
        return f"{node.function}({', '.join(expression(o) for o in node.operands)})"
    if node.function == "negative":
        text = f"-{expression(node.operands[0], level)}"
    elif node.function == "not":
        text = f"not {expression(node.operands[0], level)}"
    else:
        left, right = node.operands
        # Comparisons don't chain; the others group to the left.
        left_level = level + 1 if level == 4 else level
        text = f"{expression(left, left_level)} {node.function} {expression(right, level + 1)}"
    return f"({text})" if level < at_least else text


def arguments(items: tuple[nodes.Argument, ...]) -> str:
    """`(a, b = c)`, or nothing if there are none."""
    if not items:
        return ""
    return "(" + ", ".join(_argument(item) for item in items) + ")"


def _argument(item: nodes.Argument) -> str:
    value = expression(item.value)
    return value if item.name is None else f"{item.name} = {value}"


def call(node: nodes.Call) -> str:
    """`cross_scale(alpha = 0.5)`."""
    return f"{node.name}{arguments(node.arguments)}"


def step(node: nodes.Step) -> str:
    """`conv(bias = true) 3x3 / 2 -> 64`."""
    parts = [f"{node.name}{arguments(node.arguments)}"]
    if node.kernel is not None:
        parts.append("{}x{}".format(*node.kernel))
    if node.stride is not None:
        parts.append(f"/ {expression(node.stride, _ATOM)}")
    if node.result is not None:
        parts.append(f"-> {expression(node.result)}")
    return " ".join(parts)


def chain(node: nodes.Chain) -> str:
    """Steps with commas between them."""
    return ", ".join(step(s) for s in node.steps)


def body(node: nodes.Body, indent: str) -> str:
    """Statements in braces; the opening brace stands on the current line."""
    if not node.statements:
        return "{}"
    inner = indent + INDENT
    lines = "".join(f"{inner}{statement(s, inner)}\n" for s in node.statements)
    return "{\n" + lines + indent + "}"


def statement(node: nodes.Statement, indent: str = "") -> str:
    """A statement of a body; its own body is indented further."""
    if isinstance(node, nodes.Chain):
        return chain(node)
    if isinstance(node, nodes.Let):
        return f"{node.name} = {chain(node.chain)}"
    if isinstance(node, nodes.Output):
        return f"{chain(node.chain)} => {node.name}"
    if isinstance(node, nodes.Loop):
        return f"repeat {expression(node.count)} {body(node.body, indent)}"
    if isinstance(node, nodes.Each):
        return f"each level {body(node.body, indent)}"
    if isinstance(node, nodes.Descend):
        return f"from {node.start} {body(node.body, indent)}"
    text = f"when {expression(node.condition)} {body(node.body, indent)}"
    if node.otherwise is not None:
        text += f" else {body(node.otherwise, indent)}"
    return text


def definition(node: nodes.Definition) -> str:
    """A whole `block`, `resampling`, `merge`, `part` or `head`, with its documentation above."""
    return f"{doc(node.doc)}{definition_head(node)} {body(node.body, '')}\n"


def definition_head(node: nodes.Definition) -> str:
    """What stands before its body."""
    parameters = ", ".join(
        f"{p.name}" if p.default is None else f"{p.name} = {expression(p.default)}" for p in node.parameters
    )
    head = f"{node.kind} {node.name}"
    head += f"({parameters})" if parameters else ""
    head += f" -> {expression(node.result)}" if node.result is not None else ""
    return head + (f" -> {call(node.task)}" if node.task is not None else "")


def doc(text: str) -> str:
    """Documentation as comment lines."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.split("\n")) if text else ""


def setting(node: nodes.Setting) -> str:
    """One declaration with its value."""
    value = node.value
    word = "default" if node.key.startswith("default ") else node.key
    if isinstance(value, str):
        return f'{word} "{value}"'
    if isinstance(value, nodes.Call):
        text = call(value)
    elif isinstance(value, nodes.Name):
        text = value.text
    elif isinstance(value, nodes.Size):
        text = size(value.extents)
    else:
        text = expression(value)
    if node.key == "padding" and node.flag:
        text += f" pools {node.flag}"
    elif node.flag:
        text += f" {node.flag}" + (f" of {expression(node.extra)}" if node.extra else "")
    elif node.extra is not None:
        text += f" {expression(node.extra)}"
    return f"{word} {text}"


def size(extents: tuple[int, ...]) -> str:
    """`3 x 640 x 640`."""
    return " x ".join(str(extent) for extent in extents)


def levels(node: nodes.Levels) -> str:
    """`4` or `4..7`."""
    return str(node.first) if node.first == node.last else f"{node.first}..{node.last}"


def block(node: nodes.Block) -> str:
    """One block, on one line."""
    text = f"{node.name}: {call(node.kind)} @{node.level.text}"
    for option in node.options:
        value = call(option.value) if isinstance(option.value, nodes.Call) else expression(option.value)
        text += f" {option.key} {value}"
    if node.connections:
        arrows = (f"{c.source} via {call(c.via)}" if c.via else f"{c.source}" for c in node.connections)
        text += f" <- {', '.join(arrows)}"
    return text + (f" => {node.endpoint}" if node.endpoint else "")


def _stem(node: nodes.Stem) -> str:
    lines = [chain(i) if isinstance(i, nodes.Chain) else block(i) for i in node.items]
    return "stem {\n" + "".join(f"{INDENT * 2}{line}\n" for line in lines) + INDENT + "}"


def _endpoints(node: nodes.Endpoints) -> str:
    text = "endpoints"
    text += f" {levels(node.levels)}" if node.levels else ""
    text += f" via {call(node.via)}" if node.via else ""
    return text + (f" -> {expression(node.channels)}" if node.channels is not None else "")


def _expect(node: nodes.Expect) -> str:
    text = f"expect {node.quantity}{arguments(node.arguments)}"
    text += f" for {node.target}" if node.target else ""
    value = size(node.value.extents) if isinstance(node.value, nodes.Size) else expression(node.value)
    return f"{text} = {value}" + (f" within {node.within.text}" if node.within else "")


def declaration(node: nodes.Declaration) -> str:
    """One declaration of a network, indented for its place in the braces."""
    if isinstance(node, nodes.Setting):
        return setting(node)
    if isinstance(node, nodes.Block):
        return block(node)
    if isinstance(node, nodes.Stem):
        return _stem(node)
    if isinstance(node, nodes.Endpoints):
        return _endpoints(node)
    if isinstance(node, nodes.Expect):
        return _expect(node)
    if isinstance(node, nodes.Without):
        return f"without {', '.join(n.text for n in node.names)}"
    if isinstance(node, nodes.Widths):
        entries = (f"{levels(e.levels)}: {expression(e.channels)}" for e in node.entries)
        return f"width {{ {', '.join(entries)} }}"
    lines = "".join(f"{INDENT * 2}{f.name} @{f.level} -> {expression(f.channels)}\n" for f in node.features)
    return f"input of {size(node.size.extents)} {{\n{lines}{INDENT}}}"


def network(node: nodes.Network) -> str:
    """A whole network, with its documentation above."""
    extends = f" extends {node.extends}" if node.extends else ""
    lines = "".join(f"{INDENT}{declaration(d)}\n" for d in node.declarations)
    return f"{doc(node.doc)}network {node.name}{extends} {{\n{lines}}}\n"


def model_declaration(node: nodes.ModelDeclaration) -> str:
    """One declaration of a model."""
    if isinstance(node, nodes.Part):
        return f"{node.role} {node.network}"
    if isinstance(node, nodes.UseHead):
        return f"head {call(node.call)}"
    return declaration(node)


def model(node: nodes.Model) -> str:
    """A whole model, with its documentation above."""
    extends = f" extends {node.extends}" if node.extends else ""
    lines = "".join(f"{INDENT}{model_declaration(d)}\n" for d in node.declarations)
    return f"{doc(node.doc)}model {node.name}{extends} {{\n{lines}}}\n"


def _conventions(node: nodes.Conventions) -> str:
    lines = "".join(f"{INDENT}{setting(s)}\n" for s in node.settings)
    return f"{doc(node.doc)}conventions {node.name} {{\n{lines}}}\n"


def space_rule(rule: nodes.SpaceRule) -> str:
    """One rule of a search space."""
    if isinstance(rule, nodes.Permute):
        return f"permute {', '.join(g.text for g in rule.groups)}"
    if isinstance(rule, nodes.Connect):
        window = "earlier" if rule.last is None else f"last {rule.last.text}"
        group = f" for {rule.group}" if rule.group else ""
        return f"connect {rule.count.text} from {window}{group}"
    if isinstance(rule, nodes.Adjust):
        group = f" for {rule.group}" if rule.group else ""
        return f"adjust {rule.attribute} {'by' if rule.relative else 'to'} {_values(rule.values)}{group}"
    if isinstance(rule, nodes.Choose):
        return f"choose {rule.setting} from {_values(rule.values)}"
    if isinstance(rule, nodes.Freeze):
        return f"freeze {', '.join(part.text for part in rule.parts)}"
    return f"require {expression(rule.condition)}"


def _values(values: Iterable[nodes.SpaceValue]) -> str:
    return f"{{{', '.join(_value(value) for value in values)}}}"


def _value(value: nodes.SpaceValue) -> str:
    if isinstance(value, nodes.Call):
        return call(value)
    return size(value.extents) if isinstance(value, nodes.Size) else expression(value)


def space(node: nodes.Space) -> str:
    """A search space, with its documentation above."""
    lines = "".join(f"{INDENT}{space_rule(r)}\n" for r in node.rules)
    return f"{doc(node.doc)}{space_head(node)} {{\n{lines}}}\n"


def space_head(node: nodes.Space) -> str:
    """`space adjusted of best extends spinenet`."""
    extends = f" extends {node.extends}" if node.extends else ""
    return f"space {node.name} of {node.seed}{extends}"


def item(node: nodes.Item) -> str:
    """One item of a file, ending in a newline."""
    if isinstance(node, nodes.Import):
        return f'import "{node.path}"\n'
    if isinstance(node, nodes.Definition):
        return definition(node)
    if isinstance(node, nodes.Network):
        return network(node)
    if isinstance(node, nodes.Model):
        return model(node)
    if isinstance(node, nodes.Conventions):
        return _conventions(node)
    return space(node)


def file(node: nodes.File) -> str:
    """A whole file: imports together, one empty line between the other items."""
    text = ""
    previous: nodes.Item | None = None
    for current in node.items:
        together = isinstance(previous, nodes.Import) and isinstance(current, nodes.Import)
        text += ("" if previous is None or together else "\n") + item(current)
        previous = current
    return text
