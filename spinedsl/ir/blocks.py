"""Stem, blocks and endpoints: from what was written to the IR.

What can't be read leaves something in its place where possible, so that whoever reads it is still
checked: a block of an unknown kind keeps its name, level and arrows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spinedsl.diagnostics import Diagnostics, Label, fail
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Block, Call, Connection, Endpoints, StemBlock, StemStep, trusted
from spinedsl.ir.names import check_name
from spinedsl.ir.settings import MAX_REPEAT, MAX_WIDTH, call_of, definition_of, whole
from spinedsl.source import Span
from spinedsl.syntax import nodes

MAX_INPUTS = 256


@dataclass
class BlockReader:
    """Reads the parts of one network's graph; problems go to `diagnostics`."""

    scope: Scope
    diagnostics: Diagnostics

    def stem(self, stem: nodes.Stem | None) -> tuple[StemStep | StemBlock, ...]:
        """Operators and blocks of a stem, in order."""
        items: list[StemStep | StemBlock] = []
        names: dict[str, Span] = {}
        for item in stem.items if stem else ():
            if isinstance(item, nodes.Chain):
                items.append(trusted(StemStep)(operators=item, span=item.span))
                continue
            with self.diagnostics.absorbing():
                check_name(item.name, "block")
                name = item.name.text
                if name in names:
                    raise fail(
                        "SP024", f"“{name}” is declared twice", item.name.span,
                        secondary=[Label(names[name], "first declared here")], help="rename one of them",
                    )  # fmt: skip
                names[name] = item.name.span
                options = self._options(item)
                if options.pop("merge", None) is not None:
                    self.diagnostics.add(
                        "SP031", "a stem block has one input, so nothing to merge", item.span,
                        help="leave out `merge`",
                    )  # fmt: skip
                items.append(
                    trusted(StemBlock)(
                        name=name,
                        kind=self._kind(item),
                        level=int(item.level.text),
                        span=item.name.span,
                        **options,
                    )
                )
        return tuple(items)

    def blocks(self, written: Iterable[nodes.Block]) -> tuple[Block, ...]:
        """Scale-permuted blocks, in order."""
        return tuple(self._block(node) for node in written)

    def _block(self, node: nodes.Block) -> Block:
        connections = node.connections
        if len(connections) > MAX_INPUTS:
            self.diagnostics.add(
                "SP002", f"{len(connections):,} inputs, more than the {MAX_INPUTS} allowed", node.name.span,
                help="join some of them in a block before",
            )  # fmt: skip
        return trusted(Block)(
            name=node.name.text,
            kind=self._kind(node),
            level=int(node.level.text),
            inputs=tuple(self._connection(c) for c in connections[:MAX_INPUTS]),
            endpoint=node.endpoint.text if node.endpoint else None,
            span=node.name.span,
            **self._options(node),
        )

    def _kind(self, node: nodes.Block) -> Call:
        with self.diagnostics.absorbing():
            return call_of(node.kind, definition_of(self.scope, node.kind.name, "block"))
        return trusted(Call)(name="unknown")

    def _options(self, node: nodes.Block) -> dict[str, Any]:
        """`width`, `repeat` and `merge` behind a block's level."""
        values: dict[str, Any] = {}
        for option in node.options:
            with self.diagnostics.absorbing():
                if option.key in values:
                    raise fail(
                        "SP024", f"“{option.key}” is given twice", option.span, help="remove one of them"
                    )
                if isinstance(option.value, nodes.Call):
                    definition = definition_of(self.scope, option.value.name, "merge")
                    values["merge"] = call_of(option.value, definition)
                elif option.key == "width":
                    values["width"] = whole(option.value, "a width", 1, MAX_WIDTH)
                else:
                    values["repeat"] = whole(option.value, "a repeat count", 1, MAX_REPEAT)
        return values

    def _connection(self, node: nodes.Connection) -> Connection:
        via = None
        if node.via is not None:
            with self.diagnostics.absorbing():
                via = call_of(node.via, definition_of(self.scope, node.via.name, "resampling"))
        return trusted(Connection)(source=node.source.text, via=via, span=node.source.span)

    def endpoints(self, node: nodes.Endpoints | None) -> Endpoints:
        """How output blocks become endpoints."""
        if node is None:
            return trusted(Endpoints)()
        fields: dict[str, Any] = {"span": node.span}
        if node.levels is not None:
            fields.update(first=node.levels.first, last=node.levels.last)
        with self.diagnostics.absorbing():
            if node.channels is not None:
                fields["channels"] = whole(node.channels, "a number of channels", 1, MAX_WIDTH)
            if node.via is not None:
                fields["rule"] = call_of(node.via, definition_of(self.scope, node.via.name, "part"))
            elif node.channels is not None:
                fields["rule"] = trusted(Call)(name="endpoint", span=node.span)
        return trusted(Endpoints)(**fields)
