"""How `make docs` builds the documentation: Sphinx over the repository's Markdown, warnings as errors.

The pages are plain Markdown and read as well where they lie: no directives. So two things are
made here: the contents of the sidebar are the links of index.md, and a link to a folder, which a
site doesn't have, is text there, if the folder exists.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from spinedsl.pygments_lexer import SpineLexer

ROOT = Path(__file__).resolve().parents[1]
INDEX = "docs/index"
HEADING = re.compile(r"^## (.+)$")
ENTRY = re.compile(r"^\* \[([^\]]+)\]\(([^)#]+\.md)\)")

project = "spinec"
copyright = "the spinec authors, Apache-2.0"
extensions = ["myst_parser"]
root_doc = INDEX
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "specs/README.md",
    "examples/digits/README.md",
    "editors/README.md",
    "editors/vscode/README.md",
]
exclude_patterns = [".*", "build", "dist", "tests", "**/node_modules", "spinedsl"]
# Anchors are those of GitHub, where most people read these pages.
myst_heading_anchors = 4
myst_enable_extensions: list[str] = []

html_theme = "furo"
pygments_style = "tango"
pygments_dark_style = "github-dark"
html_title = "spinec"
html_show_sphinx = False
html_copy_source = False


def contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Append what the index links to, heading by heading, as contents that only the sidebar shows."""
    if name != INDEX:
        return
    trees: list[str] = []
    for line in source[0].splitlines():
        if heading := HEADING.match(line):
            trees.append(f"\n:caption: {heading[1]}\n:hidden:\n")
        elif trees and (entry := ENTRY.match(line)):
            trees[-1] += f"\n{entry[1]} <{entry[2].removesuffix('.md')}>"
    source[0] += "".join(f"\n```{{toctree}}{tree}\n```\n" for tree in trees)


class Folders(SphinxPostTransform):
    """Links to folders that exist become text; what doesn't exist is left to warn."""

    default_priority = 8  # before myst's own, which knows files alone

    def run(self, **_: object) -> None:
        for link in list(self.document.findall(addnodes.pending_xref)):
            here = ROOT / self.env.doc2path(link["refdoc"], base=False)
            if link["reftype"] == "myst" and (here.parent / link["reftarget"]).is_dir():
                link.replace_self([nodes.inline("", "", *link.children[0].children)])


def front_page(app: Sphinx, problem: Exception | None) -> None:
    """The index lies in docs/, as the page does; the site's own front page leads there."""
    if problem is None:
        text = f'<!doctype html><meta http-equiv="refresh" content="0; url={INDEX}.html">\n'
        (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""
    app.add_lexer("spine", SpineLexer)
    app.connect("source-read", contents)
    app.connect("build-finished", front_page)
    app.add_post_transform(Folders)
