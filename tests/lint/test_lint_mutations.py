"""Specs with some bytes changed: linting them never fails, and formatting them changes no finding."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from properties.test_mutations import mutated
from support import SPEC_FILES, SPEC_IDS

from spinedsl.diagnostics import Diagnostic, DiagnosticError
from spinedsl.fixing import apply_fixes
from spinedsl.lint import Settings, lint_spec
from spinedsl.source import Files, Source, SourceProblem, source_from_bytes
from spinedsl.syntax.formatting import formatted
from spinedsl.syntax.parser import parse

MUTATIONS = 4
COMMENTS = [
    b"# spinec: ignore[SP101, SP104] why\n", b" # spinec: ignore[SP105]\n", b"# spinec: ignore[SP102", b"# spinec:",
    b"#spinec:ignore[repeated-input,,SP103]\n", b"# spinec: ignore[]\n",
]  # fmt: skip


class Changed(Files):
    """The disk, but for one file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def read(self, path: Path, name: str | None = None) -> Source:
        return Source(str(path), self.text, path) if path == self.path else super().read(path, name)


def linted(path: Path, text: str) -> tuple[Diagnostic, ...]:
    settings = Settings(runtime="ort-cuda", opset=21, options={"SP103": 2, "SP104": 16})
    return lint_spec(str(path), files=Changed(path, text), settings=settings).diagnostics


def with_comments(data: bytes, chance: random.Random) -> bytes:
    """Comments that ignore rules, at the ends of some words."""
    places = sorted((chance.randrange(len(data) + 1) for _ in range(chance.randint(0, 4))), reverse=True)
    for place in places:
        at = data.find(b"\n", place)
        data = data[:at] + b"\n" * chance.randint(0, 1) + chance.choice(COMMENTS) + data[at:]
    return data


def look_at(path: Path, text: str) -> None:
    found = linted(path, text)
    fixes = [d.fix for d in found if d.fix is not None]
    apply_fixes(Source(path.name, text), fixes)
    try:
        parse(Source(path.name, text))
    except DiagnosticError:
        return
    again = linted(path, formatted(Source(path.name, text)))
    assert sorted(d.code for d in found) == sorted(d.code for d in again)


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_linting_mutated_specs_never_fails(path: Path) -> None:
    data = path.read_bytes()
    for seed in range(MUTATIONS):
        chance = random.Random(f"{path.name} {seed}")
        changed = with_comments(data, chance)
        changed = mutated(changed, chance) if seed % 3 else changed
        try:
            source = source_from_bytes(changed, path.name, path)
        except SourceProblem:
            continue
        try:
            look_at(path, source.text)
        except Exception as error:
            error.add_note(f"seed {seed}:\n{source.text}")
            raise
