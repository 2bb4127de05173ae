"""Which files are affected by a change: those that changed, and those that import one, however far.

Imports are looked for in the text, not parsed: of a thousand files few have to be checked, and parsing
all would take as long as that. Whatever stands in quotes counts as an import, be it a title: where it leads
to a file, that costs one check.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from spinedsl import resources
from spinedsl.resources import PRELUDE, SUFFIX
from spinedsl.source import DISK, SourceProblem

MOST_TEXTS = 1_000
"""In quotes in one file, that are looked for on the disk; no file may import as many."""
_TEXT = re.compile(r'"([^"\n]*)"')


def affected(files: Iterable[str], changed: Collection[Path]) -> list[str]:
    """Those of the files that changed, or that import what changed or is gone.

    Args:
        files: paths as the user named them; what can't be read counts as changed.
        changed: absolute paths of .spine files that changed, came or went; of others nobody keeps track,
            so that they count as changed.
    """
    asked = {file: os.path.realpath(file) for file in files}
    importers: dict[str, list[str]] = {}
    unknown = set()
    pending = list(dict.fromkeys(asked.values()))
    known = set(pending)
    for path in pending:
        try:
            text = DISK.read(Path(path)).text
        except SourceProblem:
            unknown.add(path)
            continue
        written = set(_TEXT.findall(text))
        if len(written) > MOST_TEXTS or not path.endswith(SUFFIX):
            unknown.add(path)
        for imported in _imported(path, sorted(written)[:MOST_TEXTS]):
            importers.setdefault(imported, []).append(path)
            if imported not in known and os.path.isfile(imported):  # noqa: PTH113
                known.add(imported)
                pending.append(imported)
    reached = [*map(str, changed), *(os.path.realpath(path) for path in changed), *unknown]
    found = set(reached)
    for path in reached:
        fresh = [importer for importer in importers.get(path, ()) if importer not in found]
        found.update(fresh)
        reached += fresh
    return [file for file, path in asked.items() if path in found or os.path.abspath(file) in found]  # noqa: PTH100


def _imported(path: str, texts: Iterable[str]) -> Iterator[str]:
    """Every path that texts in a file may mean, as it is written and where it leads."""
    library = str(resources.library())
    folder = os.path.dirname(path)  # noqa: PTH120
    yield os.path.join(library, PRELUDE)  # noqa: PTH118
    for written in texts:
        if "\0" in written:
            continue
        beside = os.path.join(folder, written)  # noqa: PTH118
        yield os.path.abspath(beside)  # noqa: PTH100
        yield os.path.realpath(beside)
        if not os.path.isfile(beside):  # noqa: PTH113
            yield os.path.realpath(os.path.join(library, written))  # noqa: PTH118
