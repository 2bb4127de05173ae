"""The table of rules."""

from __future__ import annotations

from spinedsl.diagnostics import nearest
from spinedsl.lint.channels import narrow_reductions, unaligned_channels
from spinedsl.lint.connections import long_connections, repeated_inputs, unread_blocks
from spinedsl.lint.deployment import opset_beyond_runtime, uneven_size
from spinedsl.lint.names import unused_definitions, unused_imports
from spinedsl.lint.rule import CommentRule, FileRule, Level, Option, PartRule, Rule, WholeRule
from spinedsl.lint.trained import conventions_unlike_weights

UNUSED_IGNORE = CommentRule("SP100", "unused-ignore")
UNKNOWN_IGNORE = CommentRule("SP111", "unknown-ignore")

RULES: tuple[Rule, ...] = (
    UNUSED_IGNORE,
    PartRule("SP101", "unread-block", check=unread_blocks),
    FileRule("SP102", "repeated-input", check=repeated_inputs),
    PartRule(
        "SP103",
        "long-connection",
        option=Option("levels", 3, 1, "levels that a connection may cross"),
        check=long_connections,
    ),
    PartRule(
        "SP104",
        "unaligned-channels",
        option=Option("multiple", 8, 2, "what channels should be a multiple of"),
        check=unaligned_channels,
    ),
    PartRule(
        "SP105",
        "narrow-reduction",
        option=Option("channels", 16, 1, "channels that a reduction should leave"),
        check=narrow_reductions,
    ),
    WholeRule("SP106", "uneven-size", check=uneven_size),
    WholeRule(
        "SP107", "opset-beyond-runtime", level=Level.ERROR, needs="runtime", check=opset_beyond_runtime
    ),
    WholeRule(
        "SP108",
        "conventions-unlike-weights",
        level=Level.ERROR,
        needs="weights",
        check=conventions_unlike_weights,
    ),
    FileRule("SP109", "unused-definition", check=unused_definitions),
    FileRule("SP110", "unused-import", check=unused_imports),
    UNKNOWN_IGNORE,
)
"""Every rule, by code."""

NAMES = {name: rule for rule in RULES for name in (rule.code, rule.name)}
"""Code or name → rule."""


def rule_called(text: str) -> Rule | None:
    """The rule with a code or name, however it is written; None if there is none."""
    return NAMES.get(text.upper()) or NAMES.get(text.lower())


def near_rule(text: str) -> str:
    """Help for who names a rule that doesn't exist."""
    # An O is easily typed for a 0.
    match = nearest(text.upper().replace("O", "0"), (r.code for r in RULES))
    match = match or nearest(text.lower(), (r.name for r in RULES))
    return f"did you mean “{match}”?" if match else "`spinec lint --rules` lists them"
