"""Asking git about a repository that may come from a stranger.

Only plumbing is run: `rev-parse`, `for-each-ref`, `ls-tree`, `ls-files` and `cat-file`. None of it
starts a program that the repository's configuration or attributes name (hooks, filters, external
diffs, pagers, a file-system monitor), takes a lock, or fetches anything.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.records import record
from spinedsl.source import from_here

SECONDS = 60
"""How long git may take for one answer."""
_CONFIGURATION = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "core.bigFileThreshold=1m")
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""Variables that say where the user's own configuration lies, and whose repositories to trust."""
_SET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # a partial clone would fetch what it lacks
    "LC_ALL": "C",
}


class GitProblem(Exception):
    """git gave no answer; `text` is what it said, for recognising why, never for showing."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def answer(folder: Path, *arguments: str | bytes) -> bytes:
    """What a git command prints.

    Raises:
        GitProblem: it failed, or took too long.
        DiagnosticError: there is no git (SP052).
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    options = [word for setting in _CONFIGURATION for word in ("-c", setting)]
    try:
        ran = subprocess.run(
            ["git", "--no-pager", *options, *arguments],
            cwd=folder, env={**environment, **_SET}, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise fail(
            "SP052", "reading a revision needs git, which is not installed",
            help="install it: https://git-scm.com/downloads",
        ) from None  # fmt: skip
    except subprocess.TimeoutExpired:
        raise GitProblem(f"no answer in {SECONDS} seconds") from None
    except (OSError, ValueError) as problem:
        raise GitProblem(str(problem)) from None
    if ran.returncode != 0:
        raise GitProblem(ran.stderr.decode("utf-8", "replace"))
    return ran.stdout


def top_of(folder: Path, otherwise: str | None = None) -> Path:
    """The resolved top folder of the working tree that a folder belongs to, perhaps one that is gone.

    Args:
        otherwise: what to do if there is no repository.

    Raises:
        DiagnosticError: no git (SP052), or no repository that git reads (SP001).
    """
    try:
        top = answer(_existing(folder), "rev-parse", "--show-toplevel")
    except GitProblem as problem:
        raise _no_repository(problem.text, folder, otherwise) from None
    return Path(os.fsdecode(top.removesuffix(b"\n"))).resolve()


def _no_repository(text: str, folder: Path, otherwise: str | None) -> DiagnosticError:
    shown = from_here(folder)
    if "dubious ownership" in text or "safe.directory" in text:
        return fail(
            "SP001", f"the repository of “{shown}” belongs to another user, so git doesn't read it",
            help="if you trust it: `git config --global --add safe.directory FOLDER`",
        )  # fmt: skip
    if "work tree" in text:
        return fail(
            "SP001", f"the repository of “{shown}” has no working tree",
            help="run it in a clone that isn't bare",
        )  # fmt: skip
    remedies = [*([otherwise] if otherwise else []), "run it where the specs are kept under git"]
    return fail("SP001", f"“{shown}” is in no git repository", help=", or ".join(remedies))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists; of what can be no folder, the working one.

    Raises:
        DiagnosticError: the working folder is gone (SP001).
    """
    try:
        place = _resolved(folder) or Path.cwd()
    except OSError:
        raise fail(
            "SP001", "the folder that spinec is run in was removed", help="change to one that exists"
        ) from None
    while not os.path.isdir(place) and place != place.parent:  # noqa: PTH112  (Path.is_dir raises on odd names)
        place = place.parent
    return place


def _resolved(folder: Path) -> Path | None:
    try:
        return folder.resolve()
    except (OSError, ValueError, RuntimeError):
        return None


@record
class Entry:
    """What a revision's tree has at a path.

    Attributes:
        mode: as git writes it: 100644 and 100755 are files, 120000 links, 160000 other repositories.
        object: the name of its content.
    """

    mode: str
    object: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file, no link."""
        return self.mode.startswith("100")


def entries(listed: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Path and entry of each line that `git ls-tree -z` printed."""
    for line in listed.split(b"\0"):
        if line:
            facts, _, path = line.partition(b"\t")
            mode, _, name = facts.decode("ascii").split()
            yield path, Entry(mode, name)


def object_name(content: bytes, like: str) -> str:
    """git's name of a content, in the kind of hash that another name is of."""
    kind = "sha256" if len(like) == 64 else "sha1"
    return hashlib.new(kind, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
