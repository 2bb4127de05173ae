"""Every example of docs/language.md is what it says: a spec without problems."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import problems

from spinedsl.ops.words import WORDS
from spinedsl.passes.tasks import TASKS

DOCS = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```spine\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.strip().splitlines()[0][:40])
def test_example_has_no_problem(example: str) -> None:
    assert [str(d.message) for d in problems(example)] == []


def test_there_are_examples_of_everything() -> None:
    words = {line.split()[0] for example in EXAMPLES for line in example.splitlines() if line[:1].isalpha()}
    assert {"network", "block", "part", "head", "model", "space"} <= words


@pytest.mark.parametrize("word", WORDS)
def test_every_operator_is_described(word: str) -> None:
    # Activations stand for themselves in the table of settings.
    assert re.search(rf"`{word}\b|`{word}`", DOCS), word


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_described(task: str) -> None:
    """With its arguments and their defaults, as they are written."""
    arguments = [n if d is None else f"{n} = {d}" for n, d in TASKS[task].arguments.items()]
    assert f"`{task}({', '.join(arguments)})`" in DOCS
