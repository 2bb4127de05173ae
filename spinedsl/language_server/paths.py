"""Paths that an import can lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from spinedsl.ir.loading import standard_files
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.context import Context
from spinedsl.language_server.proposals import Proposal

MAX_PROPOSED = 500
SUFFIX = ".spine"


class TooManyFiles(Exception):
    """There are more files or folders than somebody would wait for."""


def import_paths(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """Files below the importing one's folder, and those of the standard library."""
    path = analysis.source.path
    if path is not None:
        with suppress(TooManyFiles):
            for found in spine_files(path.parent, MAX_PROPOSED):
                if found != path:
                    yield Proposal(found.relative_to(path.parent).as_posix(), "file", "beside this file")
    for name in standard_files():
        yield Proposal(Path(name).as_posix(), "file", "standard library")


def spine_files(folder: Path, most: int) -> Iterator[Path]:
    """Specs in a folder and below; hidden folders and environments are left out.

    Args:
        most: how many specs and folders are looked at.

    Raises:
        TooManyFiles: there are more, once those have been given.
    """
    left = most
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(n for n in inner if not n.startswith(".") and n not in ("node_modules", "venv"))
        specs = sorted(name for name in names if name.endswith(SUFFIX))
        yield from (Path(place, name) for name in specs[:left])
        left -= len(specs) + 1
        if left < 0:
            raise TooManyFiles
