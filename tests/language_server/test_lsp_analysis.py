"""What is known of a text over its edits: the same as if it were read for the first time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from marked import NET, PARSER, known
from support import SPEC_FILES, SPEC_IDS

from spinedsl.checking.check import check_spec
from spinedsl.language_server.analysis import Analysis, analyse, with_completed
from spinedsl.language_server.buffers import Buffers
from spinedsl.language_server.checks import AT_ONCE, at_once, complete
from spinedsl.language_server.keys import keys_of
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


KERNEL = "block k(width) -> width { conv 3x3 / stride -> width, norm }\n"
KERNELS = """import "k.spine"
network n {
  input 3 x 64 x 64
  width { 2: 8 }
  stem { conv 3x3 / 4 -> 8  s0: k @2 }
  b0: k @2 <- s0 => P2
}
"""


def test_what_was_compiled_before_an_import_changed_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "k.spine").write_text(KERNEL)
    source = Source("net.spine", KERNELS, tmp_path / "net.spine")
    before = analyse(source, parser=PARSER)
    done = complete(before.known["n"])
    (tmp_path / "k.spine").write_text(KERNEL.replace("3x3", "7x7"))
    after = with_completed(analyse(source, before, parser=PARSER), {"n": done})
    assert [waiting.name for waiting in after.pending] == ["n"] and not after.summaries
    small, large = (known.summary for known in (done, complete(after.known["n"])))
    assert small is not None and large is not None and small.parameters < large.parameters


def test_what_was_compiled_before_an_edit_elsewhere_is_of_use(tmp_path: Path) -> None:
    (tmp_path / "k.spine").write_text(KERNEL)
    before = analyse(Source("net.spine", KERNELS, tmp_path / "net.spine"), parser=PARSER)
    moved = Source("net.spine", KERNELS.replace("network", "part p { act }\nnetwork"), before.source.path)
    after = with_completed(analyse(moved, before, parser=PARSER), {"n": complete(before.known["n"])})
    assert not after.pending and list(after.summaries) == ["n"]


IN_A_CIRCLE = "part a { b }\npart b { a, norm }\npart c { norm }\nmerge sum { sum(inputs) }\n"
USES = IN_A_CIRCLE + "block k(width) -> width { a }\nnetwork n { b0: k @2 }\nnetwork m { b0: j @2 }\n"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("{ a, norm }", "{ a, act }", {"n"}),
        ("part a { b }", "part a { b, b }", {"n"}),
        ("part c { norm }", "part c { act }", set()),
        ("part c { norm }", "part c { norm }\n# A remark.\n", set()),
        ("k(width)", "k(width, deep = 2)", {"n"}),
        ("j @2", "j @3", {"m"}),
        ("sum(inputs)", "sum(inputs), act", {"n", "m"}),
    ],
)
def test_a_key_is_of_all_that_a_network_leads_to(old: str, new: str, changed: set[str]) -> None:
    before, after = (keys_of(analyse(Source("", text)).scope) for text in (USES, USES.replace(old, new, 1)))
    assert before.keys() == after.keys() == {"n", "m"}
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    ("first", "each"),
    [
        ("part p0 {{ p{last} }}", "part p{i} {{ p{before} }}"),
        ("network n0 {{ input 3 x 64 x 64 }}", "network n{i} extends n{before} {{ repeat 2 }}"),
        ("network n0 {{ input 3 x 64 x 64 }}", "network n{i} {{ input 3 x 64 x 64 }}"),
    ],
    ids=["a circle", "a chain", "side by side"],
)
def test_an_edit_takes_time_in_proportion_to_the_text(first: str, each: str) -> None:
    count = 3000
    lines = [(each if i else first).format(i=i, before=i - 1, last=count - 1) for i in range(count)] + [
        "network n { input 3 x 64 x 64 }"
    ]
    before = analyse(Source("", "\n".join(lines)), parser=PARSER)
    lines.insert(count // 2, "# A remark.")
    started = time.process_time()
    after = analyse(Source("", "\n".join(lines)), before, parser=PARSER)
    assert after.diagnostics and after.known.keys() == before.known.keys()
    # 0.2 s; where each item was looked for among all, 4 s and more.
    assert time.process_time() - started < 1.5


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
