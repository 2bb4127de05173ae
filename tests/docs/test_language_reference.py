"""docs/language.md is complete: every word of the grammar, every argument of an operator, every limit."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from spinedsl.ir.expectations import QUANTITIES
from spinedsl.ir.settings import READERS
from spinedsl.ops.words import WORDS
from spinedsl.syntax.grammar import keywords

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", PAGE, re.MULTILINE | re.DOTALL))
DEFINITION_KINDS = {"block", "resampling", "merge", "part"}

LIMITS = {
    "source.MAX_SOURCE_BYTES": "a source",
    "syntax.parser.MAX_LINES": "a source",
    "syntax.parser.MAX_ARROWS": "a source",
    "syntax.parser.MAX_BODIES": "a source",
    "syntax.lexer.MAX_RUN": "words without a brace",
    "ir.loading.MAX_IMPORTS": "imported files",
    "ir.loading.MAX_PATH": "imported files",
    "ir.resolve.MAX_LINEAGE": "imported files",
    "ir.models.MAX_LINEAGE": "imported files",
    "ir.spaces.MAX_LINEAGE": "imported files",
    "ir.space_rules.MAX_PARENTS": "in a search space",
    "ir.space_rules.MAX_WINDOW": "in a search space",
    "ir.space_rules.MAX_OFFSET": "in a search space",
    "ir.models.MAX_PARTS": "necks",
    "passes.tasks.MAX_CLASSES": "classes of a task",
    "passes.tasks.MAX_OCTAVES": "classes of a task",
    "passes.tasks.MAX_SIZE": "classes of a task",
    "passes.tasks.MAX_POOL": "classes of a task",
    "syntax.parser.MAX_DEPTH": "nested brackets",
    "passes.body.MAX_NESTED": "nested bodies",
    "syntax.parser.MAX_NAME": "a name",
    "syntax.parser.MAX_TEXT": "a name",
    "syntax.parser.MAX_DIGITS": "a number",
    "syntax.parser.MAX_EXPONENT": "a number",
    "ir.expressions.MAX_MAGNITUDE": "a number",
    "ir.resolve.MAX_BLOCKS": "blocks of a network",
    "passes.elaborate.MAX_EXPANDED": "blocks of a network",
    "passes.lower.MAX_OPERATORS": "blocks of a network",
    "passes.body.MAX_OPERATORS": "blocks of a network",
    "ir.blocks.MAX_INPUTS": "inputs of a block",
    "ir.settings.MAX_REPEAT": "`repeat`",
    "passes.body.MAX_UNROLLED": "`repeat`",
    "ir.settings.MAX_EXTENT": "an extent",
    "ir.settings.MAX_WIDTH": "an extent",
    "ops.words.MAX_CHANNELS": "an extent",
    "ops.words.MAX_KERNEL": "a kernel",
    "passes.body.MAX_PARAMETERS": "a kernel",
}
"""Every limit of the language, and how its row in the table begins."""

POSITIONAL = {
    "act": {"function"},
    "scale": {"by"},
    "space_to_depth": {"block"},
    "upsample": {"method", "to"},
}
"""Arguments that are written without their names."""

NO_LIMITS = {
    "ir.definitions.MAX_SHOWN": "how many places one diagnostic shows",
    "ir.titles.MAX_CLASS_NAME": "a longer title is cut",
    "syntax.parser.MAX_INVISIBLE": "how many invisible characters are told at once",
    "syntax.recovery.MAX_SYNTAX_ERRORS": "how many syntax errors are told at once",
}
"""What is called like a limit and refuses nothing."""

POWERS = {1 << 20: ("1 MiB", "1,048,576"), 1 << 28: ("2^28",), 10**18: ("10^18",)}
"""Numbers that read better in another form."""


def row(begins: str) -> str:
    """The row of the table of limits that begins so."""
    (found,) = re.findall(rf"^\| {re.escape(begins)}.*$", PAGE.partition("\n## Limits\n")[2], re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("word", sorted(keywords() | DEFINITION_KINDS | {"true", "false"}))
def test_every_word_of_the_grammar_stands_in_code(word: str) -> None:
    assert re.search(rf"\b{word}\b", CODE)


@pytest.mark.parametrize(("word", "argument"), [(w, a) for w in WORDS for a in WORDS[w].arguments])
def test_every_argument_of_an_operator_is_described(word: str, argument: str) -> None:
    said = "\n".join(re.findall(rf"^\|.*`{word}.*$|^`conv`.*$", PAGE, re.MULTILINE))
    assert argument in POSITIONAL.get(word, ()) or f"{argument} = " in said


@pytest.mark.parametrize("setting", READERS)
def test_every_setting_has_a_row(setting: str) -> None:
    assert re.search(rf"^\| `{setting}\b", PAGE, re.MULTILINE)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_everything_that_can_be_expected_is_described(quantity: str) -> None:
    assert re.search(rf"`expect {quantity}\b", PAGE)


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_is_stated(limit: str) -> None:
    module, _, name = limit.rpartition(".")
    value = getattr(importlib.import_module(f"spinedsl.{module}"), name)
    forms = POWERS.get(value, (f"{value:,}",))
    assert any(re.search(rf"(?<![\d,]){re.escape(form)}(?![\d,]\d)", row(LIMITS[limit])) for form in forms)


def test_no_limit_is_forgotten() -> None:
    found = {
        f"{'.'.join(path.relative_to(ROOT / 'spinedsl').with_suffix('').parts)}.{name}"
        for part in ("source.py", "syntax", "ir", "ops", "passes")
        for path in [ROOT / "spinedsl" / part, *(ROOT / "spinedsl" / part).rglob("*.py")]
        if path.is_file()
        for name in re.findall(r"^(MAX_\w+)(?:: \w+)? = ", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == {*LIMITS, *NO_LIMITS}
