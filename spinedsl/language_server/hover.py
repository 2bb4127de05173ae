"""What a name or word is, for a pointer that rests on it: Markdown, and the place it is about."""

from __future__ import annotations

from spinedsl.analysis.summary import Row
from spinedsl.language_server import vocabulary
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.context import context_at
from spinedsl.language_server.outline import enclosing
from spinedsl.language_server.proposals import heading
from spinedsl.language_server.scanning import Token, scan
from spinedsl.language_server.symbols import Occurrence, file_of
from spinedsl.ops.words import WORDS
from spinedsl.passes.tasks import TASKS
from spinedsl.source import Span
from spinedsl.syntax import nodes
from spinedsl.syntax.printer import expression

Hover = tuple[Span, str]


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """What stands at an offset, in Markdown; None if there is nothing to say."""
    found = analysis.occurrences.at(offset)
    if found is not None:
        text = _of_occurrence(found, analysis)
        if text:
            return found.span, text
    token = _word_at(analysis.source.text, offset)
    if token is None:
        return None
    meaning = _of_word(token, analysis.source.text)
    return None if meaning is None else (Span(analysis.source, token.start, token.end), meaning)


def _word_at(text: str, offset: int) -> Token | None:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    for token in scan(text, start, len(text) if end < 0 else end):
        if token.start <= offset <= token.end and token.kind == "name":
            return token
    return None


def _of_word(token: Token, text: str) -> str | None:
    """A keyword, by where it stands."""
    place = context_at(text, token.start).frame.kind
    meaning = vocabulary.keyword(token.text, place)
    if meaning is None:
        return None
    return f"**{token.text}**: {meaning.text}" + (f"\n\n{_code(meaning.example)}" if meaning.example else "")


def _code(text: str) -> str:
    return f"```spine\n{text}\n```"


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


# ---- by what is named


def _of_occurrence(found: Occurrence, analysis: Analysis) -> str:
    node, symbol = found.node, found.symbol
    if symbol.kind in ("block", "endpoint") and isinstance(node, nodes.Block | nodes.Feature):
        return _of_block(found, node, analysis)
    if isinstance(node, nodes.Import):
        return f"`{node.path}`"
    if isinstance(node, nodes.Parameter):
        default = "" if node.default is None else f" = {expression(node.default)}"
        return _joined(_code(f"{symbol.name}{default}"), f"a parameter of `{symbol.owner}`")
    if isinstance(node, nodes.Let):
        return _joined(_code(node.span.text), "a side branch")
    if isinstance(node, nodes.Network | nodes.Model):
        return _joined(_code(heading(node)), _prose(node.doc), _totals(node.name.text, analysis))
    if isinstance(node, nodes.Definition | nodes.Conventions | nodes.Space):
        body = node.span.text if isinstance(node, nodes.Conventions | nodes.Space) else heading(node)
        return _joined(_code(body), _prose(node.doc), _declared_in(found, analysis))
    return _of_language(found)


def _prose(doc: str) -> str:
    """Documentation as Markdown that shows it as it was written."""
    return "".join(f"\\{c}" if c in "\\*_{}[]<>#|" else c for c in doc)


def _declared_in(found: Occurrence, analysis: Analysis) -> str:
    if found.target is None or file_of(found.target.source) == file_of(analysis.source):
        return ""
    return f"declared in `{found.target.source.name}`"


def _totals(name: str, analysis: Analysis) -> str:
    summary = analysis.summaries.get(name)
    if summary is None:
        return ""
    sizes = ", ".join(str(shape) for shape in summary.input_shapes.values())
    return f"{summary.parameters:,} parameters · {_macs(summary.macs)} at {sizes}"


def _macs(number: int) -> str:
    for unit, size in (("GMACs", 10**9), ("MMACs", 10**6), ("kMACs", 10**3)):
        if number >= size:
            return f"{number / size:,.2f} {unit}"
    return f"{number} MACs"


def _of_block(found: Occurrence, node: nodes.Block | nodes.Feature, analysis: Analysis) -> str:
    numbers = ""
    row = row_of(found, analysis)
    if row is not None:
        facts = [f"{row.shape.channels}×{row.shape.height}×{row.shape.width}"]
        if row.parameters:
            facts.append(f"{row.parameters:,} parameters")
        if row.macs:
            facts.append(_macs(row.macs))
        numbers = " · ".join(facts)
    return _joined(_code(" ".join(node.span.text.split())), numbers, _prose(comment_above(node.span)))


def row_of(found: Occurrence, analysis: Analysis) -> Row | None:
    """The numbers of a block or endpoint, in the network that names it there, else in its own."""
    around = enclosing(analysis.items, found.span.start)
    owners = [around.name.text] if isinstance(around, nodes.Network) else []
    for owner in (*owners, found.symbol.owner):
        summary = analysis.summaries.get(owner)
        for row in summary.rows if summary is not None else ():
            if row.name == found.symbol.name:
                return row
    return None


def comment_above(span: Span) -> str:
    """The comment lines right above a place, without their signs; else the comment behind it."""
    lines: list[str] = []
    number = span.line - 1
    while number > 0 and (text := span.source.line(number).strip()).startswith("#"):
        lines.append(text.lstrip("#").strip())
        number -= 1
    if lines:
        return "\n".join(reversed(lines))
    end = span.source.text.find("\n", span.end)
    behind = span.source.text[span.end : end if end >= 0 else None].strip()
    return behind.lstrip("#").strip() if behind.startswith("#") else ""


def _of_language(found: Occurrence) -> str:
    name, owner = found.symbol.name, found.symbol.owner
    kind = found.symbol.kind
    if kind == "operator":
        return _joined(_code(WORDS[name].example), vocabulary.OPERATORS[name], _arguments(name))
    if kind == "task" and name in TASKS:
        return _joined(_code(TASKS[name].example), vocabulary.TASKS[name])
    if kind == "quantity":
        return f"**{name}**: {vocabulary.QUANTITIES[name]}"
    if kind == "function":
        text = vocabulary.ARITHMETIC.get(name) or vocabulary.STEM_FUNCTIONS.get(name)
        return f"**{name}**: {text}" if text else ""
    if kind == "option":
        return f"**{name}**: an argument of `{owner}`"
    if kind == "value" and name in vocabulary.VALUES.get(owner, {}):
        return f"**{name}**: {vocabulary.VALUES[owner][name]}"
    return _given(name)


def _arguments(operator: str) -> str:
    lines = []
    for name, argument in WORDS[operator].arguments.items():
        choices = f", one of {', '.join(argument.choices)}" if argument.choices else ""
        preset = "" if argument.default is None else f", {str(argument.default).lower()} unless stated"
        lines.append(f"* `{name}`: {argument.type}{choices}{preset}")
    return "\n".join(lines)


def _given(name: str) -> str:
    """What a body finds under a name."""
    base = name.partition(".")[0]
    texts = dict.fromkeys(table[base] for table in vocabulary.GIVEN.values() if base in table)
    return f"**{name}**: {' Or: '.join(texts)}" if texts else ""
