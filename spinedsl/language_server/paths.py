"""Paths that an import can lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spinedsl.ir.loading import standard_files
from spinedsl.language_server.analysis import Analysis
from spinedsl.language_server.context import Context
from spinedsl.language_server.proposals import Proposal

MAX_FILES = 500
MAX_FOLDERS = 200
SUFFIX = ".spine"


def import_paths(context: Context, analysis: Analysis) -> Iterator[Proposal]:
    """Files below the importing one's folder, and those of the standard library."""
    path = analysis.source.path
    if path is not None:
        for found in spine_files(path.parent):
            if found != path:
                yield Proposal(found.relative_to(path.parent).as_posix(), "file", "beside this file")
    for name in standard_files():
        yield Proposal(Path(name).as_posix(), "file", "standard library")


def spine_files(folder: Path) -> Iterator[Path]:
    """Specs in a folder and below, the first few hundred; hidden folders and environments are left out."""
    files = 0
    for folders, (place, inner, names) in enumerate(os.walk(folder)):
        inner[:] = sorted(n for n in inner if not n.startswith(".") and n not in ("node_modules", "venv"))
        for name in sorted(names):
            if name.endswith(SUFFIX):
                files += 1
                yield Path(place, name)
        if files >= MAX_FILES or folders >= MAX_FOLDERS:
            return
