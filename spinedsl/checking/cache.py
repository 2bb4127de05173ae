"""What `spinec check` found to be fine, remembered: a file is not checked again while nothing it depends on changes.

1. Remembered is only that a file has nothing wrong. A file of which there is something to say is
   checked each time.
2. An answer is found by its contents: those of the file, of this installation, and what was allowed
   (`--root`). It holds while every question that was asked of the disk has the same answer: where an
   import leads, and the contents there; also that there is nothing where an import was looked for first.
   Paths below the file's folder are kept relative to it, so that a copy elsewhere is known too.

What is not here: checking (spinedsl/checking/check.py), which isn't even imported while all is remembered, and
the files that answers are kept in (spinedsl/checking/cache_files.py).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path

from spinedsl import resources
from spinedsl.checking.cache_files import Answer, add_answers, read_answers
from spinedsl.checking.checked import CheckedFile, CheckedNetwork
from spinedsl.resources import PRELUDE, STANDARD, SUFFIX
from spinedsl.source import DISK, Files, Source, SourceProblem
from spinedsl.version import __version__

_SOURCES = (".py", ".json", ".lark", SUFFIX)
_UNREADABLE = "unreadable"


class Witness(Files):
    """Files of the disk, and a record of everything that was asked of it."""

    def __init__(self) -> None:
        self.led: dict[str, str] = {}
        self.digests: dict[str, str] = {}

    def resolve(self, path: Path) -> Path:
        """As the disk has it."""
        self.led[str(path)] = ""  # which no path leads to, should this raise
        resolved = super().resolve(path)
        self.led[str(path)] = str(resolved)
        return resolved

    def read(self, path: Path, name: str | None = None) -> Source:
        """As the disk has it."""
        source = super().read(path, name)
        self.digests[str(path)] = _digest(source.text)
        return source


class ResultCache:
    """The answers in one folder, read when they are first asked for.

    Attributes:
        folder: where they are.
        hits: how many answers were given.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hits = 0
        self._day = int(time.time() // 86_400)
        self._shards: dict[str, dict[str, list[Answer]]] = {}
        self._fresh: dict[str, dict[str, Answer]] = {}
        self._seen: dict[str, tuple[str, str]] = {}

    def restored(self, spec: str, roots: Sequence[Path] = ()) -> CheckedFile | None:
        """What is known of a file; None if it has to be checked."""
        if spec.startswith(STANDARD):  # a network's name, whatever files are called
            return None
        try:
            digest = _digest(DISK.read(Path(spec), spec).text)
        except SourceProblem:
            return None
        folder, key = _key(spec, digest, roots)
        for answer in self._shard(key[0]).get(key, ()):
            if self._holds(folder, answer):
                self.hits += 1
                if answer.day != self._day:
                    self._remember(key, Answer(self._day, answer.asked, answer.networks, answer.others))
                networks = (CheckedNetwork(spec, name, count, 0) for name, count in answer.networks)
                return CheckedFile(spec, (), tuple(networks), answer.others)
        return None

    def keep(self, spec: str, roots: Sequence[Path], witness: Witness, checked: CheckedFile) -> None:
        """Remember a file, if it is fine."""
        digest = witness.digests.get(str(Path(spec)))
        if checked.diagnostics or digest is None:
            return
        folder, key = _key(spec, digest, roots)
        asked = tuple(_asked(folder, witness))
        networks = tuple((network.name, network.expectations) for network in checked.networks)
        self._remember(key, Answer(self._day, asked, networks, checked.others))

    def forget_disk(self) -> None:
        """Look anew at everything: files were written. What was given before doesn't count."""
        self._seen = {}
        self.hits = 0

    def save(self) -> None:
        """Write what is new; a disk that doesn't want it costs nothing but speed."""
        if self._fresh:
            add_answers(self.folder, self._fresh, self._day)
        self._fresh = {}

    def _remember(self, key: str, answer: Answer) -> None:
        self._fresh.setdefault(key[0], {})[key] = answer

    def _holds(self, folder: str, answer: Answer) -> bool:
        return all(
            self._look(os.path.join(folder, path)) == (os.path.join(folder, led), digest)  # noqa: PTH118
            for path, led, digest in answer.asked
        )

    def _look(self, path: str) -> tuple[str, str]:
        """Where a path leads, and the digest of what is there; each is looked at once."""
        if path not in self._seen:
            led = digest = ""
            with suppress(SourceProblem, OSError, ValueError):
                led = os.path.realpath(path)
                # What can't be read is found all the same, unlike what isn't there.
                digest = _UNREADABLE if DISK.holds(Path(led)) else ""
                digest = _digest(DISK.read(Path(led)).text)
            self._seen[path] = led, digest
        return self._seen[path]

    def _shard(self, name: str) -> dict[str, list[Answer]]:
        if name not in self._shards:
            self._shards[name] = read_answers(self.folder, name)
        return self._shards[name]


def default_folder() -> Path | None:
    """Where a cache belongs on this platform, or SPINEC_CACHE_DIR; None if there is no such place."""
    if os.environ.get("SPINEC_NO_CACHE"):
        return None
    if given := os.environ.get("SPINEC_CACHE_DIR"):
        return Path(given)
    variable, below = {
        "win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Caches"),
    }.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))  # fmt: skip
    folder = Path(os.environ.get(variable) or Path("~", below)).expanduser()
    # A relative path would be another one in every folder; an unknown home stays “~”.
    return folder / "spinec" if folder.is_absolute() else None


# ---- what answers are found by


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _key(spec: str, digest: str, roots: Sequence[Path]) -> tuple[str, str]:
    """The folder that paths are relative to, and the key of the file's answers."""
    path = os.path.realpath(spec)
    folder = os.path.dirname(path)  # noqa: PTH120
    allowed = sorted(_below(os.path.realpath(root), folder) for root in roots)
    in_scope = path == str(resources.library() / PRELUDE)
    return folder, _digest("\0".join((installation(), digest, str(in_scope), *allowed)))


def _asked(folder: str, witness: Witness) -> Iterator[tuple[str, str, str]]:
    library = f"{resources.library()}{os.sep}"
    for path, led in witness.led.items():
        # Contents of the standard library are part of the installation.
        if not (path.startswith(library) and led.startswith(library)):
            yield _below(path, folder), _below(led, folder), witness.digests.get(led, "")


def _below(path: str, folder: str) -> str:
    """A path from a folder, if it begins there: what stands behind is left as it is."""
    return path.removeprefix(f"{folder}{os.sep}")


@cache
def installation() -> str:
    """A digest of this spinec: what pip recorded of its files, or size and time of each in a checkout.

    Sizes and times, since reading 250 files would cost a tenth of a check; pip's record, since times are
    others in each run of CI.
    """
    package = Path(__file__).parents[1]
    record = package.parent / f"spinec-{__version__}.dist-info" / "RECORD"
    state = [__version__, str(sys.version_info)]
    if (package / "_data").is_dir() and record.is_file():
        state += _recorded(record.read_text(encoding="utf-8"), package.name)
    else:
        for folder in (package, resources.folder("grammars"), resources.folder("specs")):
            with suppress(OSError):
                state += sorted(_state_of(str(folder)))
    return _digest("\n".join(state))


def _recorded(record: str, package: str) -> list[str]:
    """Lines of a RECORD about a package's own files: path, digest, size."""
    lines = (line for line in record.splitlines() if line.startswith(f"{package}/"))
    return sorted(line for line in lines if ".pyc," not in line)


def _state_of(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _state_of(entry.path)
            elif entry.name.endswith(_SOURCES):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
