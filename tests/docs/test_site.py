"""The site: it builds without a warning, and a broken link is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
MAKE = re.search(r"^\t\$\(BIN\)/sphinx-build (.+)$", MAKEFILE, re.MULTILINE)


def build(folder: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """What `make docs` does, in another folder."""
    assert MAKE is not None, "the Makefile has lost its way to build the documentation"
    options = MAKE[1].replace("build/doctrees", str(output / "doctrees")).split()[:-1]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(output / "site")],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


class Links(HTMLParser):
    """The targets of a page's links, and the names of its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.anchors |= {values[name] or "" for name in ("id", "name") if name in values}
        self.targets += [values[name] or "" for name in ("href", "src") if name in values]


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("documentation")
    built = build(ROOT, output)
    assert built.returncode == 0, built.stderr
    return output / "site"


def test_every_page_is_there(site: Path) -> None:
    for page in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "specs" / "README.md"):
        assert (site / page.relative_to(ROOT).with_suffix(".html")).is_file(), page


def test_every_link_leads_somewhere(site: Path) -> None:
    """Sphinx sees to those of the pages; this, to what it made of them."""
    pages = {page: Links(page) for page in site.rglob("*.html")}
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            address, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            there = (page.parent / address.partition("?")[0]).resolve() if address else page
            if not there.exists() or (anchor and there in pages and anchor not in pages[there].anchors):
                broken.append(f"{page.relative_to(site)}: {target}")
    assert broken == []


def test_specs_are_coloured(site: Path) -> None:
    page = (site / "docs" / "language.html").read_text(encoding="utf-8")
    assert re.search(r'<span class="k\w*">network</span>', page)


@pytest.fixture(name="page")
def _page(tmp_path: Path) -> Callable[[str], str]:
    """Builds a site of an index and one page of a given text; what is said."""

    def page(text: str) -> str:
        docs = tmp_path / "docs"
        docs.mkdir()
        shutil.copy(ROOT / "docs" / "conf.py", docs)
        (docs / "index.md").write_text("# Index\n\n## Pages\n\n* [Page](page.md)\n", encoding="utf-8")
        (docs / "page.md").write_text(f"# Page\n\n## Here\n\n{text}\n", encoding="utf-8")
        built = build(tmp_path, tmp_path / "out")
        assert (built.returncode == 0) == (built.stderr == ""), built.stderr
        return built.stderr

    return page


def test_a_page_without_faults_builds(page: Callable[[str], str]) -> None:
    assert page("[here](#here), [index](index.md#pages), [folder](../docs/), [file](conf.py)") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](missing.md)", "missing"),
        ("[x](../missing/)", "missing"),
        ("[x](#nowhere)", "nowhere"),
        ("[x](index.md#nowhere)", "nowhere"),
        ("![x](missing.png)", "missing.png"),
        ("```cobol-2002\nSTOP RUN.\n```", "cobol-2002"),
        ("#### Deep", "header level"),
    ],
)
def test_a_fault_is_an_error(page: Callable[[str], str], text: str, said: str) -> None:
    assert said in page(text)


def test_a_page_that_the_index_forgets_is_an_error(page: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n", encoding="utf-8")
    assert "CHANGELOG.md" in page("Text.")
