"""Files and their older versions: at a revision of git, in another folder, or another file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from spinedsl.checking.affected import affected
from spinedsl.records import record
from spinedsl.repository.revisions import Revision
from spinedsl.source import DISK, Files


@record
class Version:
    """A file and its older version.

    Attributes:
        older: path of the older one.
        older_files: where that is read.
        newer: path of the present one; None if it is gone.
    """

    older: str
    older_files: Files
    newer: str | None

    @property
    def file(self) -> str:
        """What a user calls it."""
        return self.newer or self.older


@record
class Versions:
    """What there is to compare.

    Attributes:
        changed: files that changed, or import what did, or are gone.
        same: how many are as they were.
    """

    changed: tuple[Version, ...]
    same: int = 0


def since_revision(files: Sequence[str], folder: Path | None, revision: Revision) -> Versions:
    """Each file and what it was at a revision; with a folder, also what is gone from it.

    Raises:
        DiagnosticError: git gives no answer (SP001).
    """
    gone = [] if folder is None else [p for p in revision.deleted(folder) if not _hidden(p, folder)]
    touched = affected(files, revision.changed(revision.top) | revision.deleted(revision.top))
    pairs = [Version(file, revision, file) for file in touched if revision.holds(Path(file))]
    pairs += [Version(_as_given(path), revision, None) for path in sorted(gone)]
    return Versions(tuple(pairs), len(files) - len(touched))


def in_folder(files: Sequence[str], folder: str, older: Sequence[str], older_folder: str) -> Versions:
    """Each file of a folder and the one of that name in an older copy of the folder."""
    present = {os.path.relpath(file, folder): file for file in files}
    return Versions(
        tuple(Version(path, DISK, present.get(os.path.relpath(path, older_folder))) for path in older)
    )


def of_file(file: str, older: str) -> Versions:
    """A file, and another one that is its older version."""
    return Versions((Version(older, DISK, file),))


def _as_given(path: Path) -> str:
    """A path from the working folder, if it lies below."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _hidden(path: Path, folder: Path) -> bool:
    """Whether a folder on the way has a name with a dot: `spinec check` leaves those out."""
    top = folder.resolve()
    below = path.resolve().relative_to(top) if path.resolve().is_relative_to(top) else path
    return any(part.startswith(".") for part in below.parent.parts)
