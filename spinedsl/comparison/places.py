"""Where the parts of a network or model are written."""

from __future__ import annotations

from functools import cached_property

from spinedsl.diagnostics import Label
from spinedsl.graph.assembly import part_name
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record
from spinedsl.source import Span


@record
class Places:
    """Spans by what they belong to.

    Attributes:
        compilation: whose parts they are.
    """

    compilation: AnyCompilation

    @property
    def network(self) -> Span | None:
        """Its name, where it is declared."""
        return self.compilation.subject.span

    def of(self, owner: str) -> Span | None:
        """Of a stem, block, endpoint or head, as operators name their owners; the network's otherwise."""
        return self._known.get(owner) or self.network

    def knows(self, owner: str) -> bool:
        """Whether there is such a part."""
        return owner in self._known

    @cached_property
    def _known(self) -> dict[str, Span | None]:
        if isinstance(self.compilation, Compilation):
            return _network_places(self.compilation)
        return _model_places(self.compilation)


def _network_places(compilation: Compilation) -> dict[str, Span | None]:
    network = compilation.network
    found: dict[str, Span | None] = {"input": network.input.span}
    if network.stem:
        found["stem"] = network.stem[0].span
    for block in (*compilation.expanded.stem_blocks(), *compilation.expanded.blocks):
        found.setdefault(block.base, block.span)
        if block.endpoint is not None:
            found[block.endpoint] = block.span
    return found


def _model_places(compilation: ModelCompilation) -> dict[str, Span | None]:
    found: dict[str, Span | None] = {head.name: head.span for head in compilation.model.heads}
    for index, part in enumerate(compilation.parts):
        name = part_name(index)
        found |= {f"{name}.{owner}": span for owner, span in _network_places(part).items()}
    found["input"] = compilation.network.input.span
    return found


def remark(span: Span | None, text: str) -> tuple[Label, ...]:
    """A secondary label, if there is a place for it."""
    return () if span is None else (Label(span, text),)
