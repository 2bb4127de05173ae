"""Syntax to IR for models: a backbone, necks, heads, and the settings laid over them.

A model is its lineage, oldest first. Its settings are laid over the backbone's; those that say how
operators work (`act`, `norm`, `padding`, `conventions`, `default`) over the necks' too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spinedsl.diagnostics import DiagnosticError, Diagnostics, Label, fail, suggested
from spinedsl.ir.definitions import closure
from spinedsl.ir.expectations import read_expectation
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import Call, Expectation, ImageInput, Model, Network, Scalar, trusted
from spinedsl.ir.names import check_name
from spinedsl.ir.resolve import circle, no_network, resolve_with_defaults
from spinedsl.ir.settings import call_of, choice, definition_of
from spinedsl.source import Span
from spinedsl.syntax import nodes

PIXELS = ("imagenet", "unit")
MAX_LINEAGE = 32
MAX_PARTS = 16
"""Most necks, and most heads, of a model."""
OPERATOR_SETTINGS = ("act", "norm", "padding", "conventions")


def resolve_model(node: nodes.Model, scope: Scope, overrides: Sequence[nodes.Model] = ()) -> Model:
    """The Model that `node` declares.

    Args:
        node: the model.
        scope: what its file can name.
        overrides: further declarations that are taken as extending it, as `--set` gives them.

    Raises:
        DiagnosticError: everything that is wrong with it.
    """
    diagnostics = Diagnostics()
    collected = _Collected(node, diagnostics)
    for member in _lineage(node, scope):
        collected.forget_claims()
        collected.add(member)
    for override in overrides:
        # What the model as written claims needn't hold for a changed one.
        collected.expectations = []
        collected.add(override)
    return collected.finish(scope)


def _lineage(node: nodes.Model, scope: Scope) -> list[nodes.Model]:
    """The models it extends, oldest first, itself last."""
    lineage = [node]
    while (name := lineage[-1].extends) is not None:
        parent = scope.find("network", name.text)
        if not isinstance(parent, nodes.Model):
            raise _no_model(name, parent, scope)
        for index, member in enumerate(lineage):
            if member is parent:
                raise circle(lineage[index:])
        if len(lineage) >= MAX_LINEAGE:
            raise fail(
                "SP002", f"more than {MAX_LINEAGE} models extend one another", name.span,
                help="let one of them stand on its own",
            )  # fmt: skip
        lineage.append(parent)
    return lineage[::-1]


def _no_model(name: nodes.Name, found: object, scope: Scope) -> DiagnosticError:
    if isinstance(found, nodes.Network):
        return fail(
            "SP020", f"“{name}” is a network, not a model", name.span,
            help=f"name it as a part: `backbone {name}`",
        )  # fmt: skip
    return fail(
        "SP020", f"there is no model “{name}”", name.span,
        **suggested(name.span, name.text, _models(scope), "import the file that declares it"),
    )  # fmt: skip


def _models(scope: Scope) -> list[str]:
    names = scope.names_of("network")
    return [name for name in names if isinstance(scope.find("network", name), nodes.Model)]


@dataclass
class _Collected:
    """The declarations of a lineage, later ones over earlier ones."""

    node: nodes.Model
    diagnostics: Diagnostics
    title: str | None = None
    published: tuple[str, ...] = ()
    pixels: nodes.Name | None = None
    backbone: nodes.Name | None = None
    necks: list[nodes.Name] = field(default_factory=list)
    heads: list[nodes.Call] = field(default_factory=list)
    settings: list[list[nodes.Setting]] = field(default_factory=list)
    expectations: list[nodes.Expect] = field(default_factory=list)

    def forget_claims(self) -> None:
        """Drop what speaks of one model, not of those that extend it."""
        self.title, self.published, self.expectations = None, (), []

    def add(self, member: nodes.Model) -> None:
        """Lay one member of the lineage over what is known; its necks and heads replace all others."""
        declarations = self._without_doubles(member)
        roles = {d.role for d in member.declarations if isinstance(d, nodes.Part)}
        if "neck" in roles:
            self.necks = []
        if any(isinstance(d, nodes.UseHead) for d in member.declarations):
            self.heads = []
        self.settings.append([])
        for declaration in declarations:
            self._declare(declaration)

    def _declare(self, declaration: nodes.ModelDeclaration) -> None:
        if isinstance(declaration, nodes.UseHead):
            self.heads.append(declaration.call)
        elif isinstance(declaration, nodes.Expect):
            self.expectations.append(declaration)
        elif isinstance(declaration, nodes.Part):
            if declaration.role == "neck":
                self.necks.append(declaration.network)
            else:
                self.backbone = declaration.network
        elif declaration.key == "title":
            self.title = str(declaration.value)
        elif declaration.key == "published":
            self.published += (str(declaration.value),)
        elif declaration.key == "pixels":
            assert isinstance(declaration.value, nodes.Name)
            self.pixels = declaration.value
        else:
            self.settings[-1].append(declaration)

    def _without_doubles(self, member: nodes.Model) -> list[nodes.ModelDeclaration]:
        """What a member says; of what it says twice, the first, and an error (SP024)."""
        seen: dict[str, Span] = {}
        kept = []
        for declaration in member.declarations:
            what = _once(declaration)
            if what in seen:
                self.diagnostics.add(
                    "SP024", f"“{what}” is declared twice", declaration.span,
                    secondary=[Label(seen[what], "first declared here")], help="remove one of them",
                )  # fmt: skip
                continue
            if what:
                seen[what] = declaration.span
            kept.append(declaration)
        return kept

    # ---- finishing

    def finish(self, scope: Scope) -> Model:
        """The Model, when everything in it could be read."""
        diagnostics, name = self.diagnostics, self.node.name
        with diagnostics.absorbing():
            check_name(name, "model")
        if self.backbone is None:
            diagnostics.add(
                "SP032", f"“{name}” has no backbone", name.span,
                help="name a network: `backbone spinenet49`",
            )  # fmt: skip
        if not self.heads:
            diagnostics.add(
                "SP032", f"“{name}” has no head", name.span,
                help="name one: `head retinanet(classes = 91)`; a network without one is a `network`",
            )  # fmt: skip
        self._refuse_many()
        backbone, defaults = self._backbone(scope)
        necks = self._necks(scope)
        heads = self._heads(scope)
        definitions = closure([head.name for head in heads], scope, diagnostics)
        expectations = self._expectations()
        pixels = "imagenet"
        if self.pixels is not None:
            with diagnostics.absorbing():
                pixels = choice(self.pixels, PIXELS, "way to read pixels called")
        diagnostics.stop_on_errors()
        assert backbone is not None
        used = {definition.name.text for definition in definitions}
        return trusted(Model)(
            name=name.text,
            title=self.title,
            published=self.published,
            doc=self.node.doc,
            backbone=backbone,
            necks=necks,
            heads=heads,
            pixels=pixels,
            defaults={n: values for n, values in sorted(defaults.items()) if values and n in used},
            expectations=expectations,
            definitions=definitions,
            span=name.span,
        )

    def _refuse_many(self) -> None:
        for what, parts in (("necks", self.necks), ("heads", self.heads)):
            if len(parts) > MAX_PARTS:
                self.diagnostics.add(
                    "SP002", f"{len(parts)} {what}, more than the {MAX_PARTS} allowed", parts[-1].span,
                    help="remove some of them",
                )  # fmt: skip

    def _backbone(self, scope: Scope) -> tuple[Network | None, dict[str, dict[str, Scalar]]]:
        if self.backbone is None:
            return None, {}
        with self.diagnostics.absorbing():
            network, defaults = self._network(self.backbone, scope, self.settings)
            if not isinstance(network.input, ImageInput):
                raise fail(
                    "SP044", f"“{self.backbone}” reads features, so it can't be a backbone",
                    self.backbone.span, help="name a network that reads an image; this one can be a `neck`",
                )  # fmt: skip
            return network, defaults
        return None, {}

    def _necks(self, scope: Scope) -> tuple[Network, ...]:
        settings = [[s for s in member if _for_operators(s)] for member in self.settings]
        necks = []
        for name in self.necks:
            with self.diagnostics.absorbing():
                network, _ = self._network(name, scope, settings)
                if isinstance(network.input, ImageInput):
                    raise fail(
                        "SP044", f"“{name}” reads an image, so it can't be a neck", name.span,
                        help="name a network over features: `input of 640 x 640 { … }`",
                    )  # fmt: skip
                necks.append(network.model_copy(update={"span": name.span}))
        return tuple(necks)

    def _network(
        self, name: nodes.Name, scope: Scope, settings: Sequence[Sequence[nodes.Setting]]
    ) -> tuple[Network, dict[str, Any]]:
        found = scope.find("network", name.text)
        if not isinstance(found, nodes.Network):
            raise no_network(name, found, scope)
        # What the network claims on its own, it needn't as a part; its settings may have changed.
        laid_over = [nodes.Network(name, None, tuple(s), "", span=name.span) for s in settings]
        return resolve_with_defaults(found, scope, laid_over, membership=False)

    def _heads(self, scope: Scope) -> tuple[Call, ...]:
        heads: dict[str, Call] = {}
        for node in self.heads:
            with self.diagnostics.absorbing():
                call = call_of(node, definition_of(scope, node.name, "head"))
                other = heads.setdefault(call.name, call)
                if other is not call:
                    raise fail(
                        "SP024", f"“{call.name}” is a head twice", node.span,
                        secondary=[Label(other.span, "first named here")] if other.span else [],
                        help="remove one, or define a head of another name",
                    )  # fmt: skip
        return tuple(heads.values())

    def _expectations(self) -> tuple[Expectation, ...]:
        expectations = []
        for node in self.expectations:
            with self.diagnostics.absorbing():
                expectations.append(read_expectation(node))
        return tuple(expectations)


def _for_operators(setting: nodes.Setting) -> bool:
    return setting.key in OPERATOR_SETTINGS or setting.key.startswith("default ")


def _once(declaration: nodes.ModelDeclaration) -> str:
    """The word for what may be said once in one model; "" for what adds up."""
    if isinstance(declaration, nodes.Part):
        return "backbone" if declaration.role == "backbone" else ""
    if isinstance(declaration, nodes.UseHead | nodes.Expect):
        return ""
    return "" if declaration.key == "published" else declaration.key
