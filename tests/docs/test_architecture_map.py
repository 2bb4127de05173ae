"""docs/architecture.md has every part of the package on its map."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("\n## Folders\n")[2]
ENTRY_POINTS = {"__init__.py", "__main__.py"}
PARTS = sorted(
    path.name + "/" * path.is_dir()
    for path in (ROOT / "spinedsl").iterdir()
    if (path.suffix == ".py" and path.name not in ENTRY_POINTS) or (path / "__init__.py").is_file()
)
CODE = re.compile(r"`([^`]+)`")


def test_every_module_and_folder_is_on_the_map() -> None:
    named = {name.removeprefix("spinedsl/") for row in MAP.splitlines() for name in CODE.findall(row)}
    assert [part for part in PARTS if part not in named] == []


def test_everything_on_the_map_is_there() -> None:
    rows = [row.split("|")[1] for row in MAP.splitlines() if row.startswith("| `")]
    missing = []
    for row in rows:
        folder = ROOT
        for name in CODE.findall(row):
            # A second module in a row lies beside the first.
            path = folder / name if not (ROOT / name).exists() else ROOT / name
            folder = path.parent
            missing += [] if path.exists() else [name]
    assert missing == []
