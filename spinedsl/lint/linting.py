"""Linting a file: every rule that is on, without what is inherited or ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from spinedsl.checking.checked import CheckedFile, CheckedNetwork
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Severity, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.ir.loading import Scope
from spinedsl.lint.ignores import Ignores
from spinedsl.lint.rule import (
    Declared,
    FileRule,
    Finding,
    Part,
    PartRule,
    Rule,
    Settings,
    Whole,
    WholeRule,
)
from spinedsl.lint.rules import RULES, UNKNOWN_IGNORE, UNUSED_IGNORE
from spinedsl.pipeline import AnyCompilation, Compilation
from spinedsl.source import DISK, Files
from spinedsl.specification import compilation_of, open_all
from spinedsl.syntax import nodes

Facts = frozenset[tuple[str, object]]
"""(code, fact), of everything that is found in a network."""


def lint_spec(
    spec: str, roots: Sequence[Path] = (), files: Files = DISK, settings: Settings | None = None
) -> CheckedFile:
    """Lint every network and model of a file, or the one that SPEC names, and what the file declares.

    Args:
        spec: as `open_all` takes it.
        roots: further folders that imports may reach.
        files: where files are read from.
        settings: levels and options of rules; their own if None.
    """
    try:
        scope, compilations = open_all(spec, roots, files)
    except DiagnosticError as error:
        return CheckedFile(spec, error.diagnostics)
    return _Linting(scope, compilations, settings or Settings()).run()


class _Linting:
    """One file."""

    def __init__(self, scope: Scope, compilations: Sequence[AnyCompilation], settings: Settings) -> None:
        self.scope = scope
        self.compilations = compilations
        self.settings = settings
        self.rules = [rule for rule in RULES if rule.runs(settings)]
        self.found: list[tuple[Rule, Finding]] = []
        self.wrong: dict[Diagnostic, None] = {}
        self.known: dict[int, Facts] = {}

    def run(self) -> CheckedFile:
        """Everything there is to say."""
        collected = Diagnostics()
        # Too many errors end it; all of them up to there are in `collected`.
        with suppress(DiagnosticError):
            check_definitions(self.scope, collected)
        self.wrong.update(dict.fromkeys(collected.found))
        for rule in self.rules:
            if isinstance(rule, FileRule):
                self.found += [(rule, finding) for finding in rule.check(self.scope)]
        networks = [self._network(compilation) for compilation in self.compilations]
        diagnostics = dict.fromkeys([*self.wrong, *self._reported()])
        return CheckedFile(self.scope.source.name, tuple(in_order(diagnostics)), tuple(networks))

    def _network(self, compilation: AnyCompilation) -> CheckedNetwork:
        declared = compilation.syntax
        assert declared is not None
        errors: tuple[Diagnostic, ...] = ()
        try:
            _ = compilation.inlined
            found, errors = self._findings(compilation, self.rules)
        except DiagnosticError as error:
            errors = error.diagnostics
        else:
            self.known.setdefault(id(declared), _facts(found))
            inherited: Facts = frozenset().union(*map(self._facts_of, self._origins(declared)))
            self.found += [each for each in found if not _rests_on(each, inherited)]
        self.wrong.update(dict.fromkeys(errors))
        count = sum(d.severity is Severity.ERROR for d in errors)
        return CheckedNetwork(self.scope.source.name, declared.name.text, 0, count)

    def _findings(
        self, compilation: AnyCompilation, rules: Iterable[Rule]
    ) -> tuple[list[tuple[Rule, Finding]], tuple[Diagnostic, ...]]:
        """What the rules about networks find, and why some couldn't look: their weights can't be read.

        Raises:
            DiagnosticError: the network doesn't compile.
        """
        declared = compilation.syntax
        assert declared is not None
        whole = Whole(declared, compilation)
        parts = (compilation,) if isinstance(compilation, Compilation) else compilation.parts
        found: list[tuple[Rule, Finding]] = []
        wrong: list[Diagnostic] = []
        for rule in rules:
            if isinstance(rule, WholeRule):
                try:
                    found += [(rule, finding) for finding in rule.check(whole, self.settings)]
                except DiagnosticError as error:
                    wrong += error.diagnostics
            elif isinstance(rule, PartRule):
                option = self.settings.option(rule) if rule.option else 0
                for part in parts:
                    found += [(rule, finding) for finding in rule.check(Part(declared, part), option)]
        return found, tuple(wrong)

    def _origins(self, declared: Declared) -> list[Declared]:
        """What a network or model extends, and the networks that a model is made of."""
        names = [declared.extends] if declared.extends is not None else []
        if isinstance(declared, nodes.Model):
            names += [each.network for each in declared.declarations if isinstance(each, nodes.Part)]
        found = [self.scope.find("network", name.text) for name in names]
        return [each for each in found if isinstance(each, nodes.Network | nodes.Model)]

    def _facts_of(self, declared: Declared) -> Facts:
        """The facts of a network that others come from; none if it doesn't compile itself."""
        if id(declared) not in self.known:
            # What a rule needs settings for is about this one file of weights, or this one target.
            rules = [rule for rule in self.rules if rule.needs is None]
            try:
                found, _ = self._findings(compilation_of(self.scope, declared), rules)
            except DiagnosticError:
                found = []
            self.known[id(declared)] = _facts(found)
        return self.known[id(declared)]

    # ---- what is left to say

    def _reported(self) -> Iterator[Diagnostic]:
        ignores = Ignores(self.scope.source)
        kept = ignores.kept(self.found)
        if UNKNOWN_IGNORE in self.rules:
            kept += [(UNKNOWN_IGNORE, finding) for finding in ignores.unknown()]
        if UNUSED_IGNORE in self.rules:
            kept += [(UNUSED_IGNORE, finding) for finding in ignores.unused(self._ran())]
        for rule, finding in kept:
            severity = Severity(self.settings.level(rule).value)
            yield Diagnostic(
                rule.code,
                finding.message,
                severity,
                finding.primary,
                finding.secondary,
                finding.help,
                finding.fix,
            )

    def _ran(self) -> set[str]:
        """The rules that have looked at everything; what doesn't compile, those about networks haven't seen."""
        if self.wrong or len(self.compilations) < len(self.scope.compiled()):
            return {rule.code for rule in self.rules if isinstance(rule, FileRule)}
        return {rule.code for rule in self.rules}


def _facts(found: Iterable[tuple[Rule, Finding]]) -> Facts:
    return frozenset((rule.code, fact) for rule, finding in found for fact in finding.facts)


def _rests_on(found: tuple[Rule, Finding], known: Facts) -> bool:
    """Whether a finding is about nothing but known facts."""
    return bool(found[1].facts) and _facts([found]) <= known
