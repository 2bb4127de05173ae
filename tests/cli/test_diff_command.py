"""`spinec diff`: what is compared, how it is shown, and what it says of bad input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Repository

from spinedsl.cli import run
from spinedsl.cli.diff_markdown import MOST, code

GOLDEN = Path(__file__).parent / "golden"
NETWORK = """import "std/resnet.spine"

network tiny {
  input 3 x 32 x 32
  width { 2..3: 8 }

  stem { conv 3x3 / 4 -> 8, norm, act  s0: residual @2 }

  b1: residual @3 <- s0
  b2: residual @2 <- s0, b1 => P2
}
"""
CHANGED = NETWORK.replace("b1: residual @3 <- s0", "b1: bottleneck @3 <- s0").replace(
    "<- s0, b1", "<- b1, s0"
)
FAMILY = NETWORK + "\nnetwork larger extends tiny { repeat 2 }\n"
WIDER = FAMILY.replace("b1: residual @3", "b1: residual(dilation = 2) @3 repeat 2 width 9").replace(
    "<- s0, b1", "<- b1"
)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run_it(*arguments: str) -> tuple[int, str, str]:
        exit_code = run(["diff", *arguments])
        out, err = capsys.readouterr()
        return exit_code, out, err

    return run_it


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository(tmp_path / "specs here")
    monkeypatch.chdir(repository.folder)
    return repository


Ran = Callable[..., tuple[int, str, str]]


# ---- how it looks


def test_text(repository: Repository, ran: Ran, golden: Callable[[str, Path], None]) -> None:
    repository.commit({"a.spine": FAMILY})
    repository.write("a.spine", WIDER)
    exit_code, out, err = ran("a.spine")
    assert (exit_code, err) == (0, "")
    assert "\x1b" not in out
    golden(out, GOLDEN / "diff.txt")


def test_markdown(repository: Repository, ran: Ran, golden: Callable[[str, Path], None]) -> None:
    repository.commit({"a.spine": FAMILY})
    repository.write("a.spine", WIDER)
    exit_code, out, err = ran("a.spine", "--format", "markdown")
    assert (exit_code, err) == (0, "")
    golden(out, GOLDEN / "diff.md")


def test_json_has_stable_keys(repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": NETWORK})
    repository.write("a.spine", CHANGED)
    report = json.loads(ran("a.spine", "--format", "json")[1])
    assert list(report) == ["before", "after", "identical", "same_text", "networks"]
    (network,) = report["networks"]
    assert list(network) == ["name", "state", "before_name", "changes", "totals", "blocks"]
    assert network["changes"] == [
        {"kind": "block-kind", "name": "b1", "before": "residual", "after": "bottleneck", "part": ""},
        {"kind": "edge-order", "name": "b2", "before": "s0, b1", "after": "b1, s0", "part": ""},
    ]
    assert list(network["totals"]) == ["parameters", "untrained", "macs", "activation_bytes", "peak_bytes"]
    assert list(network["blocks"][0]["after"]) == [
        "name", "kind", "level", "shape", "parameters", "macs", "activation_bytes",
    ]  # fmt: skip
    for measure, total in network["totals"].items():
        assert total["delta"] == total["after"] - total["before"], measure


def test_colours_only_where_asked(repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": NETWORK})
    repository.write("a.spine", CHANGED)
    out = ran("a.spine", "--color", "always")[1]
    assert "\x1b[33m  ~ b1: residual → bottleneck\x1b[0m" in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a``", "``` `a`` ```"),
        ("a|b", "`a\\|b`"),
        ("a\nb\x1b", "`a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}`"),
    ],
)
def test_markdown_shows_any_text_as_it_is(text: str, expected: str) -> None:
    assert code(text) == expected


def test_markdown_of_many_changes_is_short_enough_for_a_comment(repository: Repository, ran: Ran) -> None:
    chain = "".join(f"  c{i}: residual @3 <- {f'c{i - 1}' if i else 's0'}\n" for i in range(600))
    long = NETWORK.replace("  b2: residual @2 <- s0, b1", f"{chain}  b2: residual @2 <- s0, c599")
    repository.commit({"a.spine": long})
    repository.write(
        "a.spine",
        long.replace("c0: residual @3", "c0: bottleneck @3").replace(" @3 <- c", "(dilation = 2) @3 <- c"),
    )
    out = ran("a.spine", "--format", "markdown")[1]
    assert len(out) < 65_536
    assert f"… and {600 - MOST:,} more." in out
    assert out.count("<details>") == out.count("</details>") == 2


# ---- what is compared


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        (("a.spine",), "changed"),
        (("a.spine@HEAD",), "changed"),
        (("a.spine@main", "a.spine"), "changed"),
        (("a.spine", "a.spine@HEAD~1"), "changed"),
        (("a.spine@HEAD~1", "a.spine@HEAD"), "same"),
        (("a.spine:tiny@HEAD~1",), "changed"),
        (("a.spine@HEAD~1:tiny", "a.spine:tiny"), "changed"),
        (("a.spine@HEAD@{0}",), "changed"),
        (("odd@name.spine",), "same"),
        (("odd@name.spine@main~1", "odd@name.spine"), "same"),
        (("gone.spine@HEAD~1", "a.spine@HEAD"), "same"),
        (("deep/gone.spine@HEAD~1", "a.spine@HEAD"), "same"),
        (("a.spine@HEAD", "odd@name.spine"), "same"),
    ],
)
def test_specs_and_revisions(
    arguments: tuple[str, ...], state: str, repository: Repository, ran: Ran
) -> None:
    repository.commit(dict.fromkeys(["a.spine", "odd@name.spine", "gone.spine", "deep/gone.spine"], NETWORK))
    repository.git("rm", "-r", "--quiet", "gone.spine", "deep")
    repository.commit({"a.spine": NETWORK + "# The end.\n"})
    repository.write("a.spine", CHANGED)
    exit_code, out, err = ran(*arguments, "--format", "json", "--exit-code")
    assert err == ""
    assert [network["state"] for network in json.loads(out)["networks"]] == [state]
    assert exit_code == (state == "changed")


def test_works_from_a_sub_folder_and_without_a_repository(
    repository: Repository, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"deep/a.spine": NETWORK})
    (repository.folder / "deep" / "a.spine").write_text(CHANGED)
    monkeypatch.chdir(repository.folder / "deep")
    assert ran("a.spine")[1].startswith("a.spine@HEAD → a.spine\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.spine").write_text(NETWORK)
    (outside / "b.spine").write_text(CHANGED)
    monkeypatch.chdir(outside)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert ran("a.spine", "b.spine", "--exit-code")[0] == 1
    exit_code, _, err = ran("a.spine")
    assert exit_code == 1
    assert "error[SP001]: “.” is in no git repository\n  help: name two files instead" in err


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (NETWORK, NETWORK, "the same network, in the same text"),
        (NETWORK, f"# A remark.\n{NETWORK}", "the same network; only the text differs"),
        (FAMILY, FAMILY.replace("8 }", "8 } # all"), "the same 2 networks; only the text differs"),
    ],
)
def test_equal_networks_are_said_to_be(
    before: str, after: str, sentence: str, tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.spine").write_text(before)
    Path("b.spine").write_text(after)
    assert ran("a.spine", "b.spine", "--exit-code") == (0, f"a.spine → b.spine\n{sentence}\n", "")
    markdown = ran("a.spine", "b.spine", "--format", "markdown")[1]
    assert sentence.capitalize() in markdown


def test_networks_that_came_and_went(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.spine").write_text(FAMILY)
    Path("b.spine").write_text(FAMILY.replace("network larger", "network huge"))
    exit_code, out, _ = ran("a.spine", "b.spine", "--exit-code")
    assert exit_code == 1
    assert re.findall(r"^[+-] \w+$", out, re.MULTILINE) == ["+ huge", "- larger"]
    markdown = ran("a.spine", "b.spine", "--format", "markdown")[1]
    assert "`huge` is new." in markdown and "`larger` is gone." in markdown


def test_two_networks_of_one_file(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.spine").write_text(FAMILY)
    out = ran("a.spine:tiny", "a.spine:larger")[1]
    assert "\ntiny → larger\n  ~ repeat: 1 → 2\n" in out


def test_models(ran: Ran) -> None:
    exit_code, out, _ = ran("std:spinenet49_retinanet", "std:spinenet96_retinanet")
    assert exit_code == 0
    assert "  ~ backbone.repeat: 1 → 2\n" in out


# ---- bad input


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("none.spine@HEAD",), "SP001", "no such file at that revision"),
        (("a.spine@mian",), "SP020", "there is no revision “mian”"),
        (("a.spine@--all",), "SP020", "is no revision"),
        (("a.spine@",), "SP020", "is no revision"),
        (("a.spine:none",), "SP020", "has no network “none”"),
        (("std:spinenet49@HEAD",), "SP030", "has no revisions"),
        (("std:spinenet49", "std:none"), "SP020", "no network “none”"),
        (("a.spine@HEAD", "broken.spine"), "SP012", ""),
        (("broken.spine@HEAD", "a.spine"), "SP012", "broken.spine@HEAD:"),
        (("deep@HEAD", "a.spine"), "SP001", "can't read"),
        (("x" * 5000, "a.spine"), "SP001", "can't read"),
        (("a\0b.spine@HEAD", "a.spine"), "SP001", "can't read"),
        (("@", "a.spine"), "SP001", "can't read"),
        (("", "a.spine"), "SP001", "can't read"),
    ],
)
def test_what_cannot_be_compared_is_a_diagnostic(
    arguments: tuple[str, ...], code: str, words: str, repository: Repository, ran: Ran
) -> None:
    repository.commit({"a.spine": NETWORK, "broken.spine": NETWORK[:-3], "deep/a.spine": NETWORK})
    exit_code, out, err = ran(*arguments)
    assert (exit_code, out) == (1, "")
    assert f"error[{code}]" in err and words in err
    assert "Traceback" not in err
