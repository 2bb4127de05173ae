"""The texts that an editor holds unsaved, laid over the disk."""

from __future__ import annotations

import os
from pathlib import Path

from spinedsl.source import MAX_SOURCE_BYTES, Files, Source, SourceProblem, read_source


class Buffers(Files):
    """Open texts by their resolved paths; what isn't open is read from the disk."""

    def __init__(self) -> None:
        self.open: dict[Path, str] = {}

    def holds(self, path: Path) -> bool:
        """Whether a text is open, or a file there."""
        return path in self.open or super().holds(path)

    def read(self, path: Path, name: str | None = None) -> Source:
        """The text at a path as its editor shows it.

        Raises:
            SourceProblem: it isn't open, and can't be read; or it is too large.
        """
        text = self.open.get(path)
        if text is None and self.open:
            text = self.open.get(resolved(path))
        if text is None:
            return read_source(path, name)
        return source_of(text, name or path.name, path)


def source_of(text: str, name: str, path: Path | None) -> Source:
    """An open text as a source.

    Raises:
        SourceProblem: it is larger than a file may be (SP002).
    """
    if len(text) > MAX_SOURCE_BYTES or len(text.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        raise SourceProblem(
            "SP002",
            f"“{name}” has more than the {MAX_SOURCE_BYTES:,} bytes allowed",
            "split it into files joined by `import`",
        )
    return Source(name, text, path)


def resolved(path: Path) -> Path:
    """A path without links; itself if it can't be followed."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path
