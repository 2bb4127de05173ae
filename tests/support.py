"""Compiling small texts, and reading what the compiler says about them."""

from __future__ import annotations

import io
from pathlib import Path

from spinedsl import resources
from spinedsl.analysis.checking import check
from spinedsl.cli.render import Renderer
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, in_order
from spinedsl.ir.definitions import check_definitions
from spinedsl.ir.loading import load
from spinedsl.pipeline import Compilation, ModelCompilation
from spinedsl.source import Source
from spinedsl.specification import compilation_of, parse_model_overrides, parse_overrides
from spinedsl.syntax import nodes

SPECS = resources.folder("specs")
SPEC_FILES = sorted(SPECS.rglob("*.spine"))
SPEC_IDS = [str(path.relative_to(SPECS)) for path in SPEC_FILES]

STEM = "stem { conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2  s0: residual @2 }"
"""From the image down to level 2, in 8 channels."""


def network_text(blocks: str, *, declarations: str = "", stem: str = STEM, before: str = "") -> str:
    """A small file: residual blocks of 8 channels at levels 2 to 5, in a network called `tiny`."""
    return f"""import "std/resnet.spine"
{before}
network tiny {{
  input 3 x 64 x 64
  width {{ 2..5: 8 }}
  {declarations}
  {stem}
  {blocks}
}}
"""


def compile_text(text: str, /, **overrides: str) -> Compilation:
    """The last network of a text; keyword arguments are what `--set` would say."""
    scope = load(Source("test.spine", text))
    return Compilation(scope, scope.networks()[-1], parse_overrides(overrides))


PYRAMID = "a: residual @3 <- s0 => P3  b: residual @4 <- a => P4"
"""Two levels of 8 channels."""

HEADS = "".join(
    f'import "std/{name}.spine"\n' for name in ("classifier", "mask_rcnn", "retinanet", "segmentation")
)


def model_text(body: str, *, before: str = "", blocks: str = PYRAMID, declarations: str = "") -> str:
    """A small file with a model over `tiny`, called `small`; `before` holds definitions."""
    network = network_text(blocks, before=before, declarations=declarations)
    return f"{HEADS}{network}model small {{\n  backbone tiny\n  {body}\n}}\n"


def compile_model(text: str, /, **overrides: str) -> ModelCompilation:
    """The last model of a text; keyword arguments are what `--set` would say."""
    scope = load(Source("test.spine", text))
    node = [n for n in scope.compiled() if isinstance(n, nodes.Model)][-1]
    return ModelCompilation(scope, node, parse_model_overrides(overrides))


def compile_tiny(blocks: str, **parts: str) -> Compilation:
    """`network_text`, compiled."""
    return compile_text(network_text(blocks, **parts))


def problems(text: str, path: Path | None = None) -> tuple[Diagnostic, ...]:
    """Everything `spinec check` says of a text."""
    try:
        scope = load(Source(path.name if path else "test.spine", text, path))
    except DiagnosticError as error:
        return error.diagnostics
    collected = Diagnostics()
    check_definitions(scope, collected)
    for node in scope.compiled():
        found = check(compilation_of(scope, node))[0]
        collected.extend(d for d in found if d not in collected.found)
    return tuple(in_order(collected.found))


def codes(text: str) -> list[str]:
    """The codes of `problems`."""
    return [d.code for d in problems(text)]


def rendered(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Diagnostics as a terminal without colour shows them."""
    stream = io.StringIO()
    Renderer(stream, colour=False).show(diagnostics)
    return stream.getvalue()
