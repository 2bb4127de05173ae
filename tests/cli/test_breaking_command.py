"""`spinec breaking`: which files are compared, which rules hold, and how findings are reported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Repository

from spinedsl.cli import run
from spinedsl.comparison import breaking as rules_run
from spinedsl.comparison.rules import RULES

NETWORK = """import "std/resnet.spine"

network {name} {{
  input 3 x 32 x 32
  width {{ 2..3: {width} }}

  stem {{ conv 3x3 / 4 -> 8, norm, act  s0: residual @2 width 8 }}

  b1: residual @3 <- s0
  b2: residual @2 <- s0, b1 => P2
}}
"""
Ran = Callable[..., tuple[int, str, str]]


def network(name: str = "tiny", width: int = 8) -> str:
    return NETWORK.format(name=name, width=width)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Ran:
    def run_it(*arguments: str) -> tuple[int, str, str]:
        exit_code = run(["breaking", *arguments])
        out, err = capsys.readouterr()
        return exit_code, out, err

    return run_it


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository(tmp_path / "specs here")
    monkeypatch.chdir(repository.folder)
    return repository


def found(out: str) -> list[tuple[str, str]]:
    """File and code of every diagnostic in concise output."""
    return re.findall(r"^(.+?):\d+:\d+: \w+\[(SP\d{3})\]", out, re.MULTILINE)


CONCISE = ("--format", "concise")
HEAD = ("--against", "HEAD")


def test_what_changed_below_the_working_folder_is_compared(repository: Repository, ran: Ran) -> None:
    repository.commit(
        {f"{name}.spine": network(Path(name).name) for name in ("same", "wider", "gone", "deep/nested")}
        | {".hidden/h.spine": network()}
    )
    repository.write("wider.spine", network("wider", 16))
    repository.write("deep/nested.spine", network("other"))
    repository.write("fresh.spine", network("fresh"))
    repository.write(".hidden/h.spine", network("other"))
    (repository.folder / "gone.spine").unlink()
    exit_code, out, err = ran(*HEAD, *CONCISE)
    assert (exit_code, err) == (1, "")
    assert sorted(found(out)) == [
        ("deep/nested.spine@HEAD", "SP200"),
        ("gone.spine@HEAD", "SP200"),
        ("wider.spine", "SP203"),
        ("wider.spine", "SP222"),
    ]
    assert found(ran(*HEAD, *CONCISE, "deep")[1]) == [("deep/nested.spine@HEAD", "SP200")]
    assert found(ran(*HEAD, *CONCISE, "wider.spine", "gone.spine")[1]) == [
        ("wider.spine", "SP203"), ("wider.spine", "SP222"), ("gone.spine@HEAD", "SP200"),
    ]  # fmt: skip
    assert ran(*HEAD, *CONCISE, "same.spine", "fresh.spine") == (0, "", "")


def test_a_changed_import_is_found_in_who_imports_it(repository: Repository, ran: Ran) -> None:
    importing = 'import "base.spine"\n\nnetwork more extends tiny {}\n'
    repository.commit({"base.spine": network(), "a.spine": importing, "b.spine": network("other")})
    repository.write("base.spine", network(width=16))
    out = ran(*HEAD, *CONCISE, "--only", "WEIGHTS", "a.spine")[1]
    assert found(out) == [("base.spine", "SP203")]
    assert "“more” wants" in out
    assert ran(*HEAD, "b.spine") == (0, "1 file is as before\n", "")


def test_an_import_that_is_gone_is_found_in_who_imports_it(repository: Repository, ran: Ran) -> None:
    importing = 'import "base.spine"\n\nnetwork more extends tiny {}\n'
    repository.commit({"base.spine": network(), "a.spine": importing})
    (repository.folder / "base.spine").unlink()
    exit_code, out, _ = ran(*HEAD, *CONCISE)
    assert exit_code == 1
    assert found(out) == [("a.spine", "SP021"), ("base.spine@HEAD", "SP200")]


def test_unchanged_files_are_not_even_parsed(
    repository: Repository, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({f"{index}.spine": network() for index in range(5)})
    repository.write("3.spine", f"# More.\n{network()}")
    opened: list[str] = []
    original = rules_run.open_all
    monkeypatch.setattr(
        rules_run, "open_all", lambda spec, *rest: opened.append(spec) or original(spec, *rest)
    )
    assert ran(*HEAD) == (0, "ok  3.spine:tiny\n4 files are as before\n", "")
    assert opened == ["3.spine", "3.spine"]


def test_a_folder_whose_specs_are_all_gone(repository: Repository, ran: Ran) -> None:
    repository.commit({"deep/a.spine": network(), "b.spine": network()})
    (repository.folder / "deep" / "a.spine").unlink()
    assert found(ran(*HEAD, *CONCISE, "deep")[1]) == [("deep/a.spine@HEAD", "SP200")]
    (repository.folder / "empty").mkdir()
    exit_code, _, err = ran(*HEAD, "empty")
    assert exit_code == 1 and "there is no .spine file in “empty”" in err


def test_layout_comments_and_new_networks_break_nothing(repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": network()})
    more = (
        network().replace("b1: residual", "# A remark.\n  b1:   residual")
        + "network larger extends tiny { repeat 2 }\n"
    )
    repository.write("a.spine", more)
    assert ran(*HEAD) == (0, "ok  a.spine:tiny\n", "")


# ---- against a path


def test_against_a_file_or_a_folder(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, width in (("old", 8), ("new", 16)):
        Path(folder).mkdir()
        Path(folder, "a.spine").write_text(network(width=width))
        Path(folder, f"only_{folder}.spine").write_text(network())
    only = ("--only", "WEIGHTS", "--only", "NETWORKS", *CONCISE)
    assert found(ran("--against", "old/a.spine", "new/a.spine", *only)[1]) == [("new/a.spine", "SP203")]
    assert found(ran("--against", "old", "new", *only)[1]) == [
        ("new/a.spine", "SP203"),
        ("old/only_old.spine", "SP200"),
    ]
    for arguments in (
        ("--against", "old", "new/a.spine"),
        ("--against", "old/a.spine"),
        ("--against", "old", "new", "old"),
    ):
        exit_code, _, err = ran(*arguments)
        assert exit_code == 2 and "to compare with it" in err


# ---- rules


def test_folders_without_specs(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older folder without a spec is most likely not the one that was meant; in the newer one all is gone."""
    monkeypatch.chdir(tmp_path)
    for folder in ("old", "empty"):
        Path(folder).mkdir()
    Path("old/a.spine").write_text(network())
    exit_code, _, err = ran("--against", "empty", "old")
    assert exit_code == 1
    assert "there is no .spine file in “empty”" in err
    exit_code, out, _ = ran("--against", "old", "empty", *CONCISE)
    assert exit_code == 1
    assert found(out) == [("old/a.spine", "SP200")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["SP203", "SP222"]),
        (("--only", "weights"), ["SP203"]),
        (("--only", "OUTPUTS", "--only", "SP203"), ["SP203", "SP222"]),
        (("--except", "weights-reshaped"), ["SP222"]),
        (("--except", "WEIGHTS", "--except", "output-channels"), []),
    ],
)
def test_rules_are_selected(
    options: tuple[str, ...], expected: list[str], repository: Repository, ran: Ran
) -> None:
    repository.commit({"a.spine": network()})
    repository.write("a.spine", network(width=16))
    exit_code, out, _ = ran(*HEAD, *CONCISE, *options)
    assert [code for _, code in found(out)] == expected
    assert exit_code == bool(expected)


