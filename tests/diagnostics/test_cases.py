"""Bad programs, each with everything that is said of it: cases/NAME.spine and cases/NAME.txt.

`pytest --update-golden` writes the texts anew; read the difference before you commit it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import problems, rendered

import spinedsl
from spinedsl.diagnostics import CODES, Diagnostic

CASES = sorted((Path(__file__).parent / "cases").glob("*.spine"))
PACKAGE = Path(spinedsl.__file__).parent
FRONT_AND_MIDDLE = (
    "source.py",
    "specification.py",
    "pipeline.py",
    "syntax",
    "ir",
    "passes",
    "graph",
    "ops",
    "analysis",
)

ELSEWHERE = {
    "SP001": "needs a file that can't be read: test_files.py",
    "SP003": "needs bytes that are no text: test_files.py",
    "SP004": "needs a NUL byte: test_files.py",
    "SP026": "is about how a file is asked for: test_files.py",
}


def found(path: Path) -> tuple[Diagnostic, ...]:
    return problems(path.read_text(encoding="utf-8"), path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, golden: Callable[[str, Path], None]) -> None:
    diagnostics = found(path)
    assert diagnostics, "nothing was found"
    golden(rendered(diagnostics), path.with_suffix(".txt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_is_said_well(path: Path) -> None:
    """Every error has a place and, with few exceptions, an action; problems stand in source order."""
    diagnostics = found(path)
    places = []
    for diagnostic in diagnostics:
        assert diagnostic.primary is not None, diagnostic.message
        assert diagnostic.help, f"no help: {diagnostic.message}"
        assert not re.search(r"Traceback|pydantic|lark|NoneType|<.* object", diagnostic.message)
        span = diagnostic.primary.span
        places.append((span.source.name, span.start))
    assert places == sorted(places)


def test_every_code_of_these_stages_has_a_case() -> None:
    sources = [
        file
        for part in FRONT_AND_MIDDLE
        for file in ([PACKAGE / part] if part.endswith(".py") else (PACKAGE / part).rglob("*.py"))
    ]
    raised = {
        code for file in sources for code in re.findall(r'"(SP\d{3})"', file.read_text(encoding="utf-8"))
    }
    covered = {
        code
        for path in CASES
        for code in re.findall(r"\[(SP\d{3})\]", path.with_suffix(".txt").read_text(encoding="utf-8"))
    }
    assert raised <= set(CODES)
    assert raised - covered - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) <= raised
