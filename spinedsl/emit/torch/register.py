"""Sections of a generated file that make the network a backbone of other people's frameworks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from spinedsl.emit.torch.extents import Extents
from spinedsl.graph.program import Program
from spinedsl.ir.model import Network

Framework = Literal["timm", "torchvision", "mmdet", "detectron2"]


@dataclass(frozen=True)
class Subject:
    """What is registered; `drops_path`: its constructor takes a rate of stochastic depth."""

    network: Network
    program: Program
    extents: Extents
    drops_path: bool


@dataclass
class Registration:
    """What the sections add to a file.

    Attributes:
        needs: what the file can't do without, as an object of “needs”.
        standard, imports: lines that import from the standard library, and from elsewhere.
        texts: the sections.
        exports: public names they define.
    """

    needs: str = "nothing but torch"
    standard: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)


def registration(frameworks: Sequence[Framework], subject: Subject, texts: Sequence[str]) -> Registration:
    """The sections for some frameworks; `texts` are the file's classes and functions before them."""
    return Registration()
