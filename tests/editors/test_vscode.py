"""The extension for Visual Studio Code: its grammar and snippets agree with the language."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spinedsl.language_server import vocabulary
from spinedsl.ops.words import WORDS
from spinedsl.source import Source
from spinedsl.syntax.grammar import keywords
from spinedsl.syntax.parser import parse_what_stands

VSCODE = Path(__file__).parents[2] / "editors" / "vscode"
ALSO = {"block", "resampling", "part"}
"""Words that the grammar doesn't know as keywords: one terminal has them all."""


def read(name: str) -> Any:
    return json.loads((VSCODE / name).read_text(encoding="utf-8"))


def listed(pattern: str) -> list[str]:
    """The words of a pattern that is a list of words."""
    found = re.search(r"\(([a-z0-9_|]+)\)\\b\(\?!", pattern)
    assert found, pattern
    return found[1].split("|")


def plain(snippet: str) -> str:
    """A snippet with what it proposes filled in; places without a proposal are filled with `x`."""
    text = re.sub(r"\$\{\d+\|([^,|]+)[^}]*\}", r"\1", snippet)
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", text)
    return re.sub(r"\$\d+", "", text)


def test_its_keywords_are_those_of_the_grammar() -> None:
    patterns = read("syntaxes/spine.tmLanguage.json")["repository"]["keyword"]["patterns"]
    words = [word for pattern in patterns for word in listed(pattern["match"])]
    assert sorted(words) == sorted({*keywords(), *ALSO})


def test_its_operators_are_those_of_the_language() -> None:
    repository = read("syntaxes/spine.tmLanguage.json")["repository"]
    assert set(listed(repository["operator-word"]["match"])) == WORDS.keys() - keywords()


def test_its_version_of_words_that_declare_is_everywhere_the_same() -> None:
    repository = read("syntaxes/spine.tmLanguage.json")["repository"]
    declaring = listed(repository["keyword"]["patterns"][0]["match"])
    assert "|".join(declaring) in repository["item"]["match"]
    assert set(declaring) == vocabulary.ITEMS.keys() - {"import"}


@pytest.mark.parametrize("name", ["Network", "Variant", "Model", "Block kind", "Import"])
def test_its_snippets_are_of_the_language(name: str) -> None:
    text = plain("\n".join(read("snippets/spine.json")[name]["body"]))
    assert parse_what_stands(Source(name, text)).diagnostics == (), text


@pytest.mark.parametrize("word", sorted(vocabulary.ITEMS))
def test_what_the_server_completes_is_of_the_language(word: str) -> None:
    text = plain(vocabulary.ITEMS[word].snippet)
    assert parse_what_stands(Source(word, text)).diagnostics == (), text


def test_what_it_says_it_has_is_there() -> None:
    contributes = read("package.json")["contributes"]
    files = [each["path"] for each in (*contributes["grammars"], *contributes["snippets"])]
    files += [each["configuration"] for each in contributes["languages"]]
    for file in files:
        read(file)


def test_the_colours_of_all_specs() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (VSCODE / "node_modules").is_dir():
        pytest.skip("run `npm ci` in editors/vscode first")
    run = subprocess.run(
        [node, "test/grammar.mjs"], cwd=VSCODE, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
