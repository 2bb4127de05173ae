"""A network's parameters out of a published checkpoint.

1. Every parameter's published name is known from the network alone; names are never guessed from
   shapes.
2. Names and shapes must be the same on both sides, one to one. What belongs to an optimizer, to
   counters, or to heads where a backbone alone is wanted is left out, and counted.
3. Where a checkpoint shows in which order its layers run, the network's arrows must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spinedsl.diagnostics import Diagnostic, DiagnosticError, fail
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record
from spinedsl.weights.comparing import compare
from spinedsl.weights.files import Entry, FileProblem, TensorFile, unreadable
from spinedsl.weights.numbers import check_numbers
from spinedsl.weights.published.layers import Published
from spinedsl.weights.published.names import ORIGINS, Origin, published_names
from spinedsl.weights.published.recognition import recognise
from spinedsl.weights.published.resembling import other_classes, resemblance
from spinedsl.weights.published.topology import check_order, unlike_published
from spinedsl.weights.types import Array


@record
class Match:
    """A network and a checkpoint that fit each other.

    Attributes:
        published: parameter → its published variable, in running order.
        sources: parameter → name of that variable in the file.
        left_out: what else is in the file, with how many of each.
        shifted: type of layer → how much higher the file's numbers are than those of a first network.
        warnings: what nothing in the file can prove.
    """

    published: dict[str, Published]
    sources: dict[str, str]
    left_out: dict[str, int]
    shifted: dict[str, int]
    warnings: tuple[Diagnostic, ...]


def check_origin(compilation: AnyCompilation, origin: Origin) -> None:
    """See that the network has the conventions of the code that a checkpoint comes from or goes to.

    Raises:
        DiagnosticError: it has others (SP051).
    """
    conventions = compilation.network.conventions
    if conventions != origin:
        raise fail(
            "SP051",
            f"“{compilation.subject.name}” has the conventions “{conventions}”, and the code of “{origin}” "
            "its own: with the same numbers they compute different things",
            compilation.subject.span,
            help=f"add `--set conventions={origin}`; or, where a training goes on from the weights, "
            "`--keep-conventions`",
        )


def match(compilation: AnyCompilation, origin: Origin, file: TensorFile) -> Match:
    """See that a checkpoint holds exactly what a network needs.

    Args:
        compilation: the network or model.
        origin: whose checkpoint it is.
        file: the checkpoint.

    Raises:
        DiagnosticError: the published code builds no such network; names or shapes on one side only;
            the network is wired in another way (SP051).
    """
    published = published_names(compilation, origin)
    parameters = compilation.inlined.parameters()
    wanted = {p.name: p.shape_there(parameters[name].shape) for name, p in published.items()}
    backbone = not isinstance(compilation, ModelCompilation)
    try:
        found = recognise(file.entries, wanted, origin, backbone)
    except FileProblem as problem:
        raise unreadable(file.path, problem) from None
    entries = {name: file.entries[original] for name, original in found.names.items()}
    try:
        compare(str(file.path), wanted, entries, noun="variable")
    except DiagnosticError:
        hint = _hint(compilation, origin, published, file.entries, entries)
        compare(str(file.path), wanted, entries, noun="variable", hint=hint, otherwise=OTHER_NETWORK)
        raise
    sources = {name: found.names[p.name] for name, p in published.items()}
    part, prefix = _backbone(compilation)
    ranks = {n.removeprefix(prefix): file.ranks[s] for n, s in sources.items() if s in file.ranks}
    check_order(part, ranks, str(file.path))
    warnings = tuple(unlike_published(part.network))
    return Match(published, sources, dict(found.left_out + file.left_out), found.shifted, warnings)


OTHER_NETWORK = "give the spec of the network that was trained"


def imported(compilation: AnyCompilation, found: Match, file: TensorFile) -> Iterator[tuple[str, Array]]:
    """Every parameter, in running order and in the layout here, one tensor at a time.

    Raises:
        DiagnosticError: bytes that are missing or damaged; numbers that aren't finite (SP051).
    """
    parameters = compilation.inlined.parameters()
    for name, published in found.published.items():
        source = found.sources[name]
        array = file.tensor(source)
        check_numbers(file.path, source, parameters[name], array, file.entries[source].dtype)
        yield name, published.here(array)


def _hint(
    compilation: AnyCompilation,
    origin: Origin,
    published: Mapping[str, Published],
    original: Mapping[str, Entry],
    entries: Mapping[str, Entry],
) -> str | None:
    """What the checkpoint is instead."""
    shapes = {name: entries[p.name].shape for name, p in published.items() if p.name in entries}
    same_names = len(shapes) == len(published) == len(entries)
    if hint := other_classes(compilation, shapes) or resemblance(original, origin, same_names):
        return hint
    for other in ORIGINS.keys() - {origin}:
        if hint := resemblance(original, other, same_names):
            return f"its names are those of “{other}”: `--from {other}`; {hint}"
    return None


def _backbone(compilation: AnyCompilation) -> tuple[Compilation, str]:
    """The part whose blocks are numbered, and what stands before its parameters' names."""
    if isinstance(compilation, ModelCompilation):
        return compilation.parts[0], "backbone."
    return compilation, ""
