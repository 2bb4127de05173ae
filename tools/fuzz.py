"""Any text into every tool that reads one, guided by coverage: python -m tools.fuzz --minutes 60

A tool may answer with diagnostics and nothing else: any other exception stops the run, with the text
that did it. What is tried grows out of the shipped specs and the bad programs of the tests. Needs
atheris (Linux): pip install "atheris>=3". The tests have the same properties, with fewer texts
(tests/properties, tests/syntax, tests/lint, tests/language_server, tests/comparison).
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["spinedsl"]):
    from spinedsl.checking.check import check_spec
    from spinedsl.comparison.difference import compare
    from spinedsl.diagnostics import DiagnosticError
    from spinedsl.fixing import MAX_ROUNDS, fixed
    from spinedsl.language_server.analysis import analyse, completed
    from spinedsl.language_server.completion import completions
    from spinedsl.language_server.hover import hover
    from spinedsl.language_server.outline import folds, outline, selections
    from spinedsl.language_server.tokens import semantic_tokens
    from spinedsl.lint import lint_spec
    from spinedsl.ops.words import WORDS as OPERATORS
    from spinedsl.source import DISK, Files, Source, SourceProblem, source_from_bytes
    from spinedsl.specification import open_all
    from spinedsl.syntax.formatting import formatted
    from spinedsl.syntax.grammar import keywords
    from spinedsl.syntax.parser import parse_what_stands

ROOT = Path(__file__).parents[1]
NAME = Path("/fuzz/a.spine")
WORD = re.compile(r'"[^"\n]*"|[\w.]+|->|<-|=>|[^\s\w]')
WORDS = [
    *sorted(keywords()),
    *sorted(OPERATORS),
    *"{}()@:,=/*-+#",
    "<-",
    "->",
    "=>",
    "..",
    "0",
    "1",
    "63",
    "1e9",
    "3x3",
    "0.5",
]
MAX_BYTES = 2500
"""Longest text: a longer one finds little more, and takes longer."""


class Text(Files):
    """The disk, and one text that isn't there."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def holds(self, path: Path) -> bool:
        return path == NAME or super().holds(path)

    def read(self, path: Path, name: str | None = None) -> Source:
        return self.source if path == NAME else DISK.read(path, name)


def check(source: Source) -> None:
    """Everything `spinec check` does, and what `--fix` would."""
    check_spec(str(NAME), files=Text(source))


def fix(source: Source) -> None:
    """Mended texts are mended: nothing safe is left to do."""

    def diagnose(files: Files) -> object:
        return parse_what_stands(files.read(NAME, source.name)).diagnostics

    made = fixed(source, diagnose)
    # A text of nothing but mistakes may need more rounds than there are.
    if made.count < MAX_ROUNDS:
        assert fixed(Source(source.name, made.text, NAME), diagnose).text == made.text


def fmt(source: Source) -> None:
    """A text that parses has one layout."""
    text = formatted(source)
    assert formatted(Source(source.name, text, NAME)) == text


def lint(source: Source) -> None:
    """What lint says of it."""
    lint_spec(str(NAME), files=Text(source))


def edit(source: Source) -> None:
    """What an editor asks: of the text, and of half of it as the text before."""
    half = Source(source.name, source.text[: len(source.text) // 2], NAME)
    analysis = analyse(source, analyse(half, files=Text(half)), files=Text(source))
    analysis = completed(analysis, analysis.pending)
    outline(analysis), folds(analysis), list(semantic_tokens(analysis))
    for offset in {0, len(half.text), len(source.text)}:
        hover(analysis, offset), completions(analysis, offset), selections(analysis, offset)


def diff(source: Source) -> None:
    """What changed between the first network and the last."""
    _, compilations = open_all(str(NAME), files=Text(source))
    if compilations:
        compare(compilations[0], compilations[-1])


TOOLS: dict[str, Callable[[Source], None]] = {
    tool.__name__: tool for tool in (check, fix, fmt, lint, edit, diff)
}


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Half of the time a change of bytes, else of words and lines, which gets past the parser more often."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return bytes(atheris.Mutate(data, most))
    text = data.decode("utf-8", "replace")
    for _ in range(chance.randint(1, 3)):
        words, lines = list(WORD.finditer(text)), text.split("\n")
        if not words:
            break
        word, other, line = chance.choice(words), chance.choice(words), chance.randrange(len(lines))
        change = chance.randrange(5)
        if change == 0:
            text = text[: word.start()] + other.group() + text[word.end() :]
        elif change == 1:
            text = text[: word.start()] + chance.choice(WORDS) + text[word.end() :]
        elif change == 2:
            text = text[: word.start()] + text[word.end() :]
        else:
            moved = [lines[line]] * (change - 2) if change == 3 else lines.pop(line).split("\n")
            at = chance.randrange(len(lines) + 1)
            text = "\n".join([*lines[:at], *moved, *lines[at:]])
    return text.encode("utf-8", "replace")[:most]


def corpus(folder: Path) -> None:
    """Texts to begin with."""
    for number, path in enumerate(sorted(ROOT.rglob("*.spine"))):
        if not {".venv", "build"} & set(path.relative_to(ROOT).parts):
            shutil.copyfile(path, folder / f"{number}.spine")


def main() -> None:
    """Run until the time is over, or something falls."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--tool", choices=TOOLS, action="append", help="only these")
    asked = arguments.parse_args()
    tools = [TOOLS[name] for name in asked.tool or TOOLS]

    def one(data: bytes) -> None:
        try:
            source = source_from_bytes(data, "a.spine", NAME)
        except SourceProblem:
            return
        for tool in tools:
            with suppress(DiagnosticError):
                tool(source)

    with tempfile.TemporaryDirectory() as folder:
        corpus(Path(folder))
        options = [
            f"-artifact_prefix={tempfile.gettempdir()}/",
            f"-max_total_time={asked.minutes * 60:.0f}",
            f"-max_len={MAX_BYTES}",
            "-timeout=60",
        ]
        atheris.Setup([sys.argv[0], folder, *options], one, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
