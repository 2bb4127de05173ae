"""Seeing that a rewritten program computes what was written: exactly, at the smallest size.

What a rewrite decides depends on costs, and all of them grow with the number of pixels: a small image
decides as a large one. The size is doubled until it does.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spinedsl.analysis.exact import at_random
from spinedsl.diagnostics import DiagnosticError
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.records import record
from spinedsl.rewrites.decisions import Decision


@record
class Validation:
    """What was seen.

    Attributes:
        size: height and width that both were run at.
        outputs: names of what was compared, number by number.
    """

    size: tuple[int, int]
    outputs: tuple[str, ...]


class RewriteError(Exception):
    """A rewrite changed what a program computes: a bug of spinec."""


def validate(compilation: AnyCompilation) -> Validation:
    """Run a rewritten program and the one that was written, and compare.

    Raises:
        RewriteError: they differ.
        DiagnosticError: the network doesn't compile.
    """
    small = _smallest(compilation)
    written = small.optimised(None)
    outputs = []
    for (name, before), (_, after) in zip(_programs(written), _programs(small), strict=True):
        expected, found = at_random(*before), at_random(*after)
        for output, values in expected.items():
            if not np.array_equal(values, found[output]):
                raise RewriteError(f"{name}{output} of “{compilation.subject.name}” is not what was written")
            outputs.append(name + output)
    given = small.network.input
    return Validation((given.height, given.width), tuple(outputs))


def _smallest(compilation: AnyCompilation) -> AnyCompilation:
    """The network at the smallest size at which all is decided as at its own."""
    given = compilation.network.input
    wanted = _applied(compilation.decisions)
    size = compilation.program.stride
    while size < min(given.height, given.width):
        try:
            small = compilation.resized(size, size)
            if _applied(small.decisions) == wanted:
                return small
        except DiagnosticError:
            # A window may be larger than so small an image.
            pass
        size *= 2
    return compilation


def _applied(decisions: tuple[Decision, ...]) -> set[tuple[str, str, str]]:
    return {(d.rewrite, d.function, d.node) for d in decisions if d.applied}


def _programs(compilation: AnyCompilation) -> Iterator[tuple[str, tuple[Program, Inlined]]]:
    """What runs on the image, and what runs on regions; with what stands before the names of outputs."""
    yield "", (compilation.program, compilation.inlined)
    if isinstance(compilation, ModelCompilation):
        programs = compilation.assembly.region_programs()
        for (part, program), (_, inlined) in zip(programs, compilation.regions, strict=True):
            yield f"{part.name}.", (program, inlined)
