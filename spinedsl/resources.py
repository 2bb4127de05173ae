"""The only finder of the data that ships with spinec: grammars, templates and specs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDERS = ("grammars", "codegen_templates", "specs")
_PACKAGE = Path(__file__).resolve().parent


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
