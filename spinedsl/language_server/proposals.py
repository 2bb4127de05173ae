"""What completion can propose, by what it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from spinedsl.ir.loading import Named, kind_of
from spinedsl.language_server import vocabulary
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.context import Context
from spinedsl.language_server.nearby import blocks_before, branches_before, parameters_before
from spinedsl.language_server.symbols import Names
from spinedsl.language_server.vocabulary import Word
from spinedsl.ops.words import WORDS
from spinedsl.records import record
from spinedsl.syntax import nodes
from spinedsl.syntax.printer import definition_head

MAX_LEVEL = 12


@record
class Proposal:
    """Something that could be written.

    Attributes:
        label: what it is called, and what is written unless `snippet` says otherwise.
        kind: what it is: `keyword`, `block`, `definition`, `value`, `file`, …
        detail: in a few words, beside the label.
        text: documentation, Markdown.
        snippet: with places to fill in.
    """

    label: str
    kind: str
    detail: str = ""
    text: str = ""
    snippet: str = ""


Rule = Callable[[Context, Analysis], Iterable[Proposal]]


def keywords(table: Mapping[str, Word]) -> Iterator[Proposal]:
    """Words of the language."""
    for word, meaning in table.items():
        label = "scale width" if word == "scale" and meaning.snippet else word
        yield Proposal(label, "keyword", meaning.example, meaning.text, meaning.snippet)


def words(table: Mapping[str, str], kind: str) -> Iterator[Proposal]:
    """Words with a meaning each."""
    return (Proposal(word, kind, "", text) for word, text in table.items())


def items(kind: str) -> Rule:
    """Items in scope: networks and models where either can stand."""

    def propose(context: Context, analysis: Analysis) -> Iterator[Proposal]:
        model = context.last() == "extends" and any(t.text == "model" for t in context.before[-3:])
        for name in analysis.scope.names_of(kind):
            item = analysis.scope.find(kind, name)
            if kind == "network" and isinstance(item, nodes.Model) is not model:
                continue
            # What is being declared at the place itself is of no use there.
            if item is not None and name not in (context.frame.name, context.last(2)):
                yield _of_item(item)

    return propose


def definitions(*kinds: str) -> Rule:
    """Definitions in scope, of some kinds."""

    def propose(context: Context, analysis: Analysis) -> Iterator[Proposal]:
        for name in analysis.scope.names_of("definition"):
            item = analysis.scope.find("definition", name)
            if isinstance(item, nodes.Definition) and item.kind in kinds:
                yield _of_item(item)

    return propose


def _of_item(item: Named) -> Proposal:
    snippet = ""
    if isinstance(item, nodes.Definition):
        needed = [
            p.name.text for p in item.parameters if p.default is None and p.name.text not in _given(item)
        ]
        if needed:
            filled = ", ".join(f"{name} = ${index}" for index, name in enumerate(needed, 1))
            snippet = f"{item.name}({filled})"
    return Proposal(item.name.text, word_for(item), heading(item), item.doc, snippet)


def _given(definition: nodes.Definition) -> Iterable[str]:
    return vocabulary.GIVEN.get(definition.kind, {})


def word_for(item: Named) -> str:
    """What an item is, in a word."""
    if isinstance(item, nodes.Definition):
        return item.kind
    return "model" if isinstance(item, nodes.Model) else kind_of(item)


def heading(item: Named) -> str:
    """An item's first line, without its body."""
    if isinstance(item, nodes.Definition):
        return definition_head(item)
    if isinstance(item, nodes.Network | nodes.Model) and item.extends is not None:
        return f"{word_for(item)} {item.name} extends {item.extends}"
    if isinstance(item, nodes.Space):
        return f"space {item.name} of {item.seed}"
    return f"{word_for(item)} {item.name}"


def values(owner: str) -> Rule:
    """Words that a setting takes; `given` and `stem`: names that stand for values."""

    def propose(context: Context, analysis: Analysis) -> Iterator[Proposal]:
        if owner == "stem":
            yield from words(vocabulary.STEM_FUNCTIONS, "function")
        elif owner == "given":
            yield from _given_names(context)
        else:
            yield from words(vocabulary.VALUES.get(owner, {}), "value")

    return propose


def _given_names(context: Context) -> Iterator[Proposal]:
    """What an expression of a body can name."""
    frame = context.within("body", "parameters")
    if frame is not None:
        yield from words(vocabulary.GIVEN.get(frame.definition, {}), "value")
        yield from (Proposal(name, "parameter", f"of {frame.name}") for name in parameters_before(context))
    yield from (Proposal(name, "local", "side branch") for name in branches_before(context))
    yield from words(vocabulary.ARITHMETIC, "function")


def steps(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """Operators, parts and side branches."""
    for word, text in vocabulary.OPERATORS.items():
        yield Proposal(word, "operator", WORDS[word].example, text)
    yield from definitions("part")(context, analysis)
    if context.frame.kind == "body":
        yield from (Proposal(name, "local", "side branch") for name in branches_before(context))
        if context.frame.definition in ("merge", "resampling", "block", "part"):
            inputs = vocabulary.GIVEN[context.frame.definition]
            yield from words(
                {k: v for k, v in inputs.items() if k in ("input", "inputs", "coarse", "fine")}, "value"
            )


def sources(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """What a block can read here: what its network inherits, and what stands above it in the text."""
    readable = {p.label: p for p in _inherited(context, analysis)}
    readable |= {name: Proposal(name, "block", detail) for name, detail in blocks_before(context).items()}
    return iter(readable.values())


def removable(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """Blocks that a network inherits, without those of its stem."""
    return _inherited(
        context, analysis, lambda node: isinstance(node, nodes.Block) and bool(node.connections)
    )


def _inherited(
    context: Context, analysis: Analysis, wanted: Callable[[nodes.Node], bool] = lambda node: True
) -> Iterator[Proposal]:
    frame = context.within("network")
    parent = None if frame is None else analysis.scope.find("network", frame.extends)
    if isinstance(parent, nodes.Network):
        for name, node in Names(analysis.scope).blocks(parent).declared.items():
            if wanted(node):
                yield Proposal(name, "block", f"{described(node)}, of {parent.name}")


def described(node: nodes.Block | nodes.Feature) -> str:
    """A block in short."""
    if isinstance(node, nodes.Feature):
        return f"feature @{node.level}"
    return f"{node.kind.name} @{node.level.text}"


def levels(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """Levels that the network has widths for; else all that a network is likely to have."""
    frame = context.within("network")
    network = analysis.scope.find("network", frame.name) if frame is not None else None
    known: set[int] = set()
    if isinstance(network, nodes.Network):
        for member in Names(analysis.scope).lineage(network):
            for declaration in member.declarations:
                if isinstance(declaration, nodes.Widths):
                    for entry in declaration.entries:
                        known.update(range(entry.levels.first, entry.levels.last + 1))
    for level in sorted(known) or range(1, MAX_LEVEL):
        yield Proposal(str(level), "level", f"1/{2**level} of the input")
