"""Source texts as they were at a revision of a git repository, and what has changed since.

What changed is found by comparing contents here, not by `git diff`, which runs the filters that a
repository names. What is not here: how git is asked (spinedsl/repository/git.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from spinedsl import resources
from spinedsl.diagnostics import DiagnosticError, fail, suggestion
from spinedsl.repository.git import Entry, GitProblem, answer, entries, object_name, top_of
from spinedsl.resources import SUFFIX
from spinedsl.source import (
    MAX_SOURCE_BYTES,
    Files,
    Source,
    SourceProblem,
    from_here,
    source_from_bytes,
)

MAX_NAME = 255


class Revision(Files):
    """The files of a repository as they were at a commit; files outside it are read from the disk.

    The standard library is read from the disk, too, unless the repository holds it.

    Attributes:
        name: as the user wrote it.
        commit: the name of the commit.
        top: the resolved folder of the working tree.
    """

    def __init__(self, name: str, commit: str, top: Path) -> None:
        self.name = name
        self.commit = commit
        self.top = top
        self._entry = lru_cache(maxsize=4096)(self._look_up)
        self._content = lru_cache(maxsize=64)(self._load)

    def holds(self, path: Path) -> bool:
        """Whether there is a file at a path at that revision; never raises."""
        try:
            inside = self._inside(path)
            if inside is None:
                return super().holds(path)
            entry = self._entry(inside)
        except (GitProblem, DiagnosticError, OSError, ValueError, RuntimeError):
            return False
        return entry is not None and entry.is_file

    def read(self, path: Path, name: str | None = None) -> Source:
        """The text at a path, which diagnostics call by its path and the revision: `a.spine@HEAD`.

        Raises:
            SourceProblem: it can't be read as a source text.
        """
        shown = f"{name or path}@{self.name}"
        try:
            inside = self._inside(path)
            if inside is None:
                return super().read(path, name)
            shown = f"{from_here(self.top / os.fsdecode(inside))}@{self.name}"
            entry = _readable(self._entry(inside), shown)
            self._check_size(entry, shown)
            return source_from_bytes(self._content(entry.object), shown, path)
        except (GitProblem, OSError, ValueError, RuntimeError):
            raise SourceProblem(
                "SP001", f"can't read “{shown}”: git gave no answer",
                f"see whether `git cat-file -t {self.name}` works in that repository",
            ) from None  # fmt: skip

    def changed(self, folder: Path) -> set[Path]:
        """The .spine files in a folder and below that are not as they were: changed, or new; resolved paths.

        The folder is compared as it is on the disk: committed, staged, unstaged and untracked changes
        count alike. What git ignores is left out.

        Raises:
            DiagnosticError: git gives no answer (SP001).
        """
        before = dict(self._entries(folder))
        return {self.top / path for path in self._present(folder) if self._differs(path, before.get(path))}

    def deleted(self, folder: Path) -> set[Path]:
        """The .spine files in a folder and below that are no longer there; resolved paths.

        Raises:
            DiagnosticError: as `changed`.
        """
        paths = (self.top / path for path, entry in self._entries(folder) if entry.is_file)
        return {path for path in paths if not os.path.lexists(path)}

    # ---- what git says

    def _inside(self, path: Path) -> bytes | None:
        """A path from the top of the repository, or None: it is read from the disk."""
        # Only the folder is resolved: a link itself is refused, not followed to what it is today.
        place = path.parent.resolve() / path.name
        in_library = place.is_relative_to(resources.library())
        if not place.is_relative_to(self.top) or (in_library and self._library_apart):
            return None
        return os.fsencode(place.relative_to(self.top).as_posix())

    @cached_property
    def _library_apart(self) -> bool:
        library = resources.library()
        if not library.is_relative_to(self.top):
            return True
        return self._entry(os.fsencode(library.relative_to(self.top).as_posix())) is None

    def _look_up(self, path: bytes) -> Entry | None:
        listed = answer(self.top, "ls-tree", "-z", "--full-tree", self.commit, "--", path)
        return next((entry for found, entry in entries(listed) if found == path), None)

    def _load(self, name: str) -> bytes:
        return answer(self.top, "cat-file", "blob", name)

    def _check_size(self, entry: Entry, shown: str) -> None:
        try:
            size = int(answer(self.top, "cat-file", "-s", entry.object))
        except GitProblem:
            raise SourceProblem(
                "SP001", f"can't read “{shown}”: this clone is partial and doesn't have it",
                "`git show REVISION:PATH` fetches it",
            ) from None  # fmt: skip
        if size > MAX_SOURCE_BYTES:
            raise SourceProblem(
                "SP002", f"“{shown}” has {size:,} bytes, more than the {MAX_SOURCE_BYTES:,} allowed",
                "split it into files joined by `import`, or check that it is a .spine file",
            )  # fmt: skip

    def _entries(self, folder: Path) -> Iterator[tuple[str, Entry]]:
        """Path from the top, and entry, of everything named *.spine."""
        inside = _relative(folder, self.top)
        if inside is None:
            return
        only = [] if inside == "." else [f"{inside}/"]
        listed = self._asked("ls-tree", "-r", "-z", "--full-tree", self.commit, "--", *only)
        for path, entry in entries(listed):
            if path.endswith(SUFFIX.encode()):
                yield os.fsdecode(path), entry

    def _present(self, folder: Path) -> Iterator[str]:
        """Paths from the top of the .spine files that git knows or would add."""
        inside = _relative(folder, self.top)
        if inside is None:
            return
        options = ("-z", "--full-name", "--cached", "--others", "--exclude-standard")
        for path in set(self._asked("ls-files", *options, "--", inside).split(b"\0")):
            if path.endswith(SUFFIX.encode()) and os.path.lexists(self.top / os.fsdecode(path)):
                yield os.fsdecode(path)

    def _asked(self, *arguments: str) -> bytes:
        try:
            return answer(self.top, *arguments)
        except GitProblem:
            raise fail(
                "SP001", f"can't list the files of “{self.name}”: git gave no answer",
                help=f"see whether `git ls-tree {self.name}` works in that repository",
            ) from None  # fmt: skip

    def _differs(self, path: str, entry: Entry | None) -> bool:
        content = _content_of(self.top / path)
        if entry is None or content is None:
            return True
        # Where git converts line ends, a file on the disk has others than the repository.
        return entry.object not in (
            object_name(content, entry.object),
            object_name(content.replace(b"\r\n", b"\n"), entry.object),
        )


def revision_of(name: str, folder: Path, otherwise: str | None = None) -> Revision:
    """A revision of the repository that a folder belongs to.

    Args:
        name: a branch, tag, commit or expression as git knows them: `main`, `v1.2`, `HEAD~3`.
        folder: a folder of the repository, perhaps one that no longer exists.
        otherwise: what else to do where there is no repository, for the help.

    Raises:
        DiagnosticError: no git (SP052), no repository (SP001), or no such revision (SP020).
    """
    top = top_of(folder, otherwise)
    if name.startswith("-") or len(name) > MAX_NAME or not name.isprintable() or not name:
        raise fail(
            "SP020", f"“{name[:MAX_NAME]}” is no revision", help="name a branch, a tag or a commit: `HEAD~1`"
        )
    try:
        commit = answer(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode("ascii").strip()
    except (GitProblem, UnicodeDecodeError):
        raise fail("SP020", f"there is no revision “{name}”", help=_help_for(name, top)) from None
    return Revision(name, commit, top)


def _help_for(name: str, top: Path) -> str:
    """What to do about an unknown revision."""
    try:
        if answer(top, "rev-parse", "--is-shallow-repository").strip() == b"true":
            return "this clone is shallow: `git fetch --unshallow` brings the rest (in CI: `fetch-depth: 0`)"
        listed = answer(top, "for-each-ref", "--count=1000", "--format=%(refname:short)")
    except GitProblem:
        listed = b""
    known = listed.decode("utf-8", "replace").split()
    if not known:
        return "this repository has no commit yet: commit the specs first"
    return suggestion(name, known, "name a branch, a tag or a commit, after `git fetch` if it is new") or ""


def _readable(entry: Entry | None, shown: str) -> Entry:
    """The entry, if it can be read as a source.

    Raises:
        SourceProblem: it is missing, or no file.
    """
    if entry is None:
        raise SourceProblem(
            "SP001", f"can't read “{shown}”: no such file at that revision",
            "check the path; `git log --follow -- PATH` tells when it came or where it was before",
        )  # fmt: skip
    if not entry.is_file:
        raise SourceProblem(
            "SP001", f"can't read “{shown}”: not a regular file", "give the path of a .spine file"
        )
    return entry


def _content_of(path: Path) -> bytes | None:
    """What git would store of a file or link; None for what is no source anyway."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return os.fsencode(path.readlink())
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_SOURCE_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _relative(folder: Path, top: Path) -> str | None:
    """A folder from the top, or None if it lies elsewhere."""
    place = folder.resolve()
    return place.relative_to(top).as_posix() if place.is_relative_to(top) else None
