"""The page itself: drawings, their data, and what moves them, in one text.

Nothing is fetched, and nothing but the page's own script and style sheet is run or applied: a policy
names them by their hashes. Texts from specs are escaped where they are placed, and the script takes
them as texts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from spinedsl import resources
from spinedsl.analysis.summary import summarise
from spinedsl.emit.banner import banner
from spinedsl.emit.draw import palette
from spinedsl.emit.draw.diagram import Diagram, diagram_of
from spinedsl.emit.draw.layout import layout_of
from spinedsl.emit.draw.marks import number
from spinedsl.emit.draw.svg import STYLE, drawing
from spinedsl.emit.draw.wording import escaped
from spinedsl.emit.view.figures import Json, figures_of
from spinedsl.pipeline import AnyCompilation
from spinedsl.records import record

_FOLDER = "codegen_templates"


@record
class Pane:
    """One network on the page.

    Attributes:
        drawing: what is inside its SVG element.
        width, height: of the drawing.
    """

    title: str
    facts: str
    drawing: Markup
    width: str
    height: str


def page_of(compilations: Sequence[AnyCompilation]) -> str:
    """The page of one network or model, or of two side by side; equal input gives equal text.

    Raises:
        DiagnosticError: one doesn't compile, or is too large to be drawn (SP002).
    """
    panes: list[Pane] = []
    data: list[Json] = []
    levels: set[int] = set()
    for compilation in compilations:
        summary = summarise(compilation)
        diagram = diagram_of(compilation, summary)
        panes.append(_pane(diagram))
        data.append(figures_of(diagram, summary))
        levels.update(level.number for level in diagram.levels)
    style = STYLE + palette.rules("both", levels) + _bars(levels) + _text("page.css")
    script = _text("pane.js") + _text("page.js")
    page: str = _template().render(
        title=" and ".join(pane.title for pane in panes),
        banner=[line for compilation in compilations for line in banner(compilation.subject)],
        policy=_policy(script, style),
        style=Markup(style),
        script=Markup(script),
        data=Markup(_data(data)),
        panes=panes,
    )
    return page


def _pane(diagram: Diagram) -> Pane:
    layout = layout_of(diagram)
    inside = Markup(drawing(layout, interactive=True))
    return Pane(diagram.title, diagram.facts, inside, number(layout.width), number(layout.height))


def _bars(levels: Iterable[int]) -> str:
    """The colours of the levels' bars, which are no part of a drawing."""
    colours = {palette.tint_class(level): palette.tint_of(level, "both").arc for level in levels}
    return "".join(f".{name}.bar{{background:{colour}}}\n" for name, colour in sorted(colours.items()))


def _data(data: list[Json]) -> str:
    """JSON that no HTML parser can take for anything else."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return resources.text(_FOLDER, f"view/{name}")


@cache
def _template() -> Template:
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, autoescape=True
    )
    environment.filters["text"] = lambda text: Markup(escaped(text))
    return environment.from_string(_text("page.html.jinja"))
