"""Running the blocks of one page, one after the other, in a folder of its own."""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from snippet_blocks import Block, Command, commands
from snippet_given import give
from snippet_output import agrees

from spinedsl.cli import run
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import DiagnosticError
from spinedsl.source import Source
from spinedsl.syntax.parser import parse

SECONDS = 120
"""The longest that one block may take, on a machine that does other things too."""
NEEDS_A_SHELL = re.compile(r"[|<>&;$`~]")
BUG = 70
CONTEXTS = tuple(
    f"{head}{{}}\n{tail}"
    for head, tail in (
        ("", ""),
        ("network n {{\n", "}}"),
        ("model m {{\n", "}}"),
        ("block b(width) -> width {{\n", "}}"),
        ("head h -> classification(2) {{\n", "}}"),
        ("space s of n {{\n", "}}"),
    )
)
"""Where a fragment of a spec can stand."""


class SnippetError(AssertionError):
    """A block that doesn't do what its page says."""


class PageRunner:
    """The state of one page: a folder, which is the current one, and the names of its Python.

    Attributes:
        printed: what the blocks of Python printed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = io.StringIO()
        self._ways: dict[str, Callable[[Block], None]] = {
            "console": self._console,
            "sh": self._console,
            "python": self._python,
            "spine": self._spine,
            "diff": self._diff,
            "toml": lambda block: tomllib.loads(block.text),
            "json": lambda block: json.loads(block.text),
            "yaml": lambda block: yaml.safe_load(block.text),
            "file": self._file,
            "given": lambda block: give(block.text, self.folder),
        }

    def run(self, block: Block) -> None:
        """Run one block.

        Raises:
            SnippetError: it fails, or prints something else.
        """
        if block.not_run:
            return
        if block.language not in self._ways:
            raise SnippetError(f"no way to run `{block.language}`; say why not: <!-- not run: … -->")
        if block.file and block.language != "diff":
            self._write(block.file, block.text)
            return
        with time_limit(SECONDS):
            self._ways[block.language](block)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _file(self, block: Block) -> None:
        name, _, text = block.text.partition("\n")
        self._write(name, text)

    def _console(self, block: Block) -> None:
        found = list(commands(block))
        if not found:
            raise SnippetError("no command: they begin with `$ `")
        for command in found:
            code, output = run_command(command.text, self.folder)
            _judge(command, code, output)

    def _python(self, block: Block) -> None:
        if ">>>" in block.text:
            self._session(block)
            return
        # Empty lines before it: a traceback then names the page's own line.
        code = compile("\n" * block.line + block.text, block.page, "exec")
        with contextlib.redirect_stdout(self.printed):
            exec(code, self.names)

    def _session(self, block: Block) -> None:
        text = block.text.replace("…", "...")
        test = doctest.DocTestParser().get_doctest(text, self.names, str(block), block.page, block.line)
        test.globs = self.names  # not the copy that it made: blocks share their names
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        report = io.StringIO()
        if runner.run(test, out=report.write, clear_globs=False).failed:
            raise SnippetError(report.getvalue())

    def _spine(self, block: Block) -> None:
        if "fragment" in block.words:
            _parse_somewhere(block.text)
            return
        self._write("snippet.spine", block.text)
        code, output = run_in_process(["check", "snippet.spine"])
        if code or "warning" in output:
            raise SnippetError(output)
        code, output = run_in_process(["fmt", "--diff", "snippet.spine"])
        if code or output:
            raise SnippetError(f"not in the one layout:\n{output}")

    def _diff(self, block: Block) -> None:
        if not block.file:
            raise SnippetError("a diff of which file? <!-- file: … -->")
        path = self.folder / block.file
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        text = path.read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise SnippetError(f"these lines stand {text.count(before)} times in {block.file}:\n{before}")
        path.write_text(text.replace(before, after), encoding="utf-8")


def _judge(command: Command, code: int, output: str) -> None:
    if command.output is None and code:
        raise SnippetError(f"$ {command.text}\n{output}\nexit code {code}")
    if command.output is not None and (code in (2, BUG) or not agrees(output, command.output)):
        raise SnippetError(f"$ {command.text}\n{output}\nexit code {code}; the page says\n{command.output}")


def run_command(text: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a command; spinec's own run in this process, which is quicker."""
    words = [] if NEEDS_A_SHELL.search(text.partition(" # ")[0]) else shlex.split(text, comments=True)
    if words[:1] == ["spinec"]:
        return run_in_process([found for word in words[1:] for found in _expanded(word)])
    environment = {**os.environ, "HOME": str(folder)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], env=environment, cwd=folder, timeout=SECONDS, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return ran.returncode, ran.stdout


def run_in_process(arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of a spinec command."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        code = run(arguments)
    return code, stream.buffer.getvalue().decode()


def _expanded(word: str) -> list[str]:
    """The files that a word with wildcards stands for, as a shell does it."""
    return sorted(map(str, Path().glob(word))) or [word] if "*" in word else [word]


def _parse_somewhere(text: str) -> None:
    problems: list[DiagnosticError] = []
    for context in CONTEXTS:
        try:
            parse(Source("fragment.spine", context.format(text)))
            return
        except DiagnosticError as problem:
            problems.append(problem)
    report = io.StringIO()
    Renderer(report, colour=False).show(problems[1].diagnostics)
    raise SnippetError(report.getvalue())


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def end(*_: object) -> None:
        raise TimeoutError(f"takes longer than {seconds} s: mark it as not run, with the reason")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
