"""The rules of `spinec breaking`: what may not change under those who use a network."""

from __future__ import annotations

from collections.abc import Iterable

from spinedsl.diagnostics import CODES, fail, suggestion
from spinedsl.records import record

CATEGORIES: dict[str, str] = {
    "NETWORKS": "who compiles a network by its name",
    "WEIGHTS": "who loads trained weights",
    "RESULTS": "who trusts that the same weights give the same results",
    "INPUTS": "who feeds images or features",
    "OUTPUTS": "who reads endpoints, or what heads put out",
    "TASKS": "who decodes, trains or labels what heads put out",
}
"""Each category with whom its rules protect."""


@record
class Rule:
    """One rule.

    Attributes:
        code: of its diagnostics.
        name: how it is chosen on the command line; stable.
        category: key of `CATEGORIES`.
    """

    code: str
    name: str
    category: str

    @property
    def title(self) -> str:
        """What its diagnostics are about."""
        return CODES[self.code]


RULES: tuple[Rule, ...] = (
    Rule("SP200", "network-gone", "NETWORKS"),
    Rule("SP201", "weights-gone", "WEIGHTS"),
    Rule("SP202", "weights-new", "WEIGHTS"),
    Rule("SP203", "weights-reshaped", "WEIGHTS"),
    Rule("SP204", "weights-renamed", "WEIGHTS"),
    Rule("SP205", "results-changed", "RESULTS"),
    Rule("SP210", "input-names", "INPUTS"),
    Rule("SP211", "input-channels", "INPUTS"),
    Rule("SP212", "input-size", "INPUTS"),
    Rule("SP213", "input-pixels", "INPUTS"),
    Rule("SP220", "output-gone", "OUTPUTS"),
    Rule("SP221", "output-stride", "OUTPUTS"),
    Rule("SP222", "output-channels", "OUTPUTS"),
    Rule("SP223", "output-order", "OUTPUTS"),
    Rule("SP230", "class-count", "TASKS"),
    Rule("SP231", "task-changed", "TASKS"),
)
"""Every rule, in the order in which they are told."""


def chosen(only: Iterable[str], but: Iterable[str]) -> frozenset[str]:
    """Codes of the rules that hold.

    Args:
        only: rules by code or name, and categories; all rules if there are none.
        but: those that don't hold, and win.

    Raises:
        DiagnosticError: a word that means no rule (SP020).
    """
    only = tuple(only)
    held = frozenset(code for word in only for code in _codes(word)) if only else _ALL
    return held - frozenset(code for word in but for code in _codes(word))


_ALL = frozenset(rule.code for rule in RULES)


def _codes(word: str) -> frozenset[str]:
    plain = word.strip().lower().replace("_", "-")
    found = frozenset(r.code for r in RULES if plain in (r.code.lower(), r.name, r.category.lower()))
    if not found:
        known = [*(name.lower() for name in CATEGORIES), *(rule.name for rule in RULES)]
        raise fail(
            "SP020", f"there is no rule or category “{word}”",
            help=suggestion(plain, known, "`spinec breaking --list-rules` shows them all"),
        )  # fmt: skip
    return found
