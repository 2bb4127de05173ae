"""Syntax to Network IR: names, `extends`, conventions and values.

A network is its lineage, oldest first: each member adds its conventions, then its own settings,
then its blocks, and the later statement wins. All problems are collected before the stage stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from spinedsl.diagnostics import DiagnosticError, Diagnostics, Label, fail, suggested
from spinedsl.ir.blocks import BlockReader
from spinedsl.ir.definitions import closure
from spinedsl.ir.expectations import read_expectation
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import (
    Block,
    Call,
    Endpoints,
    Feature,
    FeatureInput,
    Network,
    StemBlock,
    StemStep,
    trusted,
)
from spinedsl.ir.names import check_name
from spinedsl.ir.settings import (
    MAX_WIDTH,
    NORM_DEFAULTS,
    READERS,
    default_of,
    extents,
    scheduled,
    whole,
)
from spinedsl.ir.spaces import resolve_space
from spinedsl.ir.standard import declared_in_library
from spinedsl.ir.validate import validate
from spinedsl.source import Span
from spinedsl.syntax import nodes

DEFAULT_CONVENTIONS = "torch"
MAX_LINEAGE = 32
MAX_BLOCKS = 20_000


def resolve(
    node: nodes.Network,
    scope: Scope,
    overrides: Sequence[nodes.Network] = (),
    *,
    membership: bool = True,
) -> Network:
    """The Network that `node` declares.

    Args:
        node: the network.
        scope: what its file can name.
        overrides: further declarations that are taken as extending it, as `--set` gives them.
        membership: whether to resolve the search space it says it is a member of.

    Raises:
        DiagnosticError: everything that is wrong with it.
    """
    return resolve_with_defaults(node, scope, overrides, membership=membership)[0]


def resolve_with_defaults(
    node: nodes.Network,
    scope: Scope,
    overrides: Sequence[nodes.Network] = (),
    *,
    membership: bool = True,
) -> tuple[Network, dict[str, dict[str, Any]]]:
    """The Network, and all defaults it sets: also for what only a model's heads use.

    Args, Raises: as `resolve`.
    """
    diagnostics = Diagnostics()
    resolution = _Resolution(node, scope, diagnostics)
    for member in _lineage(node, scope):
        resolution.forget_claims()
        resolution.add(member)
    for override in overrides:
        # What the network as written claims needn't hold for a changed one.
        resolution.expectations, resolution.member_of = [], None
        resolution.add(override)
    if not membership:
        resolution.member_of = None
    network = resolution.finish()
    validate(network, diagnostics, {name: place.span for name, place in resolution.removed.items()})
    diagnostics.stop_on_errors()
    return network, resolution.defaults


def _lineage(node: nodes.Network, scope: Scope) -> list[nodes.Network]:
    """The networks it extends, oldest first, itself last."""
    lineage = [node]
    while (parent_name := lineage[-1].extends) is not None:
        parent = scope.find("network", parent_name.text)
        if not isinstance(parent, nodes.Network):
            raise no_network(parent_name, parent, scope)
        for index, member in enumerate(lineage):
            if member is parent:
                raise circle(lineage[index:])
        if len(lineage) >= MAX_LINEAGE:
            raise fail(
                "SP002",
                f"more than {MAX_LINEAGE} networks extend one another",
                parent_name.span,
                help="let one of them stand on its own",
            )
        lineage.append(parent)
    return lineage[::-1]


def no_network(name: nodes.Name, found: object, scope: Scope) -> DiagnosticError:
    """What to say of a name that means no network, but perhaps a model."""
    if isinstance(found, nodes.Model):
        return fail(
            "SP020", f"“{name}” is a model, not a network", name.span,
            help="name a network, such as the model's backbone",
        )  # fmt: skip
    known = [n for n in scope.names_of("network") if isinstance(scope.find("network", n), nodes.Network)]
    files = declared_in_library(name.text, "network")
    if files:
        return fail(
            "SP020", f"“{name}” is declared in a file that isn't imported", name.span,
            help=f'write `import "{files[0]}"` at the top',
        )  # fmt: skip
    return fail(
        "SP020", f"there is no network “{name}”", name.span,
        **suggested(name.span, name.text, known, "import the file that declares it"),
    )  # fmt: skip


def circle(members: list[nodes.Network] | list[nodes.Model]) -> DiagnosticError:
    """The same error for every network, or model, of the circle, so that it is said once."""
    start = min(range(len(members)), key=lambda i: members[i].span.start)
    first, *others = members[start:] + members[:start]
    assert first.extends is not None
    return fail(
        "SP022",
        f"“{first.name}” extends itself in a circle",
        first.extends.span,
        secondary=[Label(member.name.span, "by way of this one") for member in others],
        help="let one of them stand on its own",
    )


_WORDS = {
    nodes.FeatureInputs: "input",
    nodes.Widths: "width",
    nodes.Stem: "stem",
    nodes.Endpoints: "endpoints",
    nodes.Block: "block",
    nodes.Without: "without",
    nodes.Expect: "expect",
}


def _what(declaration: nodes.Declaration) -> str:
    """The word for what a declaration declares."""
    return declaration.key if isinstance(declaration, nodes.Setting) else _WORDS[type(declaration)]


@dataclass
class _Resolution:
    """The declarations of a lineage, later ones over earlier ones."""

    node: nodes.Network
    scope: Scope
    diagnostics: Diagnostics
    fields: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    stem: nodes.Stem | None = None
    blocks: dict[str, nodes.Block] = field(default_factory=dict)
    removed: dict[str, nodes.Name] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    endpoints: nodes.Endpoints | None = None
    expectations: list[nodes.Expect] = field(default_factory=list)
    published: tuple[str, ...] = ()
    member_of: nodes.Name | None = None

    # ---- collecting

    def forget_claims(self) -> None:
        """Drop what speaks of one network, not of its variants."""
        self.fields.pop("title", None)
        self.published, self.member_of = (), None
        self.expectations = []

    def add(self, member: nodes.Network) -> None:
        """Lay one member of the lineage over what is known."""
        declarations = self._once(member)
        named = next((d for d in member.declarations if _what(d) == "conventions"), None)
        if isinstance(named, nodes.Setting):
            self._conventions(named.value)  # type: ignore[arg-type]
        elif not self.fields:
            self._conventions(nodes.Name(DEFAULT_CONVENTIONS, span=member.name.span))
        for declaration in declarations:
            with self.diagnostics.absorbing():
                self.declared.add(_what(declaration))
                self._declare(declaration)

    def _once(self, member: nodes.Network) -> list[nodes.Declaration]:
        """Its declarations without repeats: one network says each thing once, but for those that add up."""
        seen: dict[tuple[str, str], Span] = {}
        declarations = []
        for declaration in member.declarations:
            what = name = _what(declaration)
            if what in ("published", "without", "expect"):
                declarations.append(declaration)
                continue
            span = declaration.span
            if isinstance(declaration, nodes.Block):
                name, span = declaration.name.text, declaration.name.span
            first = seen.setdefault((what, name), span)
            if first is span:
                declarations.append(declaration)
            else:
                self.diagnostics.add(
                    "SP024",
                    f"“{name}” is declared twice",
                    span,
                    secondary=[Label(first, "first declared here")],
                    help="rename or remove one of them",
                )
        return declarations

    def _conventions(self, name: nodes.Name) -> None:
        bundle = self.scope.find("conventions", name.text)
        if not isinstance(bundle, nodes.Conventions):
            known = self.scope.names_of("conventions")
            self.diagnostics.add(
                "SP020",
                f"there are no conventions “{name}”",
                name.span,
                **suggested(name.span, name.text, known, f"choose {' or '.join(known)}"),
            )
            return
        self.fields["conventions"] = bundle.name.text
        # A new bundle replaces the old one's details, also those it doesn't speak of.
        self.defaults = {}
        for setting in bundle.settings:
            with self.diagnostics.absorbing():
                self._set(setting, bundled=True)

    def _declare(self, declaration: nodes.Declaration) -> None:
        if isinstance(declaration, nodes.Setting):
            self._set(declaration, bundled=False)
        elif isinstance(declaration, nodes.Block):
            check_name(declaration.name, "block")
            self.blocks[declaration.name.text] = declaration
            self.removed.pop(declaration.name.text, None)
            if declaration.endpoint is not None:
                check_name(declaration.endpoint, "endpoint")
        elif isinstance(declaration, nodes.Without):
            for name in declaration.names:
                self._remove(name)
        elif isinstance(declaration, nodes.Widths):
            self._widths(declaration)
        elif isinstance(declaration, nodes.FeatureInputs):
            self.fields["input"] = self._features(declaration)
        elif isinstance(declaration, nodes.Stem):
            self.stem = declaration
        elif isinstance(declaration, nodes.Endpoints):
            self.endpoints = declaration
        else:
            self.expectations.append(declaration)

    def _set(self, setting: nodes.Setting, bundled: bool) -> None:
        if setting.key.startswith("default "):
            name = setting.key.removeprefix("default ")
            values = default_of(setting, self.scope, bundled)
            self.defaults[name] = {**self.defaults.get(name, {}), **values}
        elif setting.key == "published":
            assert isinstance(setting.value, str)
            self.published += (setting.value,)
        elif setting.key == "member of":
            assert isinstance(setting.value, nodes.Name)
            self.member_of = setting.value
        elif setting.key != "conventions":
            fields = READERS[setting.key](setting, self.scope)
            if setting.key == "drop_path":
                known = self.fields.get("drop_path")
                fields["drop_path"] = scheduled(setting, fields["drop_path"], known)
            self.fields.update(fields)

    def _remove(self, name: nodes.Name) -> None:
        if self.blocks.pop(name.text, None) is not None:
            self.removed[name.text] = name
        else:
            raise fail(
                "SP020",
                f"there is no block “{name}” to remove",
                name.span,
                **suggested(
                    name.span, name.text, self.blocks, "it was never declared, or is removed already"
                ),
            )

    def _widths(self, declaration: nodes.Widths) -> None:
        stated: dict[int, Span] = {}
        for entry in declaration.entries:
            channels = whole(entry.channels, "a width", 1, MAX_WIDTH)
            for level in range(entry.levels.first, entry.levels.last + 1):
                if level in stated:
                    self.diagnostics.add(
                        "SP024", f"level {level} has two widths", entry.span,
                        secondary=[Label(stated[level], "first declared here")], help="keep one of them",
                    )  # fmt: skip
                stated[level] = entry.span
                self.widths[level] = channels

    def _features(self, declaration: nodes.FeatureInputs) -> FeatureInput:
        height, width = extents(declaration.size, 2, "input of 640 x 640 { … }")
        features: dict[str, Feature] = {}
        for item in declaration.features:
            check_name(item.name, "input")
            if item.name.text in features:
                raise fail(
                    "SP024", f"“{item.name}” is declared twice", item.name.span, help="rename one of them"
                )
            channels = whole(item.channels, "a number of channels", 1, MAX_WIDTH)
            features[item.name.text] = trusted(Feature)(
                name=item.name.text, level=item.level, channels=channels, span=item.span
            )
        if not features:
            raise fail(
                "SP032", "no features come in", declaration.span, help="name at least one: `c3 @3 -> 512`"
            )
        return trusted(FeatureInput)(
            height=height, width=width, features=tuple(features.values()), span=declaration.span
        )

    # ---- finishing

    def finish(self) -> Network:
        """The Network, when everything in it could be read."""
        diagnostics = self.diagnostics
        # What was declared and couldn't be read is not missing too.
        if "input" not in self.declared:
            diagnostics.add(
                "SP032", f"“{self.node.name}” has no input", self.node.name.span,
                help="declare its size: `input 3 x 640 x 640`",
            )  # fmt: skip
        if not self.blocks and "block" not in self.declared:
            diagnostics.add(
                "SP032", f"“{self.node.name}” has no blocks", self.node.name.span,
                help="declare one: `b0: bottleneck @2 <- s0, s1 => P2`",
            )  # fmt: skip
        if len(self.blocks) > MAX_BLOCKS:
            diagnostics.add(
                "SP002",
                f"{len(self.blocks):,} blocks, more than the {MAX_BLOCKS:,} allowed",
                self.node.name.span,
                help="use `repeat` or `stack`",
            )
        self.fields.setdefault("resample", trusted(Call)(name="cross_scale"))
        self.fields.setdefault("merge", trusted(Call)(name="sum"))
        self.fields.setdefault("act", trusted(Call)(name="relu"))
        self.fields.setdefault("norm", trusted(Call)(name="batch", arguments=dict(NORM_DEFAULTS)))
        reader = BlockReader(self.scope, diagnostics)
        stem = reader.stem(self.stem)
        blocks = reader.blocks(self.blocks.values())
        endpoints = reader.endpoints(self.endpoints)
        expectations = []
        for node in self.expectations:
            with diagnostics.absorbing():
                expectations.append(read_expectation(node))
        roots = self._roots(stem, blocks, endpoints)
        definitions = closure(roots, self.scope, diagnostics)
        space = None
        if self.member_of is not None:
            with diagnostics.absorbing():
                space = resolve_space(self.member_of, self.scope, self._seed)
        if "input" not in self.fields:
            # Without an input there is no network to look at further.
            diagnostics.stop_on_errors()
        return trusted(Network)(
            name=self.node.name.text,
            doc=self.node.doc,
            published=self.published,
            widths=dict(sorted(self.widths.items())),
            defaults=self._defaults_of(definitions),
            stem=stem,
            blocks=blocks,
            endpoints=endpoints,
            space=space,
            expectations=tuple(expectations),
            definitions=definitions,
            span=self.node.name.span,
            **self.fields,
        )

    def _defaults_of(self, definitions: Iterable[nodes.Definition]) -> dict[str, dict[str, Any]]:
        """The defaults of what the network uses: what else was imported is no part of it."""
        used = {definition.name.text for definition in definitions}
        return {name: values for name, values in sorted(self.defaults.items()) if values and name in used}

    def _seed(self, name: nodes.Name) -> Network:
        seed = self.scope.find("network", name.text)
        if not isinstance(seed, nodes.Network):
            raise no_network(name, seed, self.scope)
        return resolve(seed, self.scope, membership=False)

    def _roots(
        self, stem: Iterable[StemStep | StemBlock], blocks: Iterable[Block], endpoints: Endpoints
    ) -> list[nodes.Name | str | nodes.Chain]:
        """Everything of the network that names definitions."""
        roots: dict[str, None] = {self.fields["resample"].name: None, self.fields["merge"].name: None}
        chains: list[nodes.Name | str | nodes.Chain] = []
        for item in stem:
            if isinstance(item, StemStep):
                chains.append(item.operators)
            else:
                roots[item.kind.name] = None
        for block in blocks:
            roots[block.kind.name] = None
            if block.merge is not None:
                roots[block.merge.name] = None
            for connection in block.inputs:
                if connection.via is not None:
                    roots[connection.via.name] = None
        if endpoints.rule is not None:
            roots[endpoints.rule.name] = None
        return [*roots, *chains]
