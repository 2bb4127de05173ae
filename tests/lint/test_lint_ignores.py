"""Comments that ignore rules: what they speak of, what is said of them, and that the formatter keeps them."""

from __future__ import annotations

import re

import pytest
from lint_support import codes, found, linted, network, place
from support import SPEC_FILES

from spinedsl.fixing import apply_fixes, fixed
from spinedsl.lint import Level, Settings, lint_spec
from spinedsl.source import Files, Source
from spinedsl.syntax.formatting import formatted

TWICE = "b0: residual @2 <- s0, s0 => P2"
IGNORE = "# spinec: ignore[SP102]"


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(f"{TWICE}  {IGNORE}", id="behind"),
        pytest.param(f"{TWICE}{IGNORE} for a reason", id="right behind, with a reason"),
        pytest.param(f"{IGNORE}\n  {TWICE}", id="above"),
        pytest.param(f"{IGNORE}\n\n  # and another\n\n  {TWICE}", id="above others"),
        pytest.param(f"b0: residual @2 <- s0, {IGNORE}\n s0 => P2", id="in the middle"),
        pytest.param(f"b0: residual @2 <- s0,\n s0\n => P2 {IGNORE}", id="behind several lines"),
        pytest.param(f"{TWICE} # spinec:ignore[ SP101 ,SP102]\n b1: residual @2 <- s0\n b2: residual @2 <- s0 # x",
                     id="among others"),
        pytest.param(f"{TWICE} # spinec: ignore[repeated-input]", id="by name"),
        pytest.param(f"{TWICE} # spinec: ignore[sp102]", id="in small letters"),
    ],
)  # fmt: skip
def test_a_comment_ignores_a_rule(blocks):
    assert "SP102" not in codes(network(blocks))
    assert "SP102" not in codes(formatted(Source("main.spine", network(blocks))))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(network(TWICE).replace("  input", f"  {IGNORE}\n  input"), id="above a setting"),
        pytest.param(network(f"{TWICE}\n {IGNORE}"), id="below"),
        pytest.param(network(f"{TWICE}") + IGNORE, id="at the end of the file"),
        pytest.param(network(TWICE, f"stem {{ s0: residual @1 {IGNORE}\n }}").replace("  stem { s0: residual @1 }\n", ""),
                     id="behind another"),
        pytest.param(network(TWICE).replace("tiny {", f"tiny {{ {IGNORE}"), id="behind the head"),
        pytest.param(network(f"b9: residual @2 <- s0 {IGNORE}\n {TWICE}"), id="behind the one before"),
    ],
)  # fmt: skip
def test_a_comment_elsewhere_ignores_nothing(text):
    assert {"SP100", "SP102"} <= set(codes(text))
    again = formatted(Source("main.spine", text))
    assert {"SP100", "SP102"} <= set(codes(again))


def test_a_comment_above_a_network_speaks_of_all_of_it():
    text = network(TWICE).replace("network tiny", f"{IGNORE}\nnetwork tiny")
    assert codes(text) == []


def test_a_comment_behind_a_brace_speaks_of_the_head():
    text = network(
        "b0: residual @2 <- s0 => P2", before="\npart extra { # spinec: ignore[SP109] for later\n norm }"
    )
    assert codes(text) == []


def test_words_in_a_text_are_no_comment():
    text = network(TWICE, f'title "{IGNORE}"')
    assert codes(text) == ["SP102"]


# ---- what is said of comments


def test_what_ignores_nothing():
    text = network("b0: residual @2 <- s0 => P2  # spinec: ignore[SP102] long ago")
    (diagnostic,) = found(text)
    assert diagnostic.code == "SP100" and place(diagnostic) == "# spinec: ignore[SP102] long ago"
    after, _ = apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])
    assert diagnostic.fix.safe and after == network("b0: residual @2 <- s0 => P2")


def test_a_line_goes_with_its_comment():
    text = network("b0: residual @2 <- s0 => P2")
    commented = text.replace("  b0", f"  {IGNORE}\n  b0")
    (diagnostic,) = found(commented)
    assert apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])[0] == text


def test_some_of_several():
    (diagnostic,) = found(network(f"{TWICE}  # spinec: ignore[SP101, SP102, SP103] two too many"))
    assert diagnostic.code == "SP100" and place(diagnostic) == "SP101"
    after, _ = apply_fixes(diagnostic.primary.span.source, [diagnostic.fix])
    assert "# spinec: ignore[SP102] two too many" in after


def test_empty_brackets_ignore_nothing():
    assert codes(network("b0: residual @2 <- s0 => P2  # spinec: ignore[]")) == ["SP100"]