def test_rules_are_listed(ran: Ran) -> None:
    exit_code, out, _ = ran("--list-rules")
    assert exit_code == 0
    for rule in RULES:
        assert re.search(
            rf"^{rule.code}  {rule.name} +{rule.category} +{re.escape(rule.title)}$", out, re.MULTILINE
        )


# ---- reports


def test_findings_are_shown_in_both_texts(repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": network()})
    repository.write("a.spine", "\n" + network(width=16))
    exit_code, out, err = ran(*HEAD, "--only", "output-channels")
    assert (exit_code, out) == (1, "")
    assert err == (
        "error[SP222]: “P2” of “tiny” has 16 channels, not 8\n"
        "   --> a.spine:11:3\n"
        "    |\n"
        " 11 |   b2: residual @2 <- s0, b1 => P2\n"
        "    |   ^^\n"
        "   ::: a.spine@HEAD:10:3\n"
        "    |\n"
        " 10 |   b2: residual @2 <- s0, b1 => P2\n"
        "    |   -- before\n"
        "  help: keep its channels, or adapt everything that reads it\n"
        "\n"
    )


def test_json_report(repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": network(), "b.spine": network("fine")})
    repository.write("a.spine", network(width=16))
    repository.write("b.spine", network("fine") + "# More.\n")
    report = json.loads(ran(*HEAD, "--format", "json")[1])
    assert {(n["file"], n["name"], n["errors"]) for n in report["networks"]} == {
        ("a.spine", "tiny", 2), ("b.spine", "fine", 0),
    }  # fmt: skip
    assert [d["code"] for d in report["diagnostics"]] == ["SP203", "SP222"]


@pytest.mark.parametrize("style", ["github", "junit", "sarif"])
def test_other_reports(style: str, repository: Repository, ran: Ran) -> None:
    repository.commit({"a.spine": network()})
    repository.write("a.spine", network(width=16))
    exit_code, out, err = ran(*HEAD, "--format", style)
    assert (exit_code, err) == (1, "")
    assert "SP203" in out and "a.spine" in out


# ---- bad input


def test_a_broken_older_version_is_a_warning_and_a_broken_present_one_an_error(
    repository: Repository, ran: Ran
) -> None:
    repository.commit(
        {"a.spine": network()[:-3], "b.spine": network(), "c.spine": network().replace("s0, b1", "s0, b9")}
    )
    for name in ("a", "c"):
        repository.write(f"{name}.spine", network())
    assert ran(*HEAD, "a.spine")[0] == 0
    exit_code, out, err = ran(*HEAD, "c.spine", *CONCISE)
    assert exit_code == 0
    assert re.search(r"^c\.spine@HEAD:\d+:\d+: warning\[SP020\] there is nothing to compare with: ", out)
    repository.write("b.spine", network()[:-3])
    exit_code, _, err = ran(*HEAD, "b.spine")
    assert exit_code == 1 and "error[SP012]" in err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        ((), 2, "Missing option '--against'"),
        (("--against", "mian"), 1, "did you mean “main”?"),
        (("--against", "-x"), 1, "is no revision"),
        (("--against", "HEAD", "none.spine"), 1, "can't read “none.spine”"),
        (("--against", "HEAD", "--only", "nothing"), 1, "there is no rule or category “nothing”"),
        (("--against", "HEAD", "x" * 5000), 1, "can't read"),
        (("--against", "HEAD", "a\0b"), 1, "can't read"),
        (("--against", "\0"), 1, "is no revision"),
    ],
)
def test_bad_arguments(
    arguments: tuple[str, ...], exit_code: int, words: str, repository: Repository, ran: Ran
) -> None:
    repository.commit({"a.spine": network()})
    code, _, err = ran(*arguments)
    assert code == exit_code
    assert words in err and "Traceback" not in err
