"""Finding what a project says of itself."""

from __future__ import annotations

import os
from dataclasses import field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from spinedsl.configuration.document import Document, open_document
from spinedsl.configuration.lint_table import Ignored, read_section
from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.lint import Level, Settings
from spinedsl.records import record
from spinedsl.source import DISK, Files

FILE = "pyproject.toml"


@record
class Configuration:
    """What a project says; an empty one says nothing.

    Attributes:
        folder: where paths and patterns start from.
        lint: how every file is linted.
        ignored: pattern of paths → codes that are off in files that it matches.
    """

    folder: Path | None = None
    lint: Settings = field(default_factory=Settings)
    ignored: Ignored = ()

    def lint_of(self, file: Path) -> Settings:
        """How a file is linted. A pattern matches its name, or its path from the folder; `*` also `/`."""
        path = _absolute(file)
        names = [path.name]
        if self.folder is not None and path.is_relative_to(self.folder):
            names.append(path.relative_to(self.folder).as_posix())
        off = [
            code
            for pattern, codes in self.ignored
            if any(fnmatchcase(name, pattern) for name in names)
            for code in codes
        ]
        return replace(self.lint, levels={**self.lint.levels, **dict.fromkeys(off, Level.OFF)})


def configuration_for(file: Path, files: Files = DISK) -> Configuration:
    """The configuration that counts for a file, or for what a folder holds; an empty one if there is none.

    What can't be read, and what doesn't concern spinec, may be somebody else's, and is passed over.

    Raises:
        DiagnosticError: everything that is wrong with it.
    """
    start = _absolute(file)
    for folder in (start, *start.parents):
        if files.holds(folder / FILE):
            try:
                document = open_document(folder / FILE, files)
            except DiagnosticError:
                continue
            if document.concerns_spinec:
                return _configuration(document)
    return Configuration()


def read_configuration(path: Path, files: Files = DISK) -> Configuration:
    """The configuration in a file.

    Raises:
        DiagnosticError: it can't be read, says nothing of spinec (SP032), or something is wrong with it.
    """
    document = open_document(path, files)
    if document.section is None:
        raise fail(
            "SP032", f"“{document.source.name}” has no [tool.spinec]", document.place(()),
            help="write `[tool.spinec.lint]`, or give another file with `--config`",
        )  # fmt: skip
    return _configuration(document)


def _configuration(document: Document) -> Configuration:
    lint, ignored = read_section(document)
    return Configuration(document.folder, lint, ignored)


def _absolute(path: Path) -> Path:
    """A path from the root, without “..”; as it is, where the working folder was removed.

    Links aren't followed: the nearest folder is that of the path as it was written.
    """
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100  (Path.absolute keeps “..”)
    except OSError:
        return path
