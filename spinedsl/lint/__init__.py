"""Lint: what is allowed in a spec, and mostly not meant.

    text ──check──▶ scope, compilations ──RULES──▶ findings ──ignores, levels──▶ diagnostics

lint_spec    everything `spinec lint` says of a file: what the command line and an editor call
RULES        the table of rules; a rule reads a file's syntax, a network, or what will be compiled
Settings     levels and options of rules; `spinedsl.configuration` reads them from a pyproject.toml

What a file says wrong is told as `spinec check` tells it, and rules that need a network that compiles
are silent then. What a network inherits is said where it comes from: once, and not of all its variants.
"""

from spinedsl.lint.linting import lint_spec
from spinedsl.lint.rule import Level, Option, Rule, Settings
from spinedsl.lint.rules import RULES, rule_called

__all__ = ["RULES", "Level", "Option", "Rule", "Settings", "lint_spec", "rule_called"]
