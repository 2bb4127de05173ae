"""Linting small texts."""

from __future__ import annotations

from pathlib import Path

from spinedsl.checking.checked import CheckedFile
from spinedsl.diagnostics import Diagnostic
from spinedsl.lint import Settings, lint_spec
from spinedsl.source import Files, Source

STEM = "stem { s0: residual @1 }"


class Written(Files):
    """The disk, and some texts beside it."""

    def __init__(self, **texts: str) -> None:
        self.texts = {Path(f"/nowhere/{name}.spine"): text for name, text in texts.items()}

    def holds(self, path: Path) -> bool:
        return path in self.texts or super().holds(path)

    def read(self, path: Path, name: str | None = None) -> Source:
        if path in self.texts:
            return Source(name or str(path), self.texts[path], path)
        return super().read(path, name)


def network(blocks: str, declarations: str = "", *, before: str = "", name: str = "tiny") -> str:
    """A file with one network: 32 channels at levels 1 to 6, so that no rule has anything to say."""
    return f"""import "std/resnet.spine"
{before}
network {name} {{
  input 3 x 64 x 64
  width {{ 1..6: 32 }}
  {declarations}
  {STEM}
  {blocks}
}}
"""


def linted(text: str, settings: Settings | None = None, **others: str) -> CheckedFile:
    """What is found in a text, with other files beside it."""
    files = Written(main=text, **others)
    return lint_spec("/nowhere/main.spine", files=files, settings=settings)


def found(text: str, settings: Settings | None = None, **others: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of `linted`."""
    return linted(text, settings, **others).diagnostics


def codes(text: str, settings: Settings | None = None, **others: str) -> list[str]:
    """Their codes."""
    return [d.code for d in found(text, settings, **others)]


def place(diagnostic: Diagnostic) -> str:
    """What a diagnostic points at."""
    assert diagnostic.primary is not None
    return diagnostic.primary.span.text
