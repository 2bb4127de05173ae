"""Reading a page of documentation: its blocks of code, and the marks right above them.

CONTRIBUTING.md says what the marks are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

MARK = re.compile(r"<!-- (not run|file|given): (.+?) ?-->\n?", re.DOTALL)
COMMAND = re.compile(r"^\$ ", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block of code, or a mark that stands alone.

    Attributes:
        page: the page's path from the repository's root.
        line: where the block begins, from 1.
        language: the first word behind the fence; of a lone mark, its name.
        words: the words behind the language.
        not_run: why it can't be run, if it says so.
        file: the file that it is, or that a `diff` changes.
    """

    page: str
    line: int
    language: str
    text: str
    words: frozenset[str] = frozenset()
    not_run: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a `console` or `sh` block, and what it prints; None: whatever it likes."""

    text: str
    output: str | None = field(default=None)


def blocks(page: Path, root: Path) -> Iterator[Block]:
    """The blocks and lone marks of a page, in order; a fence without a language, or of `text`, is no code."""
    name = str(page.relative_to(root))
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    above: dict[str, str] = {}
    for token in tokens:
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            above = {}
            for mark, value in MARK.findall(token.content):
                if mark == "given" or "\n" in value:
                    yield Block(name, line, mark, value)
                else:
                    above[mark] = value
        elif token.type == "fence":
            language, *words = token.info.split() or [""]
            if language and (language != "text" or "file" in above):
                yield Block(
                    name, line, language, token.content, frozenset(words), above.get("not run"), above.get("file")
                )  # fmt: skip
            above = {}
        elif above and token.type.endswith("_open"):
            raise ValueError(f"{name}:{line}: no block of code stands below the mark {above}")


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block, continued lines joined, remarks and empty lines left out."""
    if block.language == "console":
        for part in COMMAND.split(block.text)[1:]:
            command, _, output = _joined(part).partition("\n")
            yield Command(command, output)
        return
    for line in _joined(block.text).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield Command(line)


def _joined(text: str) -> str:
    return re.sub(r" *\\\n\s*", " ", text)
