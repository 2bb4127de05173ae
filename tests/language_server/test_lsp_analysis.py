"""What is known of a text over its edits: the same as if it were read for the first time."""

from __future__ import annotations

from pathlib import Path

import pytest
from marked import NET, PARSER, known
from support import SPEC_FILES, SPEC_IDS

from spinedsl.checking.check import check_spec
from spinedsl.language_server.analysis import Analysis, analyse
from spinedsl.language_server.buffers import Buffers
from spinedsl.language_server.checks import AT_ONCE, at_once
from spinedsl.source import Source

TWO = NET + "\nnetwork other extends tiny { repeat 2 }\nnetwork third { input 3 x 8 x 8 }\n"


def said(analysis: Analysis) -> list[tuple[str, str, int | None, str]]:
    return [
        (d.code, d.message, d.primary and d.primary.span.start, d.primary.span.text if d.primary else "")
        for d in analysis.diagnostics
    ]


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_what_is_wrong_is_what_check_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("@3", "@9", 1).replace("alpha", "alhpa", 1)
    files = Buffers()
    files.open[path.resolve()] = text
    expected = check_spec(str(path), files=files).diagnostics
    found = known(text, path)
    assert [(d.code, d.message) for d in found.diagnostics] == [(d.code, d.message) for d in expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Small", "#\n# Small"),
        ("@3 <- s0", "@9 <- s0"),
        ("repeat 2", "repeat 0"),
        ("endpoints -> 4", "endpoints -> 8"),
        ("s0: residual", "s1: residual"),
        ('import "std/resnet.spine"', 'import "std/resnet.spine"\nimport "std/fpn.spine"'),
        ('import "std/resnet.spine"', 'import "std/resnet.spin"'),
        ("\nnetwork third", "\nmerge sum { sum(inputs) }\nnetwork third"),
        ("network other extends tiny { repeat 2 }", ""),
        ("@3 <- s0", "@3 <- "),
    ],
)
def test_an_edit_leaves_what_reading_it_anew_finds(old: str, new: str) -> None:
    before = known(TWO)
    assert old in TWO
    for text, back in ((TWO.replace(old, new, 1), TWO), (TWO, TWO.replace(old, new, 1))):
        after = known(text, before=known(back, before=before))
        fresh = known(text)
        if not fresh.parsed.diagnostics:
            assert said(after) == said(fresh)
            assert {n: s.rows for n, s in fresh.summaries.items()}.items() <= {
                n: s.rows for n, s in after.summaries.items()
            }.items()


def test_only_what_depends_on_an_edit_is_looked_at_again() -> None:
    before = known(TWO)
    after = analyse(
        Source("net.spine", TWO.replace("repeat 2", "repeat 3"), before.source.path), before, parser=PARSER
    )
    assert [waiting.name for waiting in after.pending] == ["other"]
    assert after.known["tiny"] is before.known["tiny"]


def test_behind_a_syntax_error_what_was_known_is_still_said_and_nothing_else() -> None:
    before = known(TWO)
    after = known(TWO.replace("@3 <- s0", "@3 <-"), before=before)
    assert [(d.code, d.primary and d.primary.span.text) for d in after.diagnostics] == [
        ("SP010", ":"),
        ("SP032", "third"),
    ]
    assert "tiny" in after.summaries


def test_what_takes_long_waits() -> None:
    blocks = "\n".join(f"  c{i}: residual @2 <- s0, b1" for i in range(AT_ONCE + 1))
    analysis = analyse(Source("net.spine", TWO.replace("  endpoints", f"{blocks}\n  endpoints"), None))
    assert at_once(analysis.pending) == []
    assert at_once(analyse(Source("net.spine", NET, None)).pending) != []


def test_an_import_with_errors_is_read_as_far_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "parts.spine").write_text("block a(width) -> width { act }\nblock b(width) -> { act }\n")
    analysis = known('import "parts.spine"\npart p { act }\n', tmp_path / "net.spine")
    assert analysis.scope.find("definition", "a") is not None
    assert [d.primary.span.source.path for d in analysis.diagnostics if d.primary] == [
        tmp_path / "parts.spine"
    ]


def test_an_empty_text_can_name_the_prelude() -> None:
    analysis = known("")
    assert [d.code for d in analysis.diagnostics] == ["SP005"]
    assert analysis.scope.find("definition", "cross_scale") is not None
