"""Small texts with a place marked in them, and what is known of them."""

from __future__ import annotations

from pathlib import Path

from spinedsl.language_server.analysis import Analysis, Parser, analyse, completed
from spinedsl.source import Source

NET = """import "std/resnet.spine"

# Small enough to read.
network tiny {
  input 3 x 64 x 64
  width { 2..5: 8 }
  stem { conv 3x3 / 2 -> 8, norm, act  s0: residual @2 }
  # The first one.
  b0: residual   @3 <- s0
  b1: bottleneck @2 <- s0, b0 => P2
  b2: residual   @3 <- b1, b0 => P3
  endpoints -> 4
  expect output(P2) = 4 x 16 x 16
}
"""
PARSER = Parser()
PATH = Path("/specs/net.spine")


def marked(text: str) -> tuple[str, int]:
    """A text without its mark `|`, and where the mark stood."""
    assert text.count("|") == 1, text
    return text.replace("|", ""), text.index("|")


def at(text: str, before: str) -> int:
    """The offset right behind the first `before` in a text."""
    return text.index(before) + len(before)


def known(text: str, path: Path | None = PATH, before: Analysis | None = None) -> Analysis:
    """Everything there is to know of a text."""
    analysis = analyse(Source("net.spine", text, path), before, parser=PARSER)
    return completed(analysis, analysis.pending)