@pytest.mark.parametrize(
    ("comment", "where", "hint"),
    [
        ("# spinec: ignore[SP1O2]", "SP1O2", "did you mean “SP102”?"),
        ("# spinec: ignore[repeated-inputs]", "repeated-inputs", "did you mean “repeated-input”?"),
        ("# spinec: ignore[SP043]", "SP043", None),
        ("# spinec: ignore[*]", "*", "`spinec lint --rules` lists them"),
        ("# spinec: ignore", "# spinec: ignore", "write `# spinec: ignore[SP101]`"),
        ("# spinec: ignore(SP102)", "# spinec: ignore(SP102)", "write `# spinec: ignore[SP101]`"),
        ("# spinec: ignore[SP102", "# spinec: ignore[SP102", "write `# spinec: ignore[SP101]`"),
        ("# spinec: ingore[SP102]", "# spinec: ingore[SP102]", "write `# spinec: ignore[SP101]`"),
    ],
)
def test_what_names_no_rule(comment, where, hint):
    first, second = found(network(f"{TWICE}  {comment}"))
    assert (first.code, second.code) == ("SP102", "SP111")
    assert place(second) == where
    assert second.help.startswith(hint or "")


@pytest.mark.parametrize("count", [2, 100_000])
def test_a_comment_is_told_once_what_it_names(count):
    (_, diagnostic) = found(network(f"{TWICE}  # spinec: ignore[SP1O2, {'a ' * (count - 1)}]"))
    assert diagnostic.message == f"there is no rule “SP1O2”, and {count - 1:,} more"
    assert (place(diagnostic), diagnostic.help) == ("SP1O2", "did you mean “SP102”?")


def test_what_ignores_nothing_is_named_in_few_words():
    idle = ", ".join(["SP101", "SP103"] * 10_000)
    (diagnostic,) = found(network(f"{TWICE}  # spinec: ignore[SP102, {idle}]"))
    assert diagnostic.message == "there is nothing of “SP101”, “SP103” to ignore"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param(network("b0: residual @2 <- s0 => P2 # spinec: ignore[SP103]"),
                     Settings(levels={"SP103": Level.OFF}), id="a rule that is off"),
        pytest.param(network("b0: residual @2 <- s0 => P2 # spinec: ignore[SP107]"), Settings(), id="no runtime"),
    ],
)  # fmt: skip
def test_only_rules_that_ran_are_missed(text, settings):
    assert codes(text, settings) == []


def test_what_does_not_compile_may_have_been_ignored_rightly():
    text = network("b0: residual @6 <- s0, b7 => P6 # spinec: ignore[SP103, SP102]")
    assert [(d.code, place(d)) for d in found(text)] == [("SP020", "b7"), ("SP100", "SP102")]


def test_one_network_of_several_says_nothing_of_the_comments_of_others(tmp_path):
    path = tmp_path / "two.spine"
    path.write_text(
        network("b0: residual @6 <- s0 => P6  # spinec: ignore[SP103]")
        + "network more extends tiny { repeat 2 }"
    )
    assert lint_spec(f"{path}:more").diagnostics == ()


# ---- fixing and formatting


def test_safe_fixes_end_with_nothing_to_mend():
    blocks = f"{IGNORE}\n b0: residual @2 <- s0 => P2 # spinec: ignore[SP103, SP106]"
    text = 'import "std/resnet.spine"\n' + network(blocks)
    source = linted(text).diagnostics[0].primary.span.source

    result = fixed(source, lambda files: lint_spec("/nowhere/main.spine", files=files).diagnostics)
    assert result.count == 3 and "spinec" not in result.text and codes(result.text) == []


IGNORING = [path for path in SPEC_FILES if "# spinec: ignore" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", IGNORING, ids=lambda path: path.stem)
def test_formatting_changes_no_finding(path):
    """A badly laid out file and the formatted one are told the same, with the ignores and without."""
    text = path.read_text(encoding="utf-8")
    bad = re.sub(r" {2,}(?=#)", " ", re.sub(r"^ +", "", text, flags=re.MULTILINE))
    source = Source("main.spine", bad, path)

    def said(text: str) -> list[tuple[str, str]]:
        class Here(Files):
            def read(self, at, name=None):
                return Source(str(at), text, at) if at == path else super().read(at, name)

        return [(d.code, place(d)) for d in lint_spec(str(path), files=Here()).diagnostics]

    without = re.sub(r"# spinec: ignore\[[^\]]*\].*", "", bad)
    assert said(bad) == [] == said(formatted(source))
    assert [code for code, _ in said(without)] == [
        code for code, _ in said(formatted(Source("main.spine", without, path)))
    ]
