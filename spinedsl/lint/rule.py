"""What a rule is, what it is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from spinedsl.diagnostics import CODES, Fix, Label
from spinedsl.ir.expanded import ExpandedNetwork
from spinedsl.ir.loading import Scope
from spinedsl.pipeline import AnyCompilation, Compilation
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

Declared: TypeAlias = nodes.Network | nodes.Model


class Level(Enum):
    """What a finding of a rule is shown as."""

    OFF = "off"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@record
class Option:
    """A number that a rule can be given.

    Attributes:
        least: what it may be at least.
        meaning: half a sentence.
    """

    name: str
    default: int
    least: int
    meaning: str


@record
class Finding:
    """What a rule found.

    Attributes:
        message, primary, secondary, help, fix: as in a diagnostic.
        facts: what it rests on, told by names and numbers. A network that extends another, or a model over
            a network, isn't told what rests on facts of the other alone.
    """

    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None
    facts: frozenset[object] = frozenset()


@record
class Settings:
    """How a file is linted.

    Attributes:
        levels: code → level, where it isn't the rule's own.
        options: code → the rule's option, where it isn't the default.
        runtime: name of the runtime that ONNX files are for; None if nobody said.
        opset: of the ONNX files; None for what the runtime likes best.
        weights: name of a network or model → the file of its weights; “” for whatever is linted.
    """

    levels: Mapping[str, Level] = field(default_factory=dict)
    options: Mapping[str, int] = field(default_factory=dict)
    runtime: str | None = None
    opset: int | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)

    def level(self, rule: Rule) -> Level:
        """The level of a rule."""
        return self.levels.get(rule.code, rule.level)

    def option(self, rule: Rule) -> int:
        """The option of a rule that has one."""
        assert rule.option is not None
        return self.options.get(rule.code, rule.option.default)


@record
class Part:
    """A network that compiles: one by itself, or the backbone or a neck of a model.

    Attributes:
        declared: the network or model that is linted; findings stand in it.
        compilation: of the network.
    """

    declared: Declared
    compilation: Compilation

    @property
    def expanded(self) -> ExpandedNetwork:
        """The network with nothing implied."""
        return self.compilation.expanded

    def place(self, *spans: Span | None) -> Span:
        """The first of several places that is in what is linted; else its name.

        What a network inherits stands elsewhere, perhaps in another file.
        """
        return place_in(self.declared, *spans)


@record
class Whole:
    """A network or model that compiles.

    Attributes:
        declared: the same as syntax; findings stand in it.
    """

    declared: Declared
    compilation: AnyCompilation


def place_in(declared: Declared, *spans: Span | None) -> Span:
    """The first place that is in a network or model; else its name."""
    own = declared.span
    for span in spans:
        if span is not None and span.source is own.source and own.start <= span.start < own.end:
            return span
    return declared.name.span


def declaration_of(declared: Declared, *keys: str) -> Span | None:
    """Where a network or model itself says one of several things: `scale width`, `resample`; the first said."""
    said = {_key(each): each.span for each in declared.declarations}
    return next((said[key] for key in keys if key in said), None)


def _key(declaration: nodes.Declaration | nodes.ModelDeclaration) -> str:
    match declaration:
        case nodes.Setting():
            return declaration.key
        case nodes.FeatureInputs():
            return "input"
        case nodes.Widths():
            return "width"
        case nodes.Endpoints():
            return "endpoints"
        case nodes.Part():
            return declaration.role
    return ""


def few(names: Iterable[str], most: int = 6) -> str:
    """Names in quotes, the first of many."""
    everything = list(dict.fromkeys(names))
    shown = ", ".join(f"“{name}”" for name in everything[:most])
    return shown + (f" and {len(everything) - most} more" if len(everything) > most else "")


@record
class Rule:
    """One rule; what it reads is its class's.

    Attributes:
        code: key of `CODES`, whose text is the rule's summary.
        name: as configurations may call it, too.
        level: where nobody says otherwise.
        option: the number it can be given, if it takes one.
        needs: a setting without which it has nothing to say.
    """

    code: str
    name: str
    level: Level = Level.WARNING
    option: Option | None = None
    needs: str | None = None

    @property
    def summary(self) -> str:
        """What it is about, in half a sentence."""
        return CODES[self.code]

    def runs(self, settings: Settings) -> bool:
        """Whether it is on and has what it needs."""
        return settings.level(self) is not Level.OFF and (
            self.needs is None or bool(getattr(settings, self.needs))
        )


@record
class FileRule(Rule):
    """A rule that reads what a file declares, whether it compiles or not."""

    check: Callable[[Scope], Iterable[Finding]] = field(kw_only=True)


@record
class PartRule(Rule):
    """A rule that reads a network of its own, or a part of a model; `check` is given the rule's option."""

    check: Callable[[Part, int], Iterable[Finding]] = field(kw_only=True)


@record
class WholeRule(Rule):
    """A rule that reads what will be compiled."""

    check: Callable[[Whole, Settings], Iterable[Finding]] = field(kw_only=True)


@record
class CommentRule(Rule):
    """A rule about the comments that ignore other rules: linting itself finds these."""


Found: TypeAlias = Iterator[Finding]
"""What a check gives."""
