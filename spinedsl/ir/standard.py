"""What the standard library declares, by name: for who forgot an import."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from spinedsl import resources
from spinedsl.ir.loading import kind_of, standard_files
from spinedsl.source import read_source
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import parse


def declared_in_library(name: str, kind: str | None = None) -> tuple[str, ...]:
    """Files of the standard library that declare a name, as an import writes them.

    Args:
        kind: only what is declared as this: `network`, `conventions`, `space`, or a kind of definition.
    """
    return tuple(file for file, declared in _declarations().get(name, ()) if kind in (None, declared))


@cache
def _declarations() -> dict[str, list[tuple[str, str]]]:
    """Of each name: the files, and as what they declare it."""
    folder = resources.folder("specs")
    found: dict[str, list[tuple[str, str]]] = {}
    for file in standard_files():
        for item in parse(read_source(folder / file)).items:
            if not isinstance(item, nodes.Import):
                kind = item.kind if isinstance(item, nodes.Definition) else kind_of(item)
                found.setdefault(item.name.text, []).append((Path(file).as_posix(), kind))
    return found


def in_library(path: Path | None) -> bool:
    """Whether a file is one of the standard library."""
    return path is not None and path.is_relative_to(resources.library())
