"""From a compilation to the bytes of a picture, in any of the formats."""

from __future__ import annotations

from typing import Literal

from spinedsl.analysis.summary import summarise
from spinedsl.emit.banner import banner
from spinedsl.emit.draw.diagram import diagram_of
from spinedsl.pipeline import AnyCompilation

Format = Literal["svg", "png", "dot", "mermaid"]


def picture(
    compilation: AnyCompilation,
    form: Format,
    theme: Literal["auto", "light", "dark"] | None = None,
    scale: float | None = None,
) -> bytes:
    """The picture of a network or model; equal input gives equal bytes.

    Args:
        compilation: what is drawn.
        form: the format.
        theme: of svg and png; `auto`, which png can't have, follows the reader's preference.
        scale: of png: pixels for each unit of the drawing; 2 if None.

    Raises:
        DiagnosticError: it doesn't compile, is too large to be drawn (SP002), or the tool for
            png is missing (SP052).
    """
    diagram = diagram_of(compilation, summarise(compilation))
    head = banner(compilation.subject)
    if form == "dot":
        from spinedsl.emit.draw.dot import dot_of

        return dot_of(diagram, head).encode()
    if form == "mermaid":
        from spinedsl.emit.draw.mermaid import mermaid_of

        return mermaid_of(diagram, head).encode()
    from spinedsl.emit.draw.layout import layout_of
    from spinedsl.emit.draw.svg import svg_of

    layout = layout_of(diagram)
    if form == "svg":
        return svg_of(layout, theme or "auto", head).encode()
    from spinedsl.emit.draw.png import png_of

    return png_of(svg_of(layout, theme or "light", head), layout, scale or 2.0)
