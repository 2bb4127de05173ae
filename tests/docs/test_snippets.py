"""Every block of code in README.md and docs/ does what its page says (CONTRIBUTING.md, “Documentation”)."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import yaml
from snippet_blocks import Block, blocks
from snippet_output import agrees
from snippet_runner import PageRunner, SnippetError

from spinedsl.cli import COMMANDS, group

ROOT = Path(__file__).resolve().parents[2]
TESTED_ELSEWHERE = {
    "docs/diagnostics.md": "generated; tests/explanations runs every example",
}
"""Pages whose blocks other tests run."""
STUBBED = {"docs/frameworks.md": "tests/frameworks/test_docs.py runs them, some against stubs"}
"""Pages whose Python other tests run."""
TUTORIAL = "docs/tutorial.md"
PAGES = [
    str(page.relative_to(ROOT))
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if str(page.relative_to(ROOT)) not in TESTED_ELSEWHERE
]
NOT_COPIED = shutil.ignore_patterns(
    ".*_cache", ".git", ".venv", ".hypothesis", "__pycache__", "node_modules", "build", "dist", "tests", "spinedsl"
)  # fmt: skip
INLINE = re.compile(r"`(spinec [a-z][^`]*)`")


def all_blocks() -> Iterator[Block]:
    for page in PAGES:
        yield from blocks(ROOT / page, ROOT)


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the checkout without its tests and code, as the current folder."""
    folder = tmp_path / "spinec"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_works(page: str, checkout: Path) -> None:
    runner = PageRunner(checkout)
    failures = []
    for block in blocks(ROOT / page, ROOT):
        if block.language == "python" and page in STUBBED:
            continue
        try:
            runner.run(block)
        except (Exception, SystemExit) as problem:
            said = (
                str(problem) if isinstance(problem, SnippetError) else f"{type(problem).__name__}: {problem}"
            )
            failures.append(f"{block}: {said}")
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def test_the_picture_in_the_tutorial_is_of_its_network(
    checkout: Path, golden: Callable[[str, Path], None]
) -> None:
    runner = PageRunner(checkout)
    for block in blocks(ROOT / TUTORIAL, ROOT):
        if block.file or "spinec draw" in block.text:
            runner.run(block)
    golden((checkout / "tiny.svg").read_text(encoding="utf-8"), ROOT / "docs" / "tutorial.svg")


@pytest.mark.parametrize("block", [block for block in all_blocks() if block.not_run], ids=str)
def test_a_block_that_cannot_run_says_why(block: Block) -> None:
    pytest.skip(f"{block.not_run}")


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_named_in_the_text_exist(page: str) -> None:
    """`spinec show SPEC --stage ir` can't be run, for want of a SPEC; but its words are checked."""
    named = INLINE.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [problem for text in named for problem in unknown_words(text)] == []


def unknown_words(text: str) -> Iterator[str]:
    """The command and options of a command line that spinec doesn't have."""
    words = text.split()[1:]
    command: click.Command = group
    context = click.Context(group)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            yield f"{text}: no command {words[0]}"
            return
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        option = re.match(r"--[a-z-]+", word)
        if option and option[0] not in options | {"--help", "--version"}:
            yield f"{text}: no option {option[0]}"


def test_no_command_is_left_out() -> None:
    """Every command is shown at work, or at least named, on some page."""
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in COMMANDS if f"spinec {name}" not in text] == []


# ---- the runner itself


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("a\nb\n", "a\nb"),
        ("a\nb\nc\n", "a\n…\nc"),
        ("a\nc\n", "a\n…\nc"),
        ("wrote x in 0.31 s\n", "wrote x in … s"),
        ("largest 3.7e-06\n", "largest 1.2e-06"),
        ("torch 2.9.0+cpu, ok\n", "torch 2.14.1+cu130, ok"),
    ],
)
def test_outputs_that_agree(actual: str, expected: str) -> None:
    assert agrees(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [("a\nb\n", "a"), ("a\n", "a\nb"), ("b\na\n", "a\nb"), ("a.b\n", "a-b"), ("3.7e-06 bad\n", "1.2e-06 ok")],
)
def test_outputs_that_do_not(actual: str, expected: str) -> None:
    assert not agrees(actual, expected)


def written(folder: Path, text: str) -> list[Block]:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return list(blocks(page, folder))


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ spinec explain SP001\nnothing\n```",
        "```console\nspinec explain SP001\n```",
        "```sh\nspinec check missing.spine\n```",
        "```sh\nfalse | true\n```",
        "```python\nassert False\n```",
        "```python\n>>> 1 + 1\n3\n```",
        "```spine\nnetwork n {}\n```",
        "```spine fragment\nb0: residual @2 < s0\n```",
        "```toml\n[\n```",
        "```json\n{\n```",
        "```yaml\na: [\n```",
        "```cobol\nSTOP RUN.\n```",
        "<!-- file: a.txt -->\n```text\n```\n<!-- file: a.txt -->\n```diff\n-one\n+two\n```",
        "<!-- given: x, a unicorn -->",
    ],
)
def test_what_does_not_work_is_seen(text: str, checkout: Path) -> None:
    runner = PageRunner(checkout)
    with pytest.raises((SnippetError, AssertionError, ValueError, yaml.YAMLError)):
        for block in written(checkout, text):
            runner.run(block)


def test_blocks_share_a_folder_and_names(checkout: Path) -> None:
    text = """
<!-- file: a.txt
one
two
-->
<!-- file: a.txt -->
```diff
 one
-two
+three
```
```python
number = 7
```
```python
>>> number
7
```
```console
$ cat a.txt
one
three
```
"""
    runner = PageRunner(checkout)
    for block in written(checkout, text):
        runner.run(block)


def test_a_mark_stands_right_above_a_block(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"page.md:3: no block of code"):
        written(tmp_path, "<!-- not run: no reason -->\n\nText.\n\n```sh\nls\n```\n")
