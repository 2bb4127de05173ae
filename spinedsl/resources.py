"""The only finder of the data that ships with spinec: grammars, templates and specs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDERS = ("grammars", "codegen_templates", "specs")
SUFFIX = ".spine"
STANDARD = "std:"
"""What a SPEC that ships begins with, and what its files are called by."""
PRELUDE = "std/prelude.spine"
"""In scope in every file without an import; a file may declare the same names anew."""
_PACKAGE = Path(__file__).resolve().parent
_DECLARED = re.compile(r"^(?:network|model) +(\w+)", re.MULTILINE)


@cache
def folder(name: str) -> Path:
    """Path of a data folder: inside an installed package, or beside it in a checkout.

    Raises:
        FileNotFoundError: neither place has it; the message names both.
    """
    assert name in FOLDERS, name
    installed = _PACKAGE / "_data" / name
    if installed.is_dir():
        return installed
    checkout = _PACKAGE.parent / name
    if checkout.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return checkout
    raise FileNotFoundError(f"spinec's data folder {name!r} is neither at {installed} nor at {checkout}")


@cache
def text(folder_name: str, file_name: str) -> str:
    """Contents of one data file, as text."""
    return (folder(folder_name) / file_name).read_text(encoding="utf-8")


@cache
def library() -> Path:
    """The standard library's folder, resolved."""
    return folder("specs").resolve()


def standard_names() -> Iterator[tuple[Path, list[str]]]:
    """The files of networks and models that ship, in order, each with their names.

    Names are looked for in the text: parsing all files would take as long as compiling one.
    """
    for path in standard_specs():
        yield path, names_in(path.read_text(encoding="utf-8"))


def standard_specs() -> list[Path]:
    """The files of networks and models that ship; those in `std/` are for importing."""
    specs = folder("specs")
    return [path for path in sorted(specs.rglob(f"*{SUFFIX}")) if not path.is_relative_to(specs / "std")]


def names_in(text: str) -> list[str]:
    """Names of the networks and models that stand in a text, which isn't parsed."""
    return _DECLARED.findall(text)
